//! The port that clients connect to over HTTP: whether it is free, or else who has it.

use std::io::ErrorKind;
use std::net::{Ipv4Addr, TcpListener};

use super::checkup::{Checkup, Part};

/// Tries the port and gives it back at once.
pub(super) fn look(port: u16, checkup: &mut Checkup) {
    let name = port.to_string();
    match TcpListener::bind((Ipv4Addr::LOCALHOST, port)) {
        Ok(_free) => checkup.ok(Part::Port, name, "it is free for `bridge --http`"),
        Err(error) if error.kind() == ErrorKind::AddrInUse => match holder(port) {
            Some(program) if program == "bridge" => {
                checkup.ok(Part::Port, name, "a bridge listens there");
            }
            holder => {
                let who =
                    holder.map_or_else(|| "another program".to_owned(), |it| format!("`{it}`"));
                let remedy = "only `bridge --http` needs one: choose another with `--port`";
                checkup.warning(Part::Port, name, format!("{who} listens there"), remedy);
            }
        },
        Err(error) => {
            let message = format!("nobody can listen there: {error}");
            let remedy = "choose one above 1023 with `--port` for `bridge --http`";
            checkup.warning(Part::Port, name, message, remedy);
        }
    }
}

/// The name of the program that listens on the port of this machine, where the system tells it: the tables of sockets name
/// an inode (proc(5), `/proc/net/tcp`), and whoever has it open is who listens.
#[cfg(target_os = "linux")]
fn holder(port: u16) -> Option<String> {
    let tables = ["/proc/net/tcp", "/proc/net/tcp6"].map(std::fs::read_to_string);
    let inode = tables.iter().flatten().find_map(|table| inode(table, port))?;
    let socket = format!("socket:[{inode}]");
    let processes = std::fs::read_dir("/proc").ok()?.flatten();
    let mut folders = processes.map(|process| process.path());
    let has_it = |folder: &std::path::PathBuf| {
        let open = std::fs::read_dir(folder.join("fd")).into_iter().flatten().flatten();
        let mut targets = open.filter_map(|file| std::fs::read_link(file.path()).ok());
        targets.any(|target| target.as_os_str() == socket.as_str())
    };
    let program = std::fs::read_to_string(folders.find(has_it)?.join("comm")).ok()?;
    Some(program.trim().to_owned())
}

#[cfg(not(target_os = "linux"))]
fn holder(_port: u16) -> Option<String> {
    None
}

/// The inode of the socket that listens on the port, in a table of sockets: the local address stands second, in
/// hexadecimal, the state fourth, and the inode tenth.
#[cfg(target_os = "linux")]
fn inode(table: &str, port: u16) -> Option<&str> {
    const LISTENS: &str = "0A";
    let local = format!(":{port:04X}");
    table.lines().find_map(|line| {
        let fields: Vec<&str> = line.split_whitespace().collect();
        let is_it = fields.get(1)?.ends_with(&local) && *fields.get(3)? == LISTENS;
        is_it.then_some(*fields.get(9)?)
    })
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;

    #[test]
    fn the_socket_that_listens_is_found() {
        let table = "\
  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
   0: 0100007F:0BB8 0100007F:1F90 01 00000000:00000000 00:00000000 00000000     0        0 41 1 0
   1: 0100007F:0BB8 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 42 1 0
";
        assert_eq!(inode(table, 3000), Some("42"));
        assert_eq!(inode(table, 8080), None);
        assert_eq!(inode("", 3000), None);
    }

    #[test]
    fn who_listens_is_told() {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port");
        let port = listener.local_addr().expect("bound").port();
        let own = std::fs::read_to_string("/proc/self/comm").expect("it is there");
        assert_eq!(holder(port).as_deref(), Some(own.trim()));
        let mut checkup = Checkup::default();
        look(port, &mut checkup);
        assert!(checkup.has_findings(Part::Port));
        drop(listener);
        let mut checkup = Checkup::default();
        look(port, &mut checkup);
        assert!(!checkup.has_findings(Part::Port));
    }
}
