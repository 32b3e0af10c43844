//! Variables by which programs are made to do something else than their arguments say.

use super::names;
use super::reason::{Concern, Reason};

/// How names begin, or what they are, and what such variables do. Programs take more of them than any list could have,
/// so that all that begin so are told but for those below.
const BEGINNINGS: [(Reason, &[&str]); 3] = [
    (
        Reason::OtherRegistry,
        &[
            "BUN_CONFIG_",
            "CARGO_",
            "NPM_CONFIG_",
            "PIP_",
            "PIPX_",
            "PNPM_",
            "RUSTUP_",
            "UV_",
            "YARN_",
        ],
    ),
    (Reason::OtherDaemon, &["BUILDAH_", "CONTAINER", "DOCKER_", "PODMAN_"]),
    (
        Reason::LoadsCode,
        &[
            "BUN_",
            "BUNDLE_",
            "COREHOST_",
            "DENO_",
            "DOTNET_",
            "DYLD_",
            "GEM_",
            "GIT_",
            "GLIBC_",
            "JAVA_",
            "JDK_",
            "JULIA_",
            "LD_",
            "LUA_",
            "NODE_",
            "NPM_",
            "OPENSSL_",
            "PERL5",
            "PERLLIB",
            "PERL_",
            "PYTHON",
            "RUBY",
            "SSH_",
            "VIRTUAL_ENV",
            "XDG_",
            "_JAVA_",
        ],
    ),
];

const NAMES: [(Reason, &[&str]); 3] = [
    (
        Reason::OtherRegistry,
        &["GOENV", "GOFLAGS", "GONOPROXY", "GOPRIVATE", "GOPROXY", "GOTOOLCHAIN"],
    ),
    (
        Reason::Unverified,
        &[
            "CURL_CA_BUNDLE",
            "GOINSECURE",
            "GONOSUMCHECK",
            "GONOSUMDB",
            "GOSUMDB",
            "NODE_EXTRA_CA_CERTS",
            "REQUESTS_CA_BUNDLE",
            "SSL_CERT_DIR",
            "SSL_CERT_FILE",
        ],
    ),
    (
        Reason::LoadsCode,
        &[
            "APPDATA",
            "BASH_ENV",
            "BROWSER",
            "CLASSPATH",
            "COMSPEC",
            "EDITOR",
            "ENV",
            "GCONV_PATH",
            "GOBIN",
            "GOPATH",
            "GOROOT",
            "GRADLE_OPTS",
            "HOME",
            "IFS",
            "LOCALAPPDATA",
            "MAVEN_OPTS",
            "PAGER",
            "PATH",
            "PATHEXT",
            "PHPRC",
            "PHP_INI_SCAN_DIR",
            "PROMPT_COMMAND",
            "SHELL",
            "SHELLOPTS",
            "SYSTEMROOT",
            "USERPROFILE",
            "VISUAL",
            "WINDIR",
            "ZDOTDIR",
        ],
    ),
];

/// These change nothing about what is run, although they begin as others do that might.
const HARMLESS: [&str; 28] = [
    "DOCKER_CLI_HINTS",
    "GIT_AUTHOR_EMAIL",
    "GIT_AUTHOR_NAME",
    "GIT_COMMITTER_EMAIL",
    "GIT_COMMITTER_NAME",
    "GIT_TERMINAL_PROMPT",
    "NODE_DISABLE_COLORS",
    "NODE_ENV",
    "NODE_NO_WARNINGS",
    "NO_PROXY",
    "NPM_CONFIG_AUDIT",
    "NPM_CONFIG_FUND",
    "NPM_CONFIG_LOGLEVEL",
    "NPM_CONFIG_PREFER_OFFLINE",
    "NPM_CONFIG_PROGRESS",
    "NPM_CONFIG_UPDATE_NOTIFIER",
    "NPM_CONFIG_YES",
    "PIP_DISABLE_PIP_VERSION_CHECK",
    "PIP_NO_INPUT",
    "PYTHONDONTWRITEBYTECODE",
    "PYTHONHASHSEED",
    "PYTHONIOENCODING",
    "PYTHONUNBUFFERED",
    "PYTHONUTF8",
    "UV_EXCLUDE_NEWER",
    "UV_NO_PROGRESS",
    "UV_OFFLINE",
    "UV_QUIET",
];

/// They say that certificates or checksums are not looked at, if they have one of these values; without values, with any.
const CHECKS: [(&str, &[&str]); 9] = [
    ("GIT_SSL_NO_VERIFY", &[]),
    ("GONOSUMCHECK", &[]),
    ("GONOSUMDB", &[]),
    ("GOINSECURE", &[]),
    ("NODE_TLS_REJECT_UNAUTHORIZED", &["0"]),
    ("NPM_CONFIG_STRICT_SSL", &["false", "0"]),
    ("PIP_TRUSTED_HOST", &[]),
    ("PYTHONHTTPSVERIFY", &["0"]),
    ("UV_INSECURE_HOST", &[]),
];

/// Whether programs that start servers, or servers, take a variable of this name for what they load, fetch or trust.
pub fn steers(name: &str) -> bool {
    of(&name.to_ascii_uppercase()).is_some()
        || CHECKS.iter().any(|(known, _)| known.eq_ignore_ascii_case(name))
}

/// What a variable of this name, in capitals, does.
fn of(name: &str) -> Option<Reason> {
    if HARMLESS.contains(&name) {
        return None;
    }
    let named = NAMES.iter().find(|(_, names)| names.contains(&name));
    let begins = |beginnings: &[&str]| beginnings.iter().any(|begin| name.starts_with(begin));
    let reason = named.or_else(|| BEGINNINGS.iter().find(|(_, beginnings)| begins(beginnings)));
    let proxy = || name.ends_with("_PROXY").then_some(Reason::Proxy);
    reason.map(|(why, _)| *why).or_else(proxy)
}

/// One variable that the server gets.
pub(super) fn look(name: &str, value: &str, pointer: &str, found: &mut Vec<Concern>) {
    names::hidden(name, pointer, found);
    // Windows and npm do not mind how they are spelled.
    let known = name.to_ascii_uppercase();
    let why = match CHECKS.iter().find(|(name, _)| *name == known) {
        Some((_, values)) => {
            let is_off = values.is_empty() || values.contains(&value.trim());
            (is_off || value.contains("${")).then_some(Reason::Unverified)
        }
        None => of(&known),
    };
    if let Some(why) = why {
        found.push(Concern::new(pointer, format!("{name}={value}"), why));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn variables_that_steer_programs_are_known() {
        let check = |name: &str, expected: bool| assert_eq!(steers(name), expected, "{name}");
        check("PATH", true);
        check("ld_preload", true);
        check("NODE_OPTIONS", true);
        check("NODE_TLS_REJECT_UNAUTHORIZED", true);
        check("API_KEY", false);
        check("NODE_ENV", false);
    }

    #[test]
    fn variables_that_change_programs_are_told() {
        let check = |name: &str, value: &str, expected: Option<Reason>| {
            let mut found = Vec::new();
            look(name, value, "/e", &mut found);
            assert_eq!(found.first().map(|concern| concern.why), expected, "{name}={value}");
        };
        check("API_KEY", "${API_KEY}", None);
        check("LD_PRELOAD", "/tmp/x.so", Some(Reason::LoadsCode));
        check("Path", "C:\\x", Some(Reason::LoadsCode));
        check("npm_config_registry", "https://example.com", Some(Reason::OtherRegistry));
        check("DOCKER_HOST", "tcp://example.com", Some(Reason::OtherDaemon));
        check("NODE_TLS_REJECT_UNAUTHORIZED", "1", None);
        check("NODE_TLS_REJECT_UNAUTHORIZED", "0", Some(Reason::Unverified));
        check("UV_INDEX_ACME_PASSWORD", "x", Some(Reason::OtherRegistry));
        check("uv_exclude_newer", "2026-01-01", None);
        check("UV_EXCLUDE_NEWER", "2026-01-01", None);
        check("Npm_Config_Script_Shell", "x", Some(Reason::OtherRegistry));
        check("NODE_ENV", "production", None);
        check("NODE_EXTRA_CA_CERTS", "/x", Some(Reason::Unverified));
        check("PYTHONBREAKPOINT", "x", Some(Reason::LoadsCode));
        check("GIT_CONFIG_GLOBAL", "/x", Some(Reason::LoadsCode));
        check("XDG_CONFIG_HOME", "/x", Some(Reason::LoadsCode));
        check("HOME", "/x", Some(Reason::LoadsCode));
        check("HOME_URL", "https://example.com", None);
        check("https_proxy", "http://example.com", Some(Reason::Proxy));
        check("CONTAINERS_CONF", "/x", Some(Reason::OtherDaemon));
        check("GOOGLE_API_KEY", "x", None);
        check("PERPLEXITY_API_KEY", "x", None);
        check("A\u{200b}", "x", Some(Reason::Hidden));
    }
}
