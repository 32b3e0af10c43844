//! Options of `docker run` that make holes into the wall around a container, and those that turn to another Docker.

use super::reason::Reason;
use crate::recipe::options::Choice;

/// Options before `run` that say which Docker is meant.
pub(super) fn of_daemon(option: &Choice<'_>) -> Option<Reason> {
    let names = ["-H", "--host", "-c", "--context", "--config", "--connection", "--url"];
    match option.name.as_str() {
        name if names.contains(&name) => Some(Reason::OtherDaemon),
        "-D" | "--debug" | "-l" | "--log-level" => None,
        _ => Some(Reason::UnknownOption),
    }
}

/// Options of `run` that reach nothing outside of the container.
const HARMLESS: [&str; 47] = [
    "--attach",
    "--cap-drop",
    "--cpu-period",
    "--cpu-quota",
    "--cpu-shares",
    "--cpus",
    "--cpuset-cpus",
    "--cpuset-mems",
    "--disable-content-trust",
    "--domainname",
    "--expose",
    "--help",
    "--hostname",
    "--init",
    "--interactive",
    "--label",
    "--memory",
    "--memory-reservation",
    "--memory-swap",
    "--name",
    "--network-alias",
    "--no-healthcheck",
    "--no-hostname",
    "--no-hosts",
    "--pids-limit",
    "--platform",
    "--pull",
    "--quiet",
    "--read-only",
    "--rm",
    "--shm-size",
    "--sig-proxy",
    "--stop-signal",
    "--stop-timeout",
    "--tmpfs",
    "--tty",
    "--user",
    "--workdir",
    "-a",
    "-c",
    "-h",
    "-i",
    "-l",
    "-m",
    "-q",
    "-t",
    "-u",
];

/// Options of `run`.
pub(super) fn of_run(option: &Choice<'_>) -> Option<Reason> {
    let value = option.value.unwrap_or_default();
    match option.name.as_str() {
        "--privileged" => is_on(option).then_some(Reason::Privileged),
        "--cap-add" => Some(capability(value)),
        "-v" | "--volume" => volume(value),
        "--mount" => mount(value),
        "--volumes-from" => Some(Reason::HostMount),
        "--use-api-socket" => is_on(option).then_some(Reason::DockerSocket),
        "--network" | "--net" => network(value),
        "--pid" | "--ipc" | "--uts" | "--userns" | "--cgroupns" => namespace(value),
        "--device" | "--device-cgroup-rule" | "--gpus" => Some(Reason::Device),
        "--security-opt" => (!is_hardening(value)).then_some(Reason::Loosened),
        "--runtime" | "--cgroup-parent" | "--sysctl" | "--group-add" => Some(Reason::Loosened),
        // Podman takes `A*` for all variables that begin so.
        "-e" | "--env" => value.split('=').next()?.contains('*').then_some(Reason::EnvFile),
        "--env-host" => is_on(option).then_some(Reason::EnvFile),
        "--entrypoint" => Some(Reason::OtherProgram),
        "--env-file" => Some(Reason::EnvFile),
        "-p" | "--publish" | "-P" | "--publish-all" => is_on(option).then_some(Reason::Port),
        "-d" | "--detach" => is_on(option).then_some(Reason::Detached),
        "--restart" => (value != "no").then_some(Reason::Detached),
        "-w" => None,
        name if HARMLESS.contains(&name) => None,
        _ => Some(Reason::UnknownOption),
    }
}

/// A switch may be turned off: `--privileged=false`.
fn is_on(option: &Choice<'_>) -> bool {
    !matches!(option.value, Some("false" | "False" | "FALSE" | "f" | "F" | "0"))
}

fn capability(value: &str) -> Reason {
    let name = value.to_ascii_uppercase();
    match name.strip_prefix("CAP_").unwrap_or(&name) {
        "ALL" => Reason::Privileged,
        _ => Reason::Capability,
    }
}

fn namespace(value: &str) -> Option<Reason> {
    let is_own = matches!(value, "" | "private" | "none" | "shareable" | "auto");
    (!is_own).then_some(Reason::SharedNamespace)
}

/// A network has a plain name; `name=host`, `container:x` and `ns:/x` are more than that.
fn network(value: &str) -> Option<Reason> {
    let is_plain = |letter: char| letter.is_ascii_alphanumeric() || "_.-".contains(letter);
    let is_own = value.chars().all(is_plain) && !value.eq_ignore_ascii_case("host");
    (!is_own).then_some(Reason::SharedNamespace)
}

/// It takes rights away instead of giving them.
fn is_hardening(value: &str) -> bool {
    matches!(value, "no-new-privileges" | "no-new-privileges:true" | "no-new-privileges=true")
}

/// `source:target`; a source that is a name is a volume of Docker's own, and without one there is a fresh volume.
fn volume(value: &str) -> Option<Reason> {
    // `C:\data:/data` has a colon that separates nothing.
    let behind = value.get(1..).unwrap_or_default();
    let drive = value.starts_with(|letter: char| letter.is_ascii_alphabetic())
        && (behind.starts_with(":\\")
            || behind.starts_with(":/") && value.matches(':').count() > 1);
    let from = if drive { 2 } else { 0 };
    match value[from..].find(':') {
        Some(colon) => source(&value[..from + colon]),
        None if value.contains("${") => Some(Reason::HostMount),
        None => None,
    }
}

/// `type=bind,source=/a,target=/b`: a line of CSV, where the last field of a name counts.
fn mount(value: &str) -> Option<Reason> {
    let Some(fields) = fields(value) else { return Some(Reason::HostMount) };
    let field = |names: &[&str]| {
        let mut of_them = fields.iter().filter(|(name, _)| names.contains(&name.as_str()));
        of_them.next_back().map(|(_, value)| value.as_str())
    };
    let kind = field(&["type"]).unwrap_or("volume").to_ascii_lowercase();
    let from = field(&["source", "src"]).unwrap_or_default();
    // A volume can be made of a folder of the host by the options of its driver.
    let is_disguised =
        fields.iter().any(|(name, _)| name == "volume-opt" || name == "volume-driver");
    match kind.as_str() {
        "tmpfs" => None,
        "volume" if !is_disguised => source(from),
        _ => Some(source(from).unwrap_or(Reason::HostMount)),
    }
}

/// Names and values of a line of CSV; none where quotes do not match. A field may stand in quotes, with its own doubled.
fn fields(line: &str) -> Option<Vec<(String, String)>> {
    let mut fields = vec![String::new()];
    let (mut is_quoted, mut is_over) = (false, false);
    let mut letters = line.chars().peekable();
    while let Some(letter) = letters.next() {
        let field = fields.last_mut()?;
        match letter {
            '"' if is_quoted && letters.next_if_eq(&'"').is_some() => field.push('"'),
            '"' if is_quoted => (is_quoted, is_over) = (false, true),
            ',' if !is_quoted => {
                fields.push(String::new());
                is_over = false;
            }
            '"' if field.is_empty() && !is_over => is_quoted = true,
            _ if is_over => return None,
            '"' if !is_quoted => return None,
            _ => field.push(letter),
        }
    }
    let pair = |field: &String| {
        let (name, value) = field.split_once('=').unwrap_or((field, ""));
        (name.trim().to_ascii_lowercase(), value.to_owned())
    };
    (!is_quoted).then(|| fields.iter().map(pair).collect())
}

/// Whether a path is that of the uppermost folder, whichever way it goes there.
fn is_root(path: &str) -> bool {
    let mut depth = 0_usize;
    for part in path.split('/') {
        match part {
            "" | "." => {}
            ".." => depth = depth.saturating_sub(1),
            _ => depth += 1,
        }
    }
    depth == 0
}

fn source(path: &str) -> Option<Reason> {
    let plain = path.replace('\\', "/");
    let drive = plain.get(1..).and_then(|rest| rest.strip_prefix(':'));
    let is_drive = drive.is_some_and(is_root);
    let root = is_root(&plain);
    if plain.contains("docker.sock")
        || plain.contains("docker_engine")
        || plain.contains("podman.sock")
    {
        Some(Reason::DockerSocket)
    } else if plain.starts_with('/') && root || is_drive {
        Some(Reason::HostRoot)
    } else if plain.contains(['/', '~']) || plain.contains("${") || plain.starts_with('.') {
        Some(Reason::HostMount)
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::recipe::fetched::fetch;

    #[test]
    fn holes_in_the_wall_are_told() {
        let check = |line: &str, expected: &[Reason]| {
            let words = format!("run {line} image");
            let words: Vec<&str> = words.split(' ').filter(|word| !word.is_empty()).collect();
            let found = fetch("docker", &words).expect("Docker");
            let told: Vec<Reason> = found.options.iter().filter_map(of_run).collect();
            assert_eq!(told, expected, "{line}");
            assert_eq!(found.subjects.last().map(|(_, image)| *image), Some("image"), "{line}");
        };
        check("-i --rm -e KEY --name x --init", &[]);
        check("--privileged", &[Reason::Privileged]);
        check("--privileged=true", &[Reason::Privileged]);
        check("--privileged=false", &[]);
        check("--cap-add all --cap-add=CAP_ALL", &[Reason::Privileged, Reason::Privileged]);
        check("--cap-add=NET_ADMIN --cap-drop ALL", &[Reason::Capability]);
        check("-v /home:/data", &[Reason::HostMount]);
        check("-itv /home:/data", &[Reason::HostMount]);
        check("-iv/home:/data", &[Reason::HostMount]);
        check("--volume=./x:/x:ro", &[Reason::HostMount]);
        check("--volume ${FOLDER}:/x", &[Reason::HostMount]);
        check("-v C:\\Users:/data -v C:/Users:/data", &[Reason::HostMount, Reason::HostMount]);
        check("-v C:\\:/data", &[Reason::HostRoot]);
        check("-v /:/host -v //.:/host", &[Reason::HostRoot, Reason::HostRoot]);
        check("-v data:/data -v /data", &[]);
        check("-v /var/run/docker.sock:/var/run/docker.sock", &[Reason::DockerSocket]);
        check("--mount type=bind,src=/home,dst=/data", &[Reason::HostMount]);
        check("--mount type=bind,source=/,target=/data", &[Reason::HostRoot]);
        check("--mount source=data,target=/data --mount type=tmpfs,target=/t", &[]);
        check("--mount type=volume,dst=/x,volume-opt=device=/etc", &[Reason::HostMount]);
        check("--network host --pid=host", &[Reason::SharedNamespace, Reason::SharedNamespace]);
        check(
            "--ipc host --network none --network=container:x",
            &[Reason::SharedNamespace, Reason::SharedNamespace],
        );
        check("--device /dev/kvm --gpus all", &[Reason::Device, Reason::Device]);
        check("--security-opt seccomp=unconfined", &[Reason::Loosened]);
        check("--security-opt no-new-privileges:true", &[]);
        check("--env-file /home/x/.env", &[Reason::EnvFile]);
        check("-p 80:80 -P", &[Reason::Port, Reason::Port]);
        check("-d --restart=always --restart no", &[Reason::Detached, Reason::Detached]);
        check("--use-api-socket", &[Reason::DockerSocket]);
        check("-v /..:/x -v /home/../..:/x -v C:/x/..:/y", &[Reason::HostRoot; 3]);
        check("-v é:/x", &[]);
        check("--mount source=x,type=bind,source=/,target=/x", &[Reason::HostRoot]);
        check("--mount \"type=bind\",\"source=/\",target=/x", &[Reason::HostRoot]);
        check("--mount type=tmpfs,type=bind,src=/srv,dst=/x", &[Reason::HostMount]);
        check("--mount type=tmpfs,\"dst=/x", &[Reason::HostMount]);
        check("--network name=host --network bridge --net my-net", &[Reason::SharedNamespace]);
        check("--pid ns:/proc/1/ns/pid --userns private", &[Reason::SharedNamespace]);
        check("--no-hosts --privileged", &[Reason::Privileged]);
        check("--env-host --rm -e AWS* -e A=*", &[Reason::EnvFile, Reason::EnvFile]);
        check("--odd --privileged", &[Reason::UnknownOption, Reason::Privileged]);
        check("--odd x --rm", &[Reason::UnknownOption]);
        check("--label --privileged --rm", &[]);
        check("--rootfs --cidfile /x --log-driver=y", &[Reason::UnknownOption; 3]);
        check("--entrypoint sh", &[Reason::OtherProgram]);
    }

    #[test]
    fn only_harmless_options_of_docker_itself_pass() {
        let check = |line: &str, expected: &[Reason]| {
            let words: Vec<&str> = line.split(' ').collect();
            let found = fetch("podman", &words).expect("Podman");
            let general = found.options.iter().take(found.general);
            assert_eq!(general.filter_map(of_daemon).collect::<Vec<_>>(), expected, "{line}");
            assert!(found.runs, "{line}");
        };
        check("--log-level=error -D run image", &[]);
        check("--hooks-dir /x --conmon /y run image", &[Reason::UnknownOption; 2]);
        check(
            "--module=x --root /y -H tcp://h run image",
            &[Reason::UnknownOption, Reason::UnknownOption, Reason::OtherDaemon],
        );
        check("--odd --debug run image", &[Reason::UnknownOption]);
    }
}
