//! Where the user's browser returns to (RFC 8252, Section 7.3): one page on this machine, for one answer.

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use tokio::time::timeout;
use url::Url;

pub(super) const PATH: &str = "/callback";
/// No browser sends a longer head to a page of this machine, in bytes.
const MAX_HEAD: usize = 32 * 1024;
/// A browser sends it at once; some open connections that they never use.
const LIMIT: Duration = Duration::from_secs(10);
/// Connections beyond these wait.
const MAX_CONNECTIONS: usize = 16;

const DONE: &str = "You are back at the bridge. This window can be closed; how the login ended, the terminal says.";
const NOT_HERE: &str = "There is nothing here.";
const OTHER: &str = "This is not the answer to the login that the bridge waits for.";

/// A port of this machine.
#[derive(Debug)]
pub(super) struct Listener {
    socket: TcpListener,
    address: SocketAddr,
}

impl Listener {
    /// Listens at this port, or at any that is free.
    pub(super) async fn bind(port: Option<u16>) -> io::Result<Self> {
        let socket = TcpListener::bind((Ipv4Addr::LOCALHOST, port.unwrap_or_default())).await?;
        let address = socket.local_addr()?;
        Ok(Self { socket, address })
    }

    /// Where browsers are to return to.
    pub(super) fn redirect(&self) -> String {
        format!("http://{}{PATH}", self.address)
    }

    /// Waits for a browser that brings what `is_answer` knows as the answer. Others, such as pages that guess the port, are
    /// sent away and change nothing.
    pub(super) async fn answer(&self, is_answer: impl Fn(&Url) -> bool) -> io::Result<Url> {
        let mut connections: JoinSet<Option<(TcpStream, Url)>> = JoinSet::new();
        loop {
            tokio::select! {
                accepted = self.socket.accept(), if connections.len() < MAX_CONNECTIONS => {
                    let (stream, _) = accepted?;
                    let address = self.address;
                    connections.spawn(async move {
                        timeout(LIMIT, asked(stream, address)).await.ok().flatten()
                    });
                }
                Some(done) = connections.join_next(), if !connections.is_empty() => {
                    let Ok(Some((mut stream, url))) = done else { continue };
                    let is_answer = is_answer(&url);
                    let (status, text) =
                        if is_answer { ("200 OK", DONE) } else { ("400 Bad Request", OTHER) };
                    // The answer counts, whether or not the browser still hears of it.
                    let _ = timeout(LIMIT, write(&mut stream, status, text)).await;
                    if is_answer {
                        return Ok(url);
                    }
                }
            }
        }
    }
}

/// Reads the head of a request; what is not for this page is answered here.
async fn asked(mut stream: TcpStream, address: SocketAddr) -> Option<(TcpStream, Url)> {
    let mut head = Vec::new();
    while !head.windows(4).any(|end| end == b"\r\n\r\n") {
        let read = stream.read_buf(&mut head).await.ok()?;
        if read == 0 || head.len() > MAX_HEAD {
            return None;
        }
    }
    let head = String::from_utf8_lossy(&head);
    if let Some(url) = returned(&head, address) {
        return Some((stream, url));
    }
    let _ = write(&mut stream, "404 Not Found", NOT_HERE).await;
    None
}

/// The URL of a request for the page, under the name that it was given to the authorization server: another `Host` means that a
/// name of somebody else leads here.
fn returned(head: &str, address: SocketAddr) -> Option<Url> {
    let mut lines = head.split("\r\n");
    let target = lines.next()?.strip_prefix("GET ")?.split(' ').next()?;
    let host = lines.find_map(|line| {
        let (name, value) = line.split_once(':')?;
        name.eq_ignore_ascii_case("host").then(|| value.trim())
    })?;
    let url = Url::parse(&format!("http://{address}")).ok()?.join(target).ok()?;
    let is_ours = host == address.to_string() && target.starts_with('/') && url.path() == PATH;
    is_ours.then_some(url)
}

async fn write(stream: &mut TcpStream, status: &str, text: &str) -> io::Result<()> {
    let page =
        format!("<!doctype html><meta charset=\"utf-8\"><title>Bridge</title><p>{text}</p>\n");
    let head = format!(
        "HTTP/1.1 {status}\r\nContent-Type: text/html; charset=utf-8\r\nContent-Length: {}\r\n\
         Cache-Control: no-store\r\nReferrer-Policy: no-referrer\r\nX-Content-Type-Options: nosniff\r\n\
         Content-Security-Policy: default-src 'none'\r\nConnection: close\r\n\r\n",
        page.len()
    );
    stream.write_all(head.as_bytes()).await?;
    stream.write_all(page.as_bytes()).await?;
    stream.shutdown().await
}
