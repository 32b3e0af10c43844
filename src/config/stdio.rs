//! Servers that run as a child process.

use std::ffi::OsString;
use std::path::PathBuf;

use indexmap::IndexMap;

use super::auth::{self, Auth, CredentialsFormat};
use super::finding::Severity;
use super::oauth2::OAuth2;
use super::reader::Reader;
use super::server::Scene;
use crate::base::environment::Environment;
use crate::base::locate;
use crate::base::paths;
use crate::base::secret::Secret;
use crate::base::surroundings::handed_on;

/// The keys of an entry that only such servers have.
pub(super) const KEYS: [&str; 7] =
    ["command", "args", "env", "cwd", "framing", "oauth2EnvBinding", "oauth2CredentialsFile"];

pub(crate) const FRAMINGS: [(&str, Framing); 3] =
    [("auto", Framing::Auto), ("newline", Framing::Newline), ("lsp", Framing::Lsp)];

/// How to run a server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stdio {
    /// A program on the search path, or an absolute path to one.
    pub command: String,
    /// Its arguments.
    pub args: Vec<Secret>,
    /// Variables beside those that every child gets.
    pub env: IndexMap<String, Secret>,
    /// Its working folder, as an absolute path.
    pub cwd: Option<PathBuf>,
    /// How messages are told apart.
    pub framing: Framing,
    /// A login whose token the child gets.
    pub login: Option<Login>,
    /// The server's own folder, where its entry names it (`${CONFIG_DIR}`).
    pub own_folder: Option<PathBuf>,
}

/// How messages are told apart on a pipe.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Framing {
    /// As the server's first message shows.
    #[default]
    Auto,
    /// One message a line, as MCP has it.
    Newline,
    /// A `Content-Length` header before each message, as the Language Server Protocol has it.
    Lsp,
}

/// A login that the bridge makes for a child process, and how the child gets the token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Login {
    /// How to log in.
    pub oauth2: OAuth2,
    /// The variable that holds the access token.
    pub env_binding: Option<String>,
    /// The file of credentials that is written.
    pub credentials_file: Option<CredentialsFormat>,
}

impl Stdio {
    pub(super) fn read(reader: &mut Reader<'_>, scene: &Scene<'_>) -> Option<Self> {
        let command = reader.required_string("command");
        let args = reader.strings("args");
        if let Some(command) = &command {
            check_command(reader, command, args.as_deref().unwrap_or_default());
        }
        let cwd = reader.filled_string("cwd").map(|cwd| scene.resolve(&cwd));
        Some(Self {
            env: read_env(reader),
            framing: reader.choice("framing", &FRAMINGS).unwrap_or_default(),
            login: Login::read(reader),
            command: resolve_command(&command?, scene),
            args: args.unwrap_or_default().into_iter().map(Secret::from).collect(),
            cwd,
            own_folder: None,
        })
    }

    /// The search path that the server is started with: its own, or the one that every server gets.
    pub fn search_path(&self, environment: &Environment) -> Option<OsString> {
        let is_path = |name: &str| name.eq_ignore_ascii_case("PATH");
        let own = self.env.iter().find(|(name, _)| is_path(name));
        let own = own.map(|(_, value)| OsString::from(value.expose()));
        own.or_else(|| handed_on(environment).find(|(name, _)| is_path(name)).map(|(_, path)| path))
    }
}

impl Login {
    fn read(reader: &mut Reader<'_>) -> Option<Self> {
        let env_binding = reader.filled_string("oauth2EnvBinding");
        let credentials_file = auth::read_credentials_file(reader);
        let Some(section) = reader.object("auth") else {
            let lonely = "has no effect without `auth` of type `oauth2`";
            reader.useless(&["oauth2EnvBinding", "oauth2CredentialsFile"], lonely);
            return None;
        };
        let Auth::OAuth2(oauth2) = Auth::read(section)? else {
            let message =
                "a stdio server can only have `auth` of type `oauth2`; this one has no effect";
            reader.report().warning(&reader.at("auth"), message);
            return None;
        };
        if env_binding.is_none() && credentials_file.is_none() {
            let message = "the server never sees the token; name `oauth2EnvBinding` or `oauth2CredentialsFile`";
            reader.report().warning(&reader.at("auth"), message);
        }
        Some(Self { oauth2, env_binding, credentials_file })
    }
}

/// A command with blanks and nothing that looks like a path is most likely a whole shell line.
pub(crate) fn check_command(reader: &Reader<'_>, command: &str, args: &[String]) {
    let place = reader.at("command");
    if command.contains('\0') || args.iter().any(|arg| arg.contains('\0')) {
        reader.report().error(&place, "a command and its arguments cannot hold a NUL character");
    }
    let blank = command.trim().find(char::is_whitespace).unwrap_or(command.len());
    if blank < command.len() && !command[..blank].contains(['/', '\\']) {
        let message = "`command` holds blanks and is taken for the name of one program";
        let finding = reader.report().finding(Severity::Warning, &place, message);
        reader.report().add(finding.hint("put each argument into `args`"));
    }
}

/// A plain name is left to the search path; a path starts at the folder of the configuration.
fn resolve_command(command: &str, scene: &Scene<'_>) -> String {
    let path = paths::expand(command, scene.user_home);
    // A whole shell line is no path, wherever it has its slashes.
    let is_name = !command.contains(std::path::is_separator) || command.contains(' ');
    if is_name || path.is_absolute() {
        return path.to_string_lossy().into_owned();
    }
    scene.resolve(command).to_string_lossy().into_owned()
}

/// `env`, each name and value one that a program can get.
pub(crate) fn read_env(reader: &mut Reader<'_>) -> IndexMap<String, Secret> {
    let env = reader.string_map("env").unwrap_or_default();
    for (name, value) in &env {
        let place = locate::child(&reader.at("env"), name);
        if name.is_empty() || name.contains(['=', '\0']) {
            reader.report().error(&place, format!("`{name}` is no name of a variable"));
        }
        if value.contains('\0') {
            reader.report().error(&place, format!("variable `{name}` holds a NUL character"));
        }
    }
    env.into_iter().map(|(name, value)| (name, value.into())).collect()
}

impl Scene<'_> {
    /// A path of the configuration as an absolute one.
    fn resolve(&self, path: &str) -> PathBuf {
        let joined = self.folder.join(paths::expand(path, self.user_home));
        // Joining leaves `./` in the middle, which is right but ugly in messages.
        joined.components().filter(|part| *part != std::path::Component::CurDir).collect()
    }
}

#[cfg(all(test, unix))]
mod tests {
    use std::path::Path;

    use super::*;

    #[test]
    fn resolves_commands_and_folders() {
        let retry = crate::config::Retry::default();
        let scene = Scene {
            folder: Path::new("/etc/bridge"),
            user_home: Some(Path::new("/home/ann")),
            retry: &retry,
            protection: crate::config::Protection::default(),
        };
        let check = |path: &str, command: &str, folder: &str| {
            assert_eq!(resolve_command(path, &scene), command);
            assert_eq!(scene.resolve(path), Path::new(folder));
        };
        check("npx", "npx", "/etc/bridge/npx");
        check("./run.sh", "/etc/bridge/run.sh", "/etc/bridge/run.sh");
        check("bin/x", "/etc/bridge/bin/x", "/etc/bridge/bin/x");
        check("../x", "/etc/bridge/../x", "/etc/bridge/../x");
        check("~/bin/x", "/home/ann/bin/x", "/home/ann/bin/x");
        check("/usr/bin/x", "/usr/bin/x", "/usr/bin/x");
        check("~", "/home/ann", "/home/ann");
    }
}
