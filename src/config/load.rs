//! From files to a checked configuration.

use std::io;

use super::compile::Config;
use super::document::Document;
use super::error::Error;
use super::finding::{Finding, Report, Severity};
use super::reader::Reader;
use super::server::Scene;
use super::servers::{self, Found, Servers};
use super::source::Source;
use super::variables::{Draft, Variables};
use crate::base::environment::Environment;
use crate::base::fs::read_regular;
use crate::base::paths::Paths;
use crate::base::sorting;

/// Bytes of a file of the configuration that are read. None that people write comes near it, and what is longer is not
/// what it should be.
pub(super) const LONGEST_FILE: u64 = 16 * 1024 * 1024;

/// A configuration that can run, and what there is to say about it.
#[derive(Debug, Clone, PartialEq)]
pub struct Loaded {
    /// The configuration.
    pub config: Config,
    /// Warnings, and the faults of servers that are left out. None of them is an error outside a
    /// server's entry.
    pub findings: Vec<Finding>,
}

/// Reads and checks the configuration. `${NAME}` is filled from the `.env` files of `source`, then
/// from `process`; neither is changed.
pub fn load(source: &Source, paths: &Paths, process: &Environment) -> Result<Loaded, Error> {
    load_with(source, paths, process, &[])
}

/// The same with the bytes that some of the files are to have.
pub(super) fn load_with(
    source: &Source,
    paths: &Paths,
    process: &Environment,
    drafts: &[Draft<'_>],
) -> Result<Loaded, Error> {
    let document = match drafts.iter().find(|draft| draft.path == source.config) {
        Some(draft) => Document::parse(&source.config, draft.bytes)?,
        None => Document::parse(&source.config, &read(source)?)?,
    };
    let report = Report::top();
    let variables = Variables::read(&source.env_files, process, &report, drafts);
    let (config, findings) = compile(&document, source, paths, &variables, report);
    let stops = |finding: &Finding| finding.severity == Severity::Error && finding.server.is_none();
    if findings.iter().any(stops) {
        return Err(Error::Invalid { path: source.config.clone(), findings });
    }
    Ok(Loaded { config, findings })
}

/// The bytes of the configuration.
pub(super) fn read(source: &Source) -> Result<Vec<u8>, Error> {
    read_regular(&source.config, LONGEST_FILE).map_err(|fault| match fault.kind() {
        io::ErrorKind::NotFound => Error::NotFound { path: source.config.clone() },
        _ => Error::Unreadable { path: source.config.clone(), source: fault },
    })
}

fn compile(
    document: &Document,
    source: &Source,
    paths: &Paths,
    variables: &Variables<'_>,
    report: Report,
) -> (Config, Vec<Finding>) {
    let repeated = document.lines.repeated();
    for pointer in repeated.iter().filter(|pointer| !is_in_server(pointer)) {
        report.error(pointer, "this key stands twice in its object; keep one");
    }
    let mut top = Reader::new(&document.object, "", &report);
    let mut config = Config::read(&mut top);
    let servers = Servers {
        scene: Scene {
            folder: source.folder(),
            user_home: paths.user_home(),
            retry: &config.retry,
            protection: config.protection,
        },
        paths,
        variables,
        lines: &document.lines,
        repeated,
        found: Found::default(),
    };
    let found = servers.read(&mut top);
    top.finish();
    config.intent_routing.fill(variables);
    config.servers = found.servers;
    config.skipped = found.skipped;
    let mut findings = report.into_findings(&document.lines);
    findings.extend(found.findings);
    // People read along in the file. What was found on one line keeps its order.
    sorting::sort_by_key(&mut findings, |finding| (finding.file.is_none(), finding.line));
    (config, findings)
}

/// Whether a pointer leads to a server's entry or into it; the entry then answers for it.
fn is_in_server(pointer: &str) -> bool {
    servers::KEYS.iter().any(|key| {
        let rest = pointer.strip_prefix('/').and_then(|rest| rest.strip_prefix(key));
        rest.is_some_and(|rest| rest.starts_with('/'))
    })
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::base::fs::{PRIVATE, write_atomically};
    use crate::base::secret::Secret;
    use crate::config::{Mode, Skipped, Transport};

    /// Loads a configuration from a folder of its own, with `.env` beside it and in the home
    /// folder.
    fn load_text(config: &str, env: &str, home_env: &str) -> Result<Loaded, Error> {
        let folder = tempfile::tempdir().expect("a folder");
        let home = folder.path().join("home");
        std::fs::create_dir(&home).expect("a folder");
        let write = |path: &Path, text: &str| {
            write_atomically(path, text.as_bytes(), PRIVATE).expect("written");
        };
        write(&folder.path().join("bridge.json"), config);
        write(&folder.path().join(".env"), env);
        write(&home.join(".env"), home_env);
        let process = Environment::from_pairs([
            ("BRIDGE_HOME", home.to_str().expect("Unicode")),
            ("BOTH", "process"),
            ("PROCESS_ONLY", "process"),
        ]);
        let paths = Paths::new(&process).expect("a home folder");
        let source = Source::of(Some(&folder.path().join("bridge.json")), &paths);
        load(&source, &paths, &process)
    }

    fn told(findings: &[Finding]) -> Vec<String> {
        findings.iter().map(ToString::to_string).collect()
    }

    fn check(config: &str, servers: &[&str], skipped: &[&str], findings: &[&str]) -> Loaded {
        let loaded = load_text(config, "", "").expect("a configuration that runs");
        assert_eq!(told(&loaded.findings), findings, "{config}");
        let running: Vec<&str> = loaded.config.servers.keys().map(AsRef::as_ref).collect();
        assert_eq!(running, servers, "{config}");
        let left_out: Vec<&str> =
            loaded.config.skipped.iter().map(|skipped| skipped.name.as_str()).collect();
        assert_eq!(left_out, skipped, "{config}");
        loaded
    }

    #[test]
    fn services_are_reached_by_what_the_files_and_the_environment_say() {
        let env = "OPENAI_API_KEY=' beside '\nOLLAMA_HOST=''\nOTHER=x";
        let loaded = load_text("{}", env, "OPENAI_API_KEY=home\nGOOGLE_API_KEY=home");
        let routing = loaded.expect("it loads").config.intent_routing;
        let check = |name: &str, expected: Option<&str>| {
            assert_eq!(routing.variable(name).map(Secret::expose), expected, "{name}");
        };
        check("OPENAI_API_KEY", Some("beside"));
        check("GOOGLE_API_KEY", Some("home"));
        check("GEMINI_BASE_URL", None);
        check("OLLAMA_HOST", None);
        check("OTHER", None);
    }

    #[test]
    fn an_empty_configuration_is_the_default() {
        let loaded = check("{}", &[], &[], &[]);
        assert_eq!(loaded.config, Config::default());
    }

    #[test]
    fn a_faulty_server_costs_only_itself() {
        let loaded = check(
            r#"{
  "$schema": "x",
  "colour": 1,
  "servers": {
    "ok": {"command": "npx"},
    "slip": {
      "command": "npx", "toolFliter": {"deny": ["rm"]}
    },
    "blank": {},
    "off": {"disabled": true, "comand": "npx"},
    "list": []
  },
  "maxBatchsize": 3
}"#,
            &["ok"],
            &["slip", "blank", "list"],
            &[
                "`/colour` (line 3): unknown key `colour`",
                "`/servers/slip/toolFliter` (line 7): unknown key `toolFliter`; did you mean `toolFilter`?",
                "`/servers/blank` (line 9): has neither `command` nor `url`, so nothing says how to reach it",
                "`/servers/list` (line 11): a server entry must be an object",
                "`/maxBatchsize` (line 13): unknown key `maxBatchsize`; did you mean `maxBatchSize`?",
            ],
        );
        let reason = "`/servers/list` (line 11): a server entry must be an object".to_owned();
        assert_eq!(loaded.config.skipped[2], Skipped { name: "list".to_owned(), reason });
    }

    #[test]
    fn a_fault_outside_the_servers_stops_and_all_is_told() {
        let config = r#"{
  "servers": {"a": {"url": 1}},
  "mode": "ruoter", "retry": {"maxAttempts": 0},
  "debug": true,
  "debug": false
}"#;
        let text = load_text(config, "no variable", "").expect_err("faults").to_string();
        let lines: Vec<&str> = text.lines().collect();
        assert!(lines[0].ends_with("bridge.json` has faults:"), "{text}");
        assert!(lines[1].contains(".env` (line 1): is not `NAME=value` and is left out"), "{text}");
        let expected = [
            "  `/servers/a/url` (line 2): `url` must be a string, not `1`",
            "  `/mode` (line 3): `mode` must be one of `router`, `direct`, `auto`, not `ruoter`; did you mean `router`?",
            "  `/retry/maxAttempts` (line 3): `maxAttempts` must be a whole number from 1 to 100, not `0`",
            "  `/debug` (line 5): this key stands twice in its object; keep one",
        ];
        assert_eq!(lines[2..], expected);
    }

    #[test]
    fn a_key_that_stands_twice_in_an_entry_costs_the_server() {
        check(
            "{\"servers\": {\"a\": {\"command\": \"x\",\n\"args\": [],\n\"args\": [\"y\"]}}}",
            &[],
            &["a"],
            &["`/servers/a/args` (line 3): this key stands twice in its object; keep one"],
        );
    }

    #[test]
    fn reads_the_files_of_other_programs() {
        check(
            r#"{"inputs": [], "mcpServers": {
  "My Server": {"type": "stdio", "command": "npx", "autoApprove": ["x"], "disabled": false},
  "web": {"type": "http", "url": "https://example.com/mcp"},
  "old": {"url": "https://example.com/sse"},
  "web ": {"url": "https://example.com/mcp"},
  "日本": {"command": "x"},
  "off": {"disabled": true}
}, "servers": {"last": {"type": "streamableHttp", "url": "https://example.com"}}}"#,
            &["my-server", "web", "old", "last"],
            &["web ", "日本"],
            &[
                "`/inputs` (line 1): `inputs` is a setting of other programs and has no effect here",
                "`/mcpServers/My Server` (line 2): `My Server` is no server name; the server is called `my-server`",
                "`/mcpServers/My Server/autoApprove` (line 2): `autoApprove` is a setting of other programs and has no effect here",
                "`/mcpServers/web ` (line 5): another server has the name `web`; rename this one",
                "`/mcpServers/日本` (line 6): `日本` is no server name; use small letters, digits and `-`, the first a letter or digit",
            ],
        );
    }

    #[test]
    fn fills_in_variables_by_rank() {
        let config = r#"{"servers": {"a": {"command": "x", "args": ["${BESIDE}", "${BOTH}", "${HOME_ONLY}", "${PROCESS_ONLY}"]}}}"#;
        let loaded = load_text(config, "BESIDE=1\nBOTH=beside", "BESIDE=2\nBOTH=home\nHOME_ONLY=h");
        let loaded = loaded.expect("a configuration that runs");
        assert_eq!(told(&loaded.findings), Vec::<String>::new());
        let server = &loaded.config.servers["a"];
        let Transport::Stdio(stdio) = &server.transport else { panic!("stdio") };
        let args: Vec<&str> = stdio.args.iter().map(crate::base::secret::Secret::expose).collect();
        assert_eq!(args, ["1", "beside", "h", "process"]);
        assert_eq!(server.secrets, stdio.args);
        assert!(!format!("{loaded:?}").contains("beside"));
    }

    #[test]
    fn a_missing_variable_names_its_remedy() {
        let config = r#"{"servers": {"a": {"command": "x", "env": {"T": "${TOKEM}"}}, "b": {"command": "y"}}}"#;
        let loaded = load_text(config, "TOKEN=t-123", "").expect("a configuration that runs");
        assert!(loaded.config.servers.contains_key("b"));
        let [finding] = loaded.findings.as_slice() else { panic!("one finding") };
        assert_eq!(finding.server.as_deref(), Some("a"));
        assert_eq!(finding.pointer, "/servers/a/env/T");
        assert_eq!(finding.message, "variable `TOKEM` is not set");
        let hint = finding.hint.as_deref().unwrap_or_default();
        assert!(hint.starts_with("did you mean `TOKEN`? Else put `TOKEM=…` into `"), "{hint}");
        assert!(hint.ends_with(".env`"), "{hint}");
    }

    #[test]
    fn a_missing_variable_is_told_once() {
        let config =
            r#"{"servers": {"a": {"url": "${URL}", "auth": {"type": "bearer", "token": "${T}"}}}}"#;
        let loaded = load_text(config, "", "").expect("a configuration that runs");
        let messages: Vec<&str> =
            loaded.findings.iter().map(|finding| finding.message.as_str()).collect();
        assert_eq!(messages, ["variable `URL` is not set", "variable `T` is not set"]);
    }

    #[test]
    fn what_a_variable_held_is_never_told() {
        let config = r#"{"servers": {"a": {"command": "x", "trust": "${T}", "framing": "${T}"}, "b": {"url": "${T}"}}}"#;
        let loaded = load_text(config, "T=t-123", "").expect("a configuration that runs");
        assert_eq!(loaded.findings.len(), 3);
        assert!(!format!("{loaded:?}").contains("t-123"));
    }

    #[test]
    fn says_why_there_is_no_configuration() {
        let paths =
            Paths::new(&Environment::from_pairs([("BRIDGE_HOME", "/nowhere")])).expect("a home");
        let fault = load(&Source::of(None, &paths), &paths, &Environment::default());
        let fault = fault.expect_err("no such file");
        assert!(matches!(fault, Error::NotFound { .. }), "{fault}");
        assert!(fault.hint().is_some_and(|hint| hint.contains("`bridge init`")));
        assert!(matches!(load_text("[]", "", ""), Err(Error::NotAnObject { .. })));
        assert!(matches!(load_text("{,}", "", ""), Err(Error::NotJson { .. })));
    }

    #[test]
    fn the_example_is_without_findings() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR"));
        let home = tempfile::tempdir().expect("a folder");
        let process =
            Environment::from_pairs([("BRIDGE_HOME", home.path().to_str().expect("Unicode"))]);
        let paths = Paths::new(&process).expect("a home folder");
        let source = Source { config: root.join("config.example.json"), env_files: vec![] };
        let loaded = load(&source, &paths, &process).expect("the example runs");
        assert_eq!(told(&loaded.findings), Vec::<String>::new());
        assert_eq!(loaded.config.exposure.mode, Mode::Router);
        assert!(loaded.config.servers.contains_key("everything"));
        assert!(loaded.config.skipped.is_empty());
    }
}
