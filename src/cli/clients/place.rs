//! Where clients keep their files, as a function of the platform and the environment.

use std::path::{Path, PathBuf};

use super::client::Client;
use crate::base::environment::Environment;

/// The package that Claude Desktop from the store of Windows is installed as; it sees its own folder in place of
/// `%APPDATA%`.
const CLAUDE_PACKAGE: &str = "Claude_pzs8sxrjxfjjc";

/// A kind of system, as far as the places of files go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Platform {
    /// Linux, and other systems with XDG folders.
    Linux,
    MacOs,
    Windows,
}

/// What the places depend on.
#[derive(Debug, Clone, Copy)]
pub(super) struct Surroundings<'a> {
    pub(super) platform: Platform,
    pub(super) user_home: &'a Path,
    pub(super) environment: &'a Environment,
}

/// One place at which a client may keep its file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Place {
    pub(super) file: PathBuf,
    /// The folder that is there where the client is installed.
    pub(super) folder: PathBuf,
}

impl Platform {
    pub(super) fn here() -> Self {
        if cfg!(target_os = "macos") {
            Self::MacOs
        } else if cfg!(windows) {
            Self::Windows
        } else {
            Self::Linux
        }
    }
}

impl Place {
    fn new(folder: PathBuf, below: &[&str]) -> Self {
        Self { file: joined(folder.clone(), below), folder }
    }

    /// Whether the client has left anything here.
    pub(super) fn is_used(&self) -> bool {
        self.folder.is_dir() || self.file.symlink_metadata().is_ok()
    }
}

impl Surroundings<'_> {
    /// The place that the client uses: the first one where it has left something, else the usual one.
    pub(super) fn place(&self, client: Client) -> Place {
        let mut places = self.places(client);
        let used = places.iter().position(Place::is_used).unwrap_or(places.len() - 1);
        places.swap_remove(used)
    }

    /// All places in the order in which the client looks at them. The last one is the usual one.
    pub(super) fn places(&self, client: Client) -> Vec<Place> {
        let home = || self.user_home.to_owned();
        match client {
            Client::ClaudeDesktop => {
                const FILE: &[&str] = &["claude_desktop_config.json"];
                let mut places = Vec::new();
                if self.platform == Platform::Windows {
                    let local = self.folder("LOCALAPPDATA", &["AppData", "Local"]);
                    let package = joined(
                        local,
                        &["Packages", CLAUDE_PACKAGE, "LocalCache", "Roaming", "Claude"],
                    );
                    places.push(Place::new(package, FILE));
                }
                places.push(Place::new(self.config().join("Claude"), FILE));
                places
            }
            Client::ClaudeCode => vec![match self.variable("CLAUDE_CONFIG_DIR") {
                Some(folder) => Place::new(folder, &[".claude.json"]),
                None => Place { file: home().join(".claude.json"), folder: home().join(".claude") },
            }],
            Client::Cursor => vec![Place::new(home().join(".cursor"), &["mcp.json"])],
            Client::Windsurf => {
                vec![Place::new(joined(home(), &[".codeium", "windsurf"]), &["mcp_config.json"])]
            }
            Client::VsCode => vec![Place::new(joined(self.config(), CODE), &["mcp.json"])],
            Client::Codex => {
                let folder = self.variable("CODEX_HOME").unwrap_or_else(|| home().join(".codex"));
                vec![Place::new(folder, &["config.toml"])]
            }
            Client::Cline => self.cline(),
            Client::Zed => vec![Place::new(self.zed(), &["settings.json"])],
            Client::Gemini => {
                let base = self.variable("GEMINI_CLI_HOME").unwrap_or_else(home);
                vec![Place::new(base.join(".gemini"), &["settings.json"])]
            }
        }
    }

    /// One file is shared by the program and the extension; older extensions have one below the folder of VS Code, which
    /// newer ones move away from at their start.
    fn cline(&self) -> Vec<Place> {
        const FILE: &str = "cline_mcp_settings.json";
        if let Some(file) = self.variable("CLINE_MCP_SETTINGS_PATH") {
            let folder = file.parent().unwrap_or(Path::new("")).to_owned();
            return vec![Place { file, folder }];
        }
        if let Some(data) = self.variable("CLINE_DATA_DIR") {
            return vec![Place::new(data, &["settings", FILE])];
        }
        let own = self.variable("CLINE_DIR").unwrap_or_else(|| self.user_home.join(".cline"));
        let own = Place::new(own, &["data", "settings", FILE]);
        let extension = joined(self.config(), CODE);
        let extension = joined(extension, &["globalStorage", "saoudrizwan.claude-dev"]);
        vec![own.clone(), Place::new(extension, &["settings", FILE]), own]
    }

    fn zed(&self) -> PathBuf {
        match self.platform {
            Platform::Windows => self.config().join("Zed"),
            Platform::MacOs => joined(self.user_home.to_owned(), &[".config", "zed"]),
            Platform::Linux => {
                let inside = self.variable("FLATPAK_XDG_CONFIG_HOME");
                inside.unwrap_or_else(|| self.config()).join("zed")
            }
        }
    }

    /// The folder in which programs keep what the user has set.
    fn config(&self) -> PathBuf {
        match self.platform {
            Platform::MacOs => {
                joined(self.user_home.to_owned(), &["Library", "Application Support"])
            }
            Platform::Windows => self.folder("APPDATA", &["AppData", "Roaming"]),
            // A relative one is invalid, says the specification of these folders.
            Platform::Linux => self
                .variable("XDG_CONFIG_HOME")
                .filter(|folder| folder.is_absolute())
                .unwrap_or_else(|| self.user_home.join(".config")),
        }
    }

    fn folder(&self, variable: &str, below_home: &[&str]) -> PathBuf {
        self.variable(variable).unwrap_or_else(|| joined(self.user_home.to_owned(), below_home))
    }

    fn variable(&self, name: &str) -> Option<PathBuf> {
        self.environment.lookup(name).filter(|value| !value.is_empty()).map(PathBuf::from)
    }
}

/// Below the folder of settings.
const CODE: &[&str] = &["Code", "User"];

fn joined(mut path: PathBuf, below: &[&str]) -> PathBuf {
    path.extend(below);
    path
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The file that is used where nothing is there yet, with `/` between its parts.
    #[track_caller]
    fn check(platform: Platform, pairs: &[(&str, &str)], client: Client, expected: &str) {
        let home = if platform == Platform::Windows { "C:/Users/ann" } else { "/home/ann" };
        let environment = Environment::from_pairs(pairs.iter().copied());
        let at = Surroundings { platform, user_home: Path::new(home), environment: &environment };
        let places = at.places(client);
        let usual = places.last().expect("there is one").file.to_string_lossy().replace('\\', "/");
        assert_eq!(usual, expected, "{client:?}");
    }

    /// Such paths are not absolute on Windows.
    #[cfg(unix)]
    #[test]
    fn linux() {
        let check = |pairs: &[_], client, expected| check(Platform::Linux, pairs, client, expected);
        let xdg = ("XDG_CONFIG_HOME", "/xdg");
        check(&[], Client::ClaudeDesktop, "/home/ann/.config/Claude/claude_desktop_config.json");
        check(&[xdg], Client::ClaudeDesktop, "/xdg/Claude/claude_desktop_config.json");
        check(&[], Client::ClaudeCode, "/home/ann/.claude.json");
        check(&[("CLAUDE_CONFIG_DIR", "/c")], Client::ClaudeCode, "/c/.claude.json");
        check(&[xdg], Client::Cursor, "/home/ann/.cursor/mcp.json");
        check(&[], Client::Windsurf, "/home/ann/.codeium/windsurf/mcp_config.json");
        check(&[], Client::VsCode, "/home/ann/.config/Code/User/mcp.json");
        check(&[xdg], Client::VsCode, "/xdg/Code/User/mcp.json");
        check(
            &[("XDG_CONFIG_HOME", "rel")],
            Client::VsCode,
            "/home/ann/.config/Code/User/mcp.json",
        );
        check(&[], Client::Codex, "/home/ann/.codex/config.toml");
        check(&[("CODEX_HOME", "/x")], Client::Codex, "/x/config.toml");
        check(&[("CODEX_HOME", "")], Client::Codex, "/home/ann/.codex/config.toml");
        check(&[], Client::Cline, "/home/ann/.cline/data/settings/cline_mcp_settings.json");
        check(&[("CLINE_DIR", "/d")], Client::Cline, "/d/data/settings/cline_mcp_settings.json");
        check(&[("CLINE_DATA_DIR", "/d")], Client::Cline, "/d/settings/cline_mcp_settings.json");
        check(&[("CLINE_MCP_SETTINGS_PATH", "/d/m.json")], Client::Cline, "/d/m.json");
        check(&[], Client::Zed, "/home/ann/.config/zed/settings.json");
        check(&[xdg], Client::Zed, "/xdg/zed/settings.json");
        check(&[xdg, ("FLATPAK_XDG_CONFIG_HOME", "/f")], Client::Zed, "/f/zed/settings.json");
        check(&[], Client::Gemini, "/home/ann/.gemini/settings.json");
        check(&[("GEMINI_CLI_HOME", "/g")], Client::Gemini, "/g/.gemini/settings.json");
    }

    #[test]
    fn macos() {
        const SUPPORT: &str = "/home/ann/Library/Application Support";
        let check = |client, expected: &str| check(Platform::MacOs, &[], client, expected);
        check(Client::ClaudeDesktop, &format!("{SUPPORT}/Claude/claude_desktop_config.json"));
        check(Client::VsCode, &format!("{SUPPORT}/Code/User/mcp.json"));
        check(Client::Zed, "/home/ann/.config/zed/settings.json");
        check(Client::ClaudeCode, "/home/ann/.claude.json");
        check(Client::Cursor, "/home/ann/.cursor/mcp.json");
        check(Client::Windsurf, "/home/ann/.codeium/windsurf/mcp_config.json");
        check(Client::Codex, "/home/ann/.codex/config.toml");
        check(Client::Cline, "/home/ann/.cline/data/settings/cline_mcp_settings.json");
        check(Client::Gemini, "/home/ann/.gemini/settings.json");
    }

    #[test]
    fn windows() {
        const DESKTOP: &str = "C:/Users/ann/AppData/Roaming/Claude/claude_desktop_config.json";
        let check =
            |pairs: &[_], client, expected| check(Platform::Windows, pairs, client, expected);
        let moved = ("APPDATA", "D:\\Roaming");
        check(&[], Client::ClaudeDesktop, DESKTOP);
        check(&[moved], Client::VsCode, "D:/Roaming/Code/User/mcp.json");
        check(&[moved], Client::Zed, "D:/Roaming/Zed/settings.json");
        check(&[], Client::ClaudeCode, "C:/Users/ann/.claude.json");
        check(&[], Client::Cursor, "C:/Users/ann/.cursor/mcp.json");
        check(&[], Client::Windsurf, "C:/Users/ann/.codeium/windsurf/mcp_config.json");
        check(&[], Client::Codex, "C:/Users/ann/.codex/config.toml");
        check(&[], Client::Cline, "C:/Users/ann/.cline/data/settings/cline_mcp_settings.json");
        check(&[], Client::Gemini, "C:/Users/ann/.gemini/settings.json");
        let environment = Environment::from_pairs([("LOCALAPPDATA", "C:/L")]);
        let user_home = Path::new("C:/Users/ann");
        let at = Surroundings { platform: Platform::Windows, user_home, environment: &environment };
        let store =
            at.places(Client::ClaudeDesktop).remove(0).file.to_string_lossy().replace('\\', "/");
        let expected = "C:/L/Packages/Claude_pzs8sxrjxfjjc/LocalCache/Roaming/Claude/claude_desktop_config.json";
        assert_eq!(store, expected);
    }

    #[test]
    fn the_place_that_is_used_counts() {
        let home = tempfile::tempdir().expect("a folder");
        let environment = Environment::default();
        let user_home = home.path();
        let at = Surroundings { platform: Platform::Linux, user_home, environment: &environment };
        let own = user_home.join(".cline/data/settings/cline_mcp_settings.json");
        assert_eq!(at.place(Client::Cline).file, own);
        let old = user_home.join(".config/Code/User/globalStorage/saoudrizwan.claude-dev");
        std::fs::create_dir_all(&old).expect("made");
        assert_eq!(at.place(Client::Cline).file, old.join("settings/cline_mcp_settings.json"));
        std::fs::create_dir(user_home.join(".cline")).expect("made");
        assert_eq!(at.place(Client::Cline).file, own);
    }
}
