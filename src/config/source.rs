//! Which files make up the configuration.

use std::path::{Path, PathBuf};

use crate::base::paths::Paths;

const ENV_FILE: &str = ".env";

/// The files to read. None of them need exist.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Source {
    /// The configuration.
    pub config: PathBuf,
    /// The files of variables; an earlier one wins over a later one.
    pub env_files: Vec<PathBuf>,
}

impl Source {
    /// The file that was named, with the `.env` beside it before that of the home folder; else the
    /// home folder's own.
    pub fn of(explicit: Option<&Path>, paths: &Paths) -> Self {
        let Some(named) = explicit else {
            return Self { config: paths.config_file(), env_files: vec![paths.env_file()] };
        };
        let config = std::path::absolute(named).unwrap_or_else(|_| named.to_owned());
        let mut env_files = vec![config.with_file_name(ENV_FILE)];
        if !env_files.contains(&paths.env_file()) {
            env_files.push(paths.env_file());
        }
        Self { config, env_files }
    }

    /// The folder of the configuration, at which relative paths in it start.
    pub fn folder(&self) -> &Path {
        self.config.parent().unwrap_or(Path::new(""))
    }
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;
    use crate::base::environment::Environment;

    #[test]
    fn finds_the_files() {
        let paths = Paths::new(&Environment::from_pairs([("BRIDGE_HOME", "/b")])).expect("a home");
        let check = |explicit: Option<&str>, config: &str, env_files: &[&str]| {
            let source = Source::of(explicit.map(Path::new), &paths);
            assert_eq!(source.config, Path::new(config));
            let expected: Vec<&Path> = env_files.iter().map(Path::new).collect();
            assert_eq!(source.env_files, expected);
        };
        check(None, "/b/config.json", &["/b/.env"]);
        check(Some("/etc/x.json"), "/etc/x.json", &["/etc/.env", "/b/.env"]);
        check(Some("/b/other.json"), "/b/other.json", &["/b/.env"]);
    }
}
