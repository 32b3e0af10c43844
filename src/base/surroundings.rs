//! The environment variables that a server, and whatever gets one, has without asking for them.

use std::ffi::OsString;
use std::path::PathBuf;

use super::environment::Environment;

/// Variables that a server gets without asking: those that programs need to find their files, their user, the
/// network and their own runtimes. Anything else, credentials above all, goes only to servers that name it.
const HANDED_ON: &[&str] = &[
    "PATH",
    "HOME",
    "USER",
    "LOGNAME",
    "SHELL",
    "TERM",
    "LANG",
    "LANGUAGE",
    "TZ",
    "TMPDIR",
    "TEMP",
    "TMP",
    "HTTP_PROXY",
    "HTTPS_PROXY",
    "NO_PROXY",
    "ALL_PROXY",
    "http_proxy",
    "https_proxy",
    "no_proxy",
    "all_proxy",
    "SSL_CERT_FILE",
    "SSL_CERT_DIR",
    "NODE_EXTRA_CA_CERTS",
    "REQUESTS_CA_BUNDLE",
    "CURL_CA_BUNDLE",
    "DISPLAY",
    "WAYLAND_DISPLAY",
    "XAUTHORITY",
    "DBUS_SESSION_BUS_ADDRESS",
    "SSH_AUTH_SOCK",
    "DOCKER_HOST",
    "APPDATA",
    "LOCALAPPDATA",
    "HOMEDRIVE",
    "HOMEPATH",
    "PATHEXT",
    "PROGRAMDATA",
    "PROGRAMFILES",
    "COMSPEC",
    "SYSTEMDRIVE",
    "SYSTEMROOT",
    "USERNAME",
    "USERPROFILE",
    "WINDIR",
    "PROCESSOR_ARCHITECTURE",
];

/// What programs look for on Windows beside these.
const HANDED_ON_BY_WINDOWS: &[&str] = if cfg!(windows) {
    &["PROGRAMFILES(X86)", "PROGRAMW6432", "COMMONPROGRAMFILES", "NUMBER_OF_PROCESSORS", "OS"]
} else {
    &[]
};

/// Families of such variables.
const HANDED_ON_PREFIXES: &[&str] = &[
    "LC_",
    "XDG_",
    "NVM_",
    "VOLTA_",
    "FNM_",
    "PYENV_",
    "ASDF_",
    "MISE_",
    "UV_",
    "PIP_",
    "npm_config_",
    "NPM_CONFIG_",
];

/// Folders where runtimes are often installed but that desktop applications do not have on their PATH.
const USUAL_FOLDERS: &[&str] = &["/usr/local/bin", "/opt/homebrew/bin"];

/// The same below the user's home folder.
const USUAL_FOLDERS_AT_HOME: &[&str] = &[
    ".local/bin",
    ".volta/bin",
    ".asdf/shims",
    ".local/share/mise/shims",
    ".bun/bin",
    ".cargo/bin",
];

/// Those variables of the bridge that a server gets; its search path has the usual folders as well.
pub fn handed_on(environment: &Environment) -> impl Iterator<Item = (&str, OsString)> {
    environment.iter().filter(|(name, _)| is_handed_on(name)).map(|(name, value)| {
        if name.eq_ignore_ascii_case("PATH") {
            (name, with_usual_folders(value, environment))
        } else {
            (name, value.into())
        }
    })
}

/// Whether a server gets the variable without asking.
pub fn is_handed_on(name: &str) -> bool {
    // Windows does not mind the case: `Path` is usual there.
    let same = |one: &str, other: &str| {
        if cfg!(windows) { one.eq_ignore_ascii_case(other) } else { one == other }
    };
    HANDED_ON.iter().chain(HANDED_ON_BY_WINDOWS).any(|other| same(other, name))
        || HANDED_ON_PREFIXES
            .iter()
            .any(|prefix| name.get(..prefix.len()).is_some_and(|start| same(start, prefix)))
}

fn with_usual_folders(path: &str, environment: &Environment) -> OsString {
    let mut folders: Vec<PathBuf> = std::env::split_paths(path).collect();
    let home = environment.lookup("HOME").map(PathBuf::from);
    let own = USUAL_FOLDERS_AT_HOME.iter().filter_map(|folder| Some(home.as_ref()?.join(folder)));
    for folder in USUAL_FOLDERS.iter().map(PathBuf::from).chain(own) {
        if cfg!(unix) && !folders.contains(&folder) {
            folders.push(folder);
        }
    }
    std::env::join_paths(folders).unwrap_or_else(|_| path.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_programs_need_is_handed_on() {
        let all = [("PATH", "/bin"), ("HOME", "/home/me"), ("LC_ALL", "C"), ("GITHUB_TOKEN", "x")];
        let environment = Environment::from_pairs(all);
        let names: Vec<&str> = handed_on(&environment).map(|(name, _)| name).collect();
        assert_eq!(names, ["HOME", "LC_ALL", "PATH"]);
        let path = handed_on(&environment).find(|(name, _)| *name == "PATH");
        let path = path.map(|(_, path)| path.to_string_lossy().into_owned()).unwrap_or_default();
        assert!(
            path.starts_with("/bin") && (cfg!(windows) || path.contains("/home/me/.local/bin"))
        );
    }
}
