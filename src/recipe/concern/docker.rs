//! Options of `docker run` that make holes into the wall around a container, and those that turn to another Docker.

use super::reason::Reason;
use crate::recipe::options::Choice;

/// Options before `run` that say which Docker is meant.
pub(super) fn of_daemon(option: &Choice<'_>) -> Option<Reason> {
    let names = ["-H", "--host", "-c", "--context", "--config", "--connection", "--url"];
    names.contains(&option.name.as_str()).then_some(Reason::OtherDaemon)
}

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
        "--network" | "--net" | "--pid" | "--ipc" | "--uts" | "--userns" | "--cgroupns" => {
            namespace(value)
        }
        "--device" | "--device-cgroup-rule" | "--gpus" => Some(Reason::Device),
        "--security-opt" => (!is_hardening(value)).then_some(Reason::Loosened),
        "--runtime" | "--cgroup-parent" | "--sysctl" => Some(Reason::Loosened),
        "--env-file" => Some(Reason::EnvFile),
        "-p" | "--publish" | "-P" | "--publish-all" => is_on(option).then_some(Reason::Port),
        "-d" | "--detach" => is_on(option).then_some(Reason::Detached),
        "--restart" => (value != "no").then_some(Reason::Detached),
        _ => None,
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
    let shared = value == "host" || value.starts_with("container:") || value.starts_with("ns:");
    (shared || value.contains("${")).then_some(Reason::SharedNamespace)
}

/// It takes rights away instead of giving them.
fn is_hardening(value: &str) -> bool {
    matches!(value, "no-new-privileges" | "no-new-privileges:true" | "no-new-privileges=true")
}

/// `source:target`; a source that is a name is a volume of Docker's own, and without one there is a fresh volume.
fn volume(value: &str) -> Option<Reason> {
    // `C:\data:/data` has a colon that separates nothing.
    let drive = value.len() > 2
        && value.as_bytes()[0].is_ascii_alphabetic()
        && value[1..].starts_with(":\\")
        || value[1.min(value.len())..].starts_with(":/") && value.matches(':').count() > 1;
    let from = if drive { 2 } else { 0 };
    match value[from..].find(':') {
        Some(colon) => source(&value[..from + colon]),
        None if value.contains("${") => Some(Reason::HostMount),
        None => None,
    }
}

/// `type=bind,source=/a,target=/b`.
fn mount(value: &str) -> Option<Reason> {
    let fields = || value.split(',').map(|field| field.split_once('=').unwrap_or((field, "")));
    let field = |names: &[&str]| {
        fields().find(|(name, _)| names.contains(&name.trim().to_ascii_lowercase().as_str()))
    };
    let kind = field(&["type"]).map_or("volume", |(_, kind)| kind);
    let from = field(&["source", "src"]).map_or("", |(_, from)| from);
    // A volume can be made of a folder of the host by the options of its driver.
    let is_disguised = fields().any(|(name, _)| name.starts_with("volume-opt"));
    match kind {
        "tmpfs" => None,
        "volume" if !is_disguised => source(from),
        _ => Some(source(from).unwrap_or(Reason::HostMount)),
    }
}

fn source(path: &str) -> Option<Reason> {
    let plain = path.replace('\\', "/");
    let root = plain.split('/').all(|part| matches!(part, "" | "."));
    let is_drive = plain.len() <= 3 && plain.as_bytes().get(1) == Some(&b':');
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
    use crate::recipe::program::fetch;

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
    }
}
