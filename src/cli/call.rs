//! `bridge call SERVER TOOL [JSON]`: one call, through the same router that agents use.

use std::sync::Arc;

use std::borrow::Cow;
use std::fmt::Write;
use std::io::Read;

use clap::Args;
use serde_json::Value;

use super::exit::{Exit, Failure};
use super::printer::Printer;
use crate::app::App;
use crate::base::json::Strict;
use crate::protocol::version::Revision;
use crate::router::{Action, Caller, Client, Error};

pub(super) const EXAMPLES: &str = "\
Examples:
  bridge call everything echo '{\"message\":\"hi\"}'
  bridge call everything get-sum '{\"a\":1,\"b\":2}' --json
  echo '{\"path\":\"/tmp\"}' | bridge call filesystem list_directory -

Texts of the result are printed as they are; --json prints the whole result.
Exit code 1 says that the tool reported an error, 5 that the server failed.";

/// What `bridge call` takes.
#[derive(Debug, Args)]
pub(super) struct Call {
    /// The server's name in the config
    pub(super) server: String,
    /// The tool's name
    pub(super) tool: String,
    /// The tool's arguments as a JSON object; `-` reads them from stdin
    #[arg(value_name = "JSON", default_value = "{}")]
    pub(super) params: String,
}

/// The arguments from the command line or from stdin: the text of a JSON object.
pub(super) fn read_params(call: &Call) -> Result<String, Failure> {
    let mut params = call.params.clone();
    if params == "-" {
        params.clear();
        std::io::stdin()
            .read_to_string(&mut params)
            .map_err(|error| Failure::new(Exit::Usage, format!("cannot read stdin: {error}")))?;
    }
    let usage = |reason: String| {
        let hint = Some("such as '{\"message\":\"hi\"}', in single quotes".to_owned());
        Failure::new(Exit::Usage, format!("the tool's arguments: {reason}")).hint(hint)
    };
    if params.trim().is_empty() {
        return Err(usage("there are none, not even `{}`".to_owned()));
    }
    let mut strict = Strict::new();
    let checked =
        strict.check(params.trim().as_bytes()).map_err(|fault| usage(fault.to_string()))?;
    if checked.is_object() {
        Ok(checked.text.to_owned())
    } else {
        Err(usage("not an object".to_owned()))
    }
}

/// Calls the tool and prints what it says.
pub(super) async fn run(
    app: &App,
    printer: Printer,
    call: &Call,
    params: &str,
) -> Result<Exit, Failure> {
    let action = Action::Call {
        server: Some(Cow::Borrowed(&call.server)),
        tool: Cow::Borrowed(&call.tool),
        params: Cow::Borrowed(params),
        select: None,
    };
    let caller = Caller::alone(Arc::new(Client::new(Revision::LATEST)));
    let result = app.router().act(action, None, &caller).await.map_err(|error| failure(&error))?;
    let result: Value = serde_json::from_str(&result).map_err(|error| {
        Failure::new(Exit::Upstream, format!("the result cannot be read: {error}"))
    })?;
    if printer.json {
        printer.json(&result);
    } else {
        printer.data(&readable(&result));
    }
    let failed = result["isError"] == Value::Bool(true);
    Ok(if failed { Exit::Failed } else { Exit::Done })
}

/// Texts as they are; what is no text is named with its size.
fn readable(result: &Value) -> String {
    let blocks = result["content"].as_array().map(Vec::as_slice).unwrap_or_default();
    let mut text = String::new();
    for block in blocks {
        let kind = block["type"].as_str().unwrap_or("content");
        let line = match (&block["text"], &block["data"], &block["resource"]["text"]) {
            (Value::String(text), ..) | (.., Value::String(text)) => text.clone(),
            (_, Value::String(data), _) => {
                let mime = block["mimeType"].as_str().unwrap_or("unknown type");
                format!("[{kind}, {mime}, {} bytes in base64]", data.len())
            }
            _ => block.to_string(),
        };
        writeln!(text, "{line}").expect("writing to a string cannot fail");
    }
    if blocks.is_empty() {
        let structured = &result["structuredContent"];
        text = if structured.is_null() { result.to_string() } else { structured.to_string() };
    }
    text
}

/// A router's error with its exit code.
pub(super) fn failure(error: &Error) -> Failure {
    let (exit, available) = match error {
        Error::UnknownServer { available, .. } | Error::UnknownTool { available, .. } => {
            (Exit::NotFound, &available[..])
        }
        Error::InvalidParams { .. } | Error::Dependency { .. } | Error::Filter { .. } => {
            (Exit::Usage, &[][..])
        }
        Error::NoMatch { .. } | Error::NotFound { .. } => (Exit::NotFound, &[][..]),
        Error::Denied { .. }
        | Error::NotAllowed { .. }
        | Error::Off { .. }
        | Error::Consent { .. }
        | Error::Edit(_)
        | Error::RateLimited(_) => (Exit::Failed, &[][..]),
        Error::LeftOut { .. } => (Exit::Config, &[][..]),
        Error::Upstream { .. } => (Exit::Upstream, &[][..]),
    };
    let nearest = match available {
        [] => None,
        names => Some(format!("there are {}", names.join(", "))),
    };
    Failure::new(exit, error.to_string()).hint(error.hint().or(nearest))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn results_read_as_text() {
        let check =
            |result: Value, expected: &str| assert_eq!(readable(&result).trim_end(), expected);
        check(
            json!({"content": [{"type": "text", "text": "a"}, {"type": "text", "text": "b"}]}),
            "a\nb",
        );
        check(
            json!({"content": [{"type": "image", "mimeType": "image/png", "data": "AAAA"}]}),
            "[image, image/png, 4 bytes in base64]",
        );
        check(
            json!({"content": [{"type": "resource", "resource": {"uri": "x:y", "text": "t"}}]}),
            "t",
        );
        check(json!({"structuredContent": {"a": 1}, "content": []}), r#"{"a":1}"#);
    }
}
