//! The name of a server.

use std::borrow::Borrow;
use std::fmt;
use std::sync::Arc;

use serde::{Serialize, Serializer};

/// A name that fits `^[a-z0-9][a-z0-9-]*$`. Copies share their text.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ServerName(Arc<str>);

/// A name that does not fit.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is no server name; {rule}", rule = rule(&self.0))]
pub struct InvalidServerName(String);

/// Names of devices, which stand in every folder of Windows: a file `con.json` is the console
/// (Naming Files, Paths, and Namespaces).
const DEVICES: [&str; 4] = ["con", "prn", "aux", "nul"];
/// The same with a digit behind them.
const NUMBERED_DEVICES: [&str; 2] = ["com", "lpt"];

impl ServerName {
    /// Takes a name that fits as it is.
    pub fn parse(text: &str) -> Result<Self, InvalidServerName> {
        let fits = |letter: char| letter.is_ascii_lowercase() || letter.is_ascii_digit();
        let whole = text.chars().all(|letter| fits(letter) || letter == '-');
        if whole && text.starts_with(fits) && !(cfg!(windows) && is_device(text)) {
            Ok(Self(Arc::from(text)))
        } else {
            Err(InvalidServerName(text.to_owned()))
        }
    }

    /// Makes any name fit: small letters, and `-` for what is neither letter nor digit. Fails if
    /// nothing is left.
    pub fn normalise(text: &str) -> Result<Self, InvalidServerName> {
        let plain: String = text
            .chars()
            .map(
                |letter| {
                    if letter.is_ascii_alphanumeric() { letter.to_ascii_lowercase() } else { '-' }
                },
            )
            .collect();
        let mut plain = plain.trim_matches('-').to_owned();
        if cfg!(windows) && is_device(&plain) {
            plain.push_str("-server");
        }
        Self::parse(&plain).map_err(|_| InvalidServerName(text.to_owned()))
    }

    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// What the name does not keep to.
fn rule(name: &str) -> &'static str {
    if cfg!(windows) && is_device(name) {
        "Windows keeps it for a device, such as `con`: choose another one"
    } else {
        "use small letters, digits and `-`, the first a letter or digit"
    }
}

/// Whether files of this name cannot be made on Windows. The name is in small letters.
fn is_device(name: &str) -> bool {
    let numbered = |device| {
        let digit = name.strip_prefix(device).map(str::as_bytes);
        matches!(digit, Some([b'0'..=b'9']))
    };
    DEVICES.contains(&name) || NUMBERED_DEVICES.into_iter().any(numbered)
}

impl Borrow<str> for ServerName {
    fn borrow(&self) -> &str {
        &self.0
    }
}

impl AsRef<str> for ServerName {
    fn as_ref(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for ServerName {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

impl Serialize for ServerName {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parses_and_normalises() {
        fn check(text: &str, fits: bool, normal: Option<&str>) {
            assert_eq!(ServerName::parse(text).is_ok(), fits, "{text}");
            let made = ServerName::normalise(text).ok();
            assert_eq!(made.as_ref().map(ServerName::as_str), normal, "{text}");
        }
        check("git", true, Some("git"));
        check("2fa-x", true, Some("2fa-x"));
        check("GitHub", false, Some("github"));
        check("my server_2", false, Some("my-server-2"));
        check("_x (beta)", false, Some("x--beta"));
        check("-x", false, Some("x"));
        check("café", false, Some("caf"));
        let on_windows = |name, instead| Some(if cfg!(windows) { instead } else { name });
        check("aux", !cfg!(windows), on_windows("aux", "aux-server"));
        check("COM1", false, on_windows("com1", "com1-server"));
        check("com", true, Some("com"));
        check("con-2", true, Some("con-2"));
        check("", false, None);
        check("日本", false, None);
    }
}
