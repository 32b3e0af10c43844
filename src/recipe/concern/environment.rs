//! Variables by which programs are made to do something else than their arguments say.

use super::names;
use super::reason::{Concern, Reason};

/// They bring code into a program, or another program into its place.
const CODE: [&str; 23] = [
    "BASH_ENV",
    "DOTNET_STARTUP_HOOKS",
    "DYLD_FRAMEWORK_PATH",
    "DYLD_INSERT_LIBRARIES",
    "DYLD_LIBRARY_PATH",
    "GIT_SSH",
    "GIT_SSH_COMMAND",
    "JAVA_TOOL_OPTIONS",
    "LD_AUDIT",
    "LD_LIBRARY_PATH",
    "LD_PRELOAD",
    "NODE_OPTIONS",
    "NODE_PATH",
    "PATH",
    "PERL5LIB",
    "PERL5OPT",
    "PYTHONHOME",
    "PYTHONPATH",
    "PYTHONSTARTUP",
    "RUBYLIB",
    "RUBYOPT",
    "SHELL",
    "_JAVA_OPTIONS",
];

/// They say where packages come from.
const REGISTRIES: [&str; 18] = [
    "BUN_CONFIG_REGISTRY",
    "GOFLAGS",
    "GOPROXY",
    "NPM_CONFIG_GLOBALCONFIG",
    "NPM_CONFIG_REGISTRY",
    "NPM_CONFIG_USERCONFIG",
    "PIP_CONFIG_FILE",
    "PIP_EXTRA_INDEX_URL",
    "PIP_FIND_LINKS",
    "PIP_INDEX_URL",
    "UV_CONFIG_FILE",
    "UV_DEFAULT_INDEX",
    "UV_EXTRA_INDEX_URL",
    "UV_FIND_LINKS",
    "UV_INDEX",
    "UV_INDEX_URL",
    "YARN_NPM_REGISTRY_SERVER",
    "YARN_REGISTRY",
];

/// They say which Docker runs a container.
const DAEMONS: [&str; 4] = ["CONTAINER_HOST", "DOCKER_CONFIG", "DOCKER_CONTEXT", "DOCKER_HOST"];

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

/// One variable that the server gets.
pub(super) fn look(name: &str, value: &str, pointer: &str, found: &mut Vec<Concern>) {
    names::hidden(name, pointer, found);
    // Windows and npm do not mind how they are spelled.
    let known = name.to_ascii_uppercase();
    let of = |names: &[&str]| names.contains(&known.as_str());
    let is_unchecked = CHECKS.iter().any(|(name, values)| {
        *name == known && (values.is_empty() || values.contains(&value.trim()))
    });
    let why = match () {
        () if of(&CODE) => Reason::LoadsCode,
        () if of(&REGISTRIES) => Reason::OtherRegistry,
        () if of(&DAEMONS) => Reason::OtherDaemon,
        () if is_unchecked => Reason::Unverified,
        () => return,
    };
    found.push(Concern::new(pointer, format!("{name}={value}"), why));
}

#[cfg(test)]
mod tests {
    use super::*;

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
        check("A\u{200b}", "x", Some(Reason::Hidden));
    }
}
