//! Where the bridge keeps its files: everything lives under one home folder.

use std::path::{Path, PathBuf};

use super::environment::Environment;

const HOME_VARIABLE: &str = "BRIDGE_HOME";
const HOME_FOLDER: &str = ".mcp-bridge";
const USER_HOME_VARIABLE: &str = if cfg!(windows) { "USERPROFILE" } else { "HOME" };

/// The files and folders below the home folder. Nothing here says that they exist.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Paths {
    home: PathBuf,
    user_home: Option<PathBuf>,
}

/// Why there is no home folder.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Neither the variable nor the user's home folder is known.
    #[error(
        "no home folder found; set `BRIDGE_HOME` to the folder in which the bridge may keep its files"
    )]
    NoHome,
    /// `BRIDGE_HOME` is set to something that is not Unicode.
    #[error("`BRIDGE_HOME` is not Unicode; set it to a path that is")]
    NotUnicode,
}

impl Paths {
    /// `BRIDGE_HOME`, or else `.mcp-bridge` in the user's home folder. An empty `BRIDGE_HOME`
    /// counts as unset, a relative one starts at the working folder.
    pub fn new(environment: &Environment) -> Result<Self, Error> {
        if environment.is_not_unicode(HOME_VARIABLE) {
            return Err(Error::NotUnicode);
        }
        let user_home = environment
            .lookup(USER_HOME_VARIABLE)
            .filter(|folder| !folder.is_empty())
            .map(PathBuf::from)
            .or_else(std::env::home_dir)
            .filter(|folder| !folder.as_os_str().is_empty());
        let home = match environment.lookup(HOME_VARIABLE) {
            Some(folder) if !folder.is_empty() => expand(folder, user_home.as_deref()),
            _ => user_home.as_ref().ok_or(Error::NoHome)?.join(HOME_FOLDER),
        };
        Ok(Self { home: std::path::absolute(&home).unwrap_or(home), user_home })
    }

    /// Whether the home folder is the usual one.
    pub fn is_default(&self) -> bool {
        let usual = self.user_home.as_ref().map(|home| home.join(HOME_FOLDER));
        usual.is_some_and(|usual| usual == self.home)
    }

    /// The home folder itself.
    pub fn home(&self) -> &Path {
        &self.home
    }

    /// The folder that `~` stands for, if one is known.
    pub fn user_home(&self) -> Option<&Path> {
        self.user_home.as_deref()
    }

    /// The configuration that is read when no other is named.
    pub fn config_file(&self) -> PathBuf {
        self.home.join("config.json")
    }

    /// The variables that belong to it.
    pub fn env_file(&self) -> PathBuf {
        self.home.join(".env")
    }

    /// The folder of files that a recipe declares for one server, known to its entry as
    /// `${CONFIG_DIR}`.
    pub fn server_folder(&self, server: &str) -> PathBuf {
        self.home.join("config").join(server)
    }

    /// The source of one server that is built here.
    pub fn sources(&self, server: &str) -> PathBuf {
        self.home.join("sources").join(server)
    }

    /// What can be fetched or computed again.
    pub fn cache(&self) -> PathBuf {
        self.home.join("cache")
    }

    /// Results that were too long, or that were cleaned, as they were.
    pub fn results(&self) -> PathBuf {
        self.cache().join("results")
    }

    /// What servers' tools were when they were last reached, a file each.
    pub fn lists(&self) -> PathBuf {
        self.cache().join("lists")
    }

    /// The names that tools and prompts were given in direct mode.
    pub fn names(&self) -> PathBuf {
        self.cache().join("names.json")
    }

    /// What models made of texts, a file each.
    pub fn vectors(&self) -> PathBuf {
        self.cache().join("vectors")
    }

    /// What remote catalogs held when they were last fetched, a file each.
    pub fn catalogs(&self) -> PathBuf {
        self.cache().join("catalogs")
    }

    /// Counted calls.
    pub fn usage(&self) -> PathBuf {
        self.home.join("usage")
    }

    /// What servers' tools were when they were first seen, a file each.
    pub fn pins(&self) -> PathBuf {
        self.home.join("pins")
    }

    /// Models that turn words into vectors, and the library that runs them, a folder each.
    pub fn models(&self) -> PathBuf {
        self.home.join("models")
    }

    /// Which servers were taken out of files of other programs.
    pub fn imported(&self) -> PathBuf {
        self.home.join("imported.json")
    }

    /// Tokens of upstream logins.
    pub fn tokens(&self) -> PathBuf {
        self.home.join("tokens")
    }

    /// The user's own recipes, one folder each.
    pub fn recipes(&self) -> PathBuf {
        self.home.join("recipes")
    }
}

/// Replaces a leading `~` or `~/` by the user's home folder; without one the path stays as it is.
pub fn expand(path: &str, user_home: Option<&Path>) -> PathBuf {
    match (path.strip_prefix('~'), user_home) {
        (Some(""), Some(home)) => home.to_owned(),
        (Some(rest), Some(home)) if rest.starts_with(std::path::is_separator) => {
            home.join(rest.trim_start_matches(std::path::is_separator))
        }
        _ => PathBuf::from(path),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[cfg(unix)]
    #[test]
    fn finds_the_home_folder() {
        fn check(pairs: &[(&str, &str)], expected: &str) {
            let environment = Environment::from_pairs(pairs.iter().copied());
            let paths = Paths::new(&environment).expect("a home folder");
            assert_eq!(paths.home(), Path::new(expected), "{pairs:?}");
        }
        check(&[("HOME", "/home/ann")], "/home/ann/.mcp-bridge");
        check(&[("HOME", "/home/ann"), ("BRIDGE_HOME", "")], "/home/ann/.mcp-bridge");
        check(&[("HOME", "/home/ann"), ("BRIDGE_HOME", "/srv/bridge")], "/srv/bridge");
        check(&[("HOME", "/home/ann"), ("BRIDGE_HOME", "~/bridge")], "/home/ann/bridge");
    }

    #[test]
    fn keeps_everything_below_the_home_folder() {
        let paths =
            Paths::new(&Environment::from_pairs([("BRIDGE_HOME", "/b")])).expect("a home folder");
        let check = |path: PathBuf, expected: &str| assert_eq!(path, paths.home().join(expected));
        check(paths.config_file(), "config.json");
        check(paths.env_file(), ".env");
        check(paths.server_folder("git"), "config/git");
        check(paths.sources("git"), "sources/git");
        check(paths.cache(), "cache");
        check(paths.usage(), "usage");
        check(paths.pins(), "pins");
        check(paths.models(), "models");
        check(paths.imported(), "imported.json");
        check(paths.tokens(), "tokens");
        check(paths.recipes(), "recipes");
    }

    #[test]
    fn expands_a_leading_tilde() {
        let check = |path, home: Option<&str>, expected: &str| {
            assert_eq!(expand(path, home.map(Path::new)), Path::new(expected), "{path}");
        };
        check("~", Some("/home/ann"), "/home/ann");
        check("~/bin/x", Some("/home/ann"), "/home/ann/bin/x");
        check("~bob/x", Some("/home/ann"), "~bob/x");
        check("a/~/b", Some("/home/ann"), "a/~/b");
        check("~/x", None, "~/x");
    }

    #[test]
    fn says_what_to_set() {
        assert!(Error::NoHome.to_string().contains("set `BRIDGE_HOME`"));
    }
}
