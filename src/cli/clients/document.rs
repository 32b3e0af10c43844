//! The text of a client's file, whatever its format: its servers read, one put in, some taken out.

use serde_json::Value;

use super::client::Format;
use super::{json, toml};

const BYTE_ORDER_MARK: char = '\u{FEFF}';

/// Why a text is left alone.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(super) enum Fault {
    /// It cannot be parsed.
    #[error("line {line}: {reason}")]
    Syntax {
        /// Counted from 1.
        line: usize,
        /// In words for people.
        reason: String,
    },
    /// Something else stands where an object or a table belongs.
    #[error("{what} is no {kind}")]
    NotAnObject {
        /// What has another value.
        what: String,
        /// How the format calls what belongs there.
        kind: &'static str,
    },
    /// It is not clear which one counts.
    #[error("`{key}` stands there more than once; keep one")]
    Twice {
        /// The key.
        key: String,
    },
    /// The new text would say something else than it should.
    #[error("the change cannot be made without touching something else; make it by hand")]
    Unsafe,
}

/// Where servers stand, and in which format.
#[derive(Debug, Clone, Copy)]
pub(super) struct Shape {
    pub(super) format: Format,
    pub(super) section: &'static str,
}

impl Shape {
    /// All servers in the order of the text, with their names.
    pub(super) fn servers(&self, text: &str) -> Result<Vec<(String, Value)>, Fault> {
        let text = text.trim_start_matches(BYTE_ORDER_MARK);
        match self.format {
            Format::Json => json::servers(text, self.section),
            Format::Toml => toml::servers(text, self.section),
        }
    }

    /// The text with this server in it, in place of the one of its name if there is one. All else stays.
    pub(super) fn put(&self, text: &str, name: &str, entry: &Value) -> Result<String, Fault> {
        let mut expected = self.servers(text)?;
        if expected.iter().any(|(known, old)| known == name && old == entry) {
            return Ok(text.to_owned());
        }
        match expected.iter_mut().find(|(known, _)| known == name) {
            Some((_, old)) => *old = entry.clone(),
            None => expected.push((name.to_owned(), entry.clone())),
        }
        let (mark, text) = split(text);
        let new = match self.format {
            Format::Json => json::put(text, self.section, name, entry)?,
            Format::Toml => toml::put(text, self.section, name, entry)?,
        };
        self.checked(text, [mark, &new].concat(), &expected)
    }

    /// The text without these servers. All else stays.
    pub(super) fn take(&self, text: &str, names: &[&str]) -> Result<String, Fault> {
        let mut expected = self.servers(text)?;
        expected.retain(|(known, _)| !names.contains(&known.as_str()));
        let (mark, text) = split(text);
        let mut new = text.to_owned();
        for name in names {
            new = match self.format {
                Format::Json => json::take(&new, self.section, name)?,
                Format::Toml => toml::take(&new, self.section, name)?,
            };
        }
        self.checked(text, [mark, &new].concat(), &expected)
    }

    /// The new text if it holds just these servers and everything else that the old one has.
    fn checked(
        &self,
        old: &str,
        new: String,
        expected: &[(String, Value)],
    ) -> Result<String, Fault> {
        let as_set = |servers: &[(String, Value)]| {
            servers.iter().cloned().collect::<serde_json::Map<String, Value>>()
        };
        let is_right = as_set(&self.servers(&new)?) == as_set(expected);
        if is_right && self.others(old)? == self.others(&new)? {
            Ok(new)
        } else {
            Err(Fault::Unsafe)
        }
    }

    /// All that the text says beside its servers.
    fn others(&self, text: &str) -> Result<Value, Fault> {
        let text = text.trim_start_matches(BYTE_ORDER_MARK);
        let mut value = match self.format {
            Format::Json => json::value(text)?,
            Format::Toml => toml::value(text)?,
        };
        if let Some(object) = value.as_object_mut() {
            object.shift_remove(self.section);
        }
        Ok(value)
    }
}

fn split(text: &str) -> (&str, &str) {
    let body = text.strip_prefix(BYTE_ORDER_MARK).unwrap_or(text);
    text.split_at(text.len() - body.len())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const JSON: Shape = Shape { format: Format::Json, section: "mcpServers" };
    const TOML: Shape = Shape { format: Format::Toml, section: "mcp_servers" };

    fn entry() -> Value {
        json!({ "command": "/b", "args": ["--config", "x"] })
    }

    /// What comes out when the bridge is put in, and that nothing but it goes when it is taken out again.
    #[track_caller]
    fn check(shape: Shape, before: &str, after: &str) {
        let put = shape.put(before, "bridge", &entry()).expect("it can be put in");
        assert_eq!(put, after);
        assert_eq!(shape.put(&put, "bridge", &entry()).as_deref(), Ok(after), "twice");
        let back = shape.take(&put, &["bridge"]).expect("it can be taken out");
        assert_eq!(shape.servers(&back), shape.servers(before));
        let others = |text| shape.others(text).expect("it is read");
        assert_eq!(others(&back), others(before));
    }

    #[test]
    fn plain_json_stays_as_it_is_laid_out() {
        const LINES: &str = "{\n  \"mcpServers\": {\n    \"bridge\": {\n      \"command\": \"/b\",\n      \"args\": [\n        \"--config\",\n        \"x\"\n      ]\n    }\n  }\n}\n";
        let check = |before: &str, after: &str| check(JSON, before, after);
        check("", LINES);
        check("{\n}\n", LINES);
        check("{}", LINES);
        check("{\n  \"mcpServers\": {}\n}\n", LINES);
        check(
            "{\"mcpServers\": {}}",
            "{\"mcpServers\": {\"bridge\": {\"command\": \"/b\", \"args\": [\"--config\", \"x\"]}}}",
        );
        check(
            "{\"a\":1,\"mcpServers\":{\"x\":{\"command\":\"é\"}}}",
            "{\"a\":1,\"mcpServers\":{\"x\":{\"command\":\"é\"},\"bridge\":{\"command\":\"/b\",\"args\":[\"--config\",\"x\"]}}}",
        );
        check(
            "\u{FEFF}{\r\n\t\"mcpServers\": {\r\n\t\t\"日本\": {\"command\": \"x\"}\r\n\t},\r\n\t\"n\": 1.0\r\n}",
            "\u{FEFF}{\r\n\t\"mcpServers\": {\r\n\t\t\"日本\": {\"command\": \"x\"},\r\n\t\t\"bridge\": {\r\n\t\t\t\"command\": \"/b\",\r\n\t\t\t\"args\": [\r\n\t\t\t\t\"--config\",\r\n\t\t\t\t\"x\"\r\n\t\t\t]\r\n\t\t}\r\n\t},\r\n\t\"n\": 1.0\r\n}",
        );
    }

    #[test]
    fn comments_and_trailing_commas_stay() {
        let before = "// Settings of the editor\n{\n  \"theme\": \"One Dark\", // dark\n  /* servers */\n  \"mcpServers\": {\n    // the files\n    \"fs\": {\n      \"command\": \"npx\", // slow\n      \"args\": [\"-y\",],\n    },\n  },\n}\n// end\n";
        let after = "// Settings of the editor\n{\n  \"theme\": \"One Dark\", // dark\n  /* servers */\n  \"mcpServers\": {\n    // the files\n    \"fs\": {\n      \"command\": \"npx\", // slow\n      \"args\": [\"-y\",],\n    },\n    \"bridge\": {\n      \"command\": \"/b\",\n      \"args\": [\"--config\", \"x\"],\n    },\n  },\n}\n// end\n";
        check(JSON, before, after);
        let without = JSON.take(after, &["fs"]).expect("taken out");
        assert!(without.contains("// dark") && without.contains("// end"), "{without}");
        check(
            JSON,
            "{\r\n\t\"a\": 1 // one\r\n}\r\n",
            "{\r\n\t\"a\": 1, // one\r\n\t\"mcpServers\": {\r\n\t\t\"bridge\": {\r\n\t\t\t\"command\": \"/b\",\r\n\t\t\t\"args\": [\"--config\", \"x\"]\r\n\t\t}\r\n\t}\r\n}\r\n",
        );
    }

    #[test]
    fn tables_of_toml() {
        const ENTRY: &str =
            "[mcp_servers.bridge]\ncommand = \"/b\"\nargs = [\"--config\", \"x\"]\n";
        let check = |before: &str, after: &str| check(TOML, before, after);
        check("", ENTRY);
        check("# mine\nmodel = \"o3\"\n", &format!("# mine\nmodel = \"o3\"\n\n{ENTRY}"));
        check(
            "model = \"o3\"\n\n[mcp_servers.fs] # files\ncommand = \"npx\"\nenv = { A = \"1\" }\n\n[tui]\ntheme = \"x\"\n",
            &format!(
                "model = \"o3\"\n\n[mcp_servers.fs] # files\ncommand = \"npx\"\nenv = {{ A = \"1\" }}\n\n{ENTRY}\n[tui]\ntheme = \"x\"\n"
            ),
        );
        check(
            "a = 1\r\n# c\r\n[mcp_servers.\"ü x\"]\r\nurl = \"https://h\"\r\n",
            &format!(
                "a = 1\r\n# c\r\n[mcp_servers.\"ü x\"]\r\nurl = \"https://h\"\r\n\r\n{}",
                ENTRY.replace('\n', "\r\n")
            ),
        );
        check(
            "mcp_servers = { fs = { command = \"x\" } }\n",
            "mcp_servers = { fs = { command = \"x\" }, bridge = { command = \"/b\", args = [\"--config\", \"x\"] } }\n",
        );
    }

    #[test]
    fn comments_of_tables_go_with_them_and_others_stay() {
        let text = "# mine\n\n# files\n[mcp_servers.fs]\ncommand = \"x\"\n\n# two\n\n# web\n[mcp_servers.web]\nurl = \"h\"\n";
        let check = |names: &[&str], expected: &str| {
            assert_eq!(TOML.take(text, names).as_deref(), Ok(expected));
        };
        check(&["fs"], "# mine\n\n# two\n\n# web\n[mcp_servers.web]\nurl = \"h\"\n");
        check(&["web"], "# mine\n\n# files\n[mcp_servers.fs]\ncommand = \"x\"\n\n# two\n");
    }

    #[test]
    fn what_is_not_clear_is_left_alone() {
        #[track_caller]
        fn check(shape: Shape, text: &str, words: &str) {
            let fault = shape.put(text, "bridge", &entry()).expect_err("it is faulty").to_string();
            assert!(fault.contains(words), "{fault}");
        }
        check(JSON, "{\n  \"a\": 1\n  \"b\": 2\n}", "line 2");
        check(JSON, "{\n  // c\n  \"a\": [1,\n}", "line ");
        check(JSON, "{'a': 1}", "line 1");
        check(JSON, "[]", "no object");
        check(JSON, "7 // x", "no object");
        check(JSON, "{\"mcpServers\": null}", "`mcpServers` is no object");
        check(JSON, "{\"mcpServers\": {\"a\": 1, \"a\": 2}}", "`a` stands there more than once");
        check(JSON, "{\"mcpServers\": {}, \"mcpServers\": {}}", "more than once");
        check(JSON, &"[".repeat(100_000), "line 1");
        check(TOML, "a = 1\nb = \n", "line 2");
        check(TOML, "mcp_servers = 7\n", "`mcp_servers` is no table");
        check(TOML, &format!("a = {}", "[".repeat(100_000)), "line 1");
    }
}
