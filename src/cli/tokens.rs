//! `bridge tokens`: what the lists of tools would cost an agent without the bridge, and what they cost with it.

use std::collections::HashMap;
use std::sync::Arc;

use serde_json::{Value, json};
use tiktoken::CoreBpe;

use super::exit::{Exit, Failure};
use super::printer::Printer;
use super::servers::NOBODY;
use crate::app::App;
use crate::protocol::method;
use crate::protocol::version::Revision;
use crate::router::{Caller, Client, Enough, Overview, listed};
use crate::tools::ServerTools;

pub(super) const EXAMPLES: &str = "\
Examples:
  bridge tokens
  bridge tokens --json

WITHOUT is what the server's own list of tools costs in every conversation, LIST what the bridge's answer costs where an
agent asks for the tools of that server, both in tokens of o200k_base. Tools that a filter leaves out are not counted.
Servers are reached; one that cannot be is counted as it showed itself last. Exit code 5 says that nothing is known of one.";

/// The vocabulary that is counted by, as its makers call it.
const TOKENIZER: &str = "o200k_base";

/// What one server's tools cost.
struct Cost {
    name: String,
    tools: usize,
    without: usize,
    list: usize,
    /// What is counted was shown in an earlier run.
    is_remembered: bool,
}

/// Reaches the servers and counts.
pub(super) async fn run(app: &App, printer: Printer) -> Result<Exit, Failure> {
    let router = app.router();
    // What servers showed last is there before one turns out to be out of reach.
    router.recall().await;
    let servers = router.overview(Enough::Shown).await;
    let tokenizer = tiktoken::encoding::o200k_base();
    let snapshot = router.tools();
    let costs: Vec<Cost> = servers
        .iter()
        .filter_map(|server| Some((server, snapshot.get(&server.name)?)))
        .map(|(server, tools)| Cost::of(&tokenizer, &server.name, tools))
        .collect();
    let caller = Caller::alone(Arc::new(Client::new(Revision::LATEST)));
    let shown = router.serve(method::TOOLS_LIST, None, &caller).await;
    let shown =
        shown.map_err(|error| Failure::new(Exit::Failed, format!("cannot list: {error:?}")))?;
    let now = tokenizer.count(&compact(&shown));
    let mode = app.config.exposure.mode.name();
    if printer.json {
        printer.json(&in_json(&servers, &costs, now, mode));
    } else if servers.is_empty() {
        printer.talk(NOBODY);
    } else {
        print(printer, &costs, now, mode);
    }
    Ok(tell_unreached(printer, &servers, &costs))
}

impl Cost {
    fn of(tokenizer: &CoreBpe, server: &str, tools: &ServerTools) -> Self {
        let texts: Vec<String> = tools.iter().map(|tool| compact(tool.original().text())).collect();
        let without = format!("{{\"tools\":[{}]}}", texts.join(","));
        let answer: Value = serde_json::from_str(&listed(server, tools)).unwrap_or_default();
        let list = answer["content"][0]["text"].as_str().unwrap_or_default();
        Self {
            name: server.to_owned(),
            tools: texts.len(),
            without: tokenizer.count(&without),
            list: tokenizer.count(list),
            is_remembered: tools.is_remembered(),
        }
    }
}

/// JSON as clients hand it to a model, without blanks that its server may have put in.
fn compact(json: &str) -> String {
    let value = serde_json::from_str::<Value>(json);
    value.map_or_else(|_| json.to_owned(), |value| value.to_string())
}

fn sum(costs: &[Cost], of: impl Fn(&Cost) -> usize) -> usize {
    costs.iter().map(of).sum()
}

/// How much of the whole a part is, in percent; nothing of nothing.
fn percent(part: usize, whole: usize) -> String {
    if whole == 0 { "-".to_owned() } else { format!("{} %", (part * 100).div_ceil(whole)) }
}

fn print(printer: Printer, costs: &[Cost], now: usize, mode: &str) {
    let mut rows =
        vec![["SERVER", "TOOLS", "WITHOUT", "LIST", "OF IT"].map(str::to_owned).to_vec()];
    let row = |name: &str, tools: usize, without: usize, list: usize| {
        let counts = [tools, without, list].map(|count| count.to_string());
        [vec![name.to_owned()], counts.to_vec(), vec![percent(list, without)]].concat()
    };
    rows.extend(costs.iter().map(|cost| row(&cost.name, cost.tools, cost.without, cost.list)));
    let without = sum(costs, |cost| cost.without);
    let (tools, list) = (sum(costs, |cost| cost.tools), sum(costs, |cost| cost.list));
    rows.push(row("(all)", tools, without, list));
    printer.table(&rows);
    let what = match mode {
        "router" => "the tool `mcp`",
        "direct" => "the tools themselves, as `mode` is `direct`",
        _ => "for a client of which nothing is known, as `mode` is `auto`",
    };
    printer.line(&format!("every conversation begins with {without} tokens without the bridge"));
    let ratio = percent(now, without);
    printer.line(&format!("and with {now} through it, {ratio} of that ({what})"));
}

fn in_json(servers: &[Overview], costs: &[Cost], now: usize, mode: &str) -> Value {
    let costs_by_name: HashMap<&str, &Cost> =
        costs.iter().map(|cost| (cost.name.as_str(), cost)).collect();
    let list = servers.iter().map(|server| {
        let cost = costs_by_name.get(server.name.as_str());
        json!({
            "name": server.name,
            "tools": cost.map(|cost| cost.tools),
            "without": cost.map(|cost| cost.without),
            "list": cost.map(|cost| cost.list),
            "remembered": cost.is_some_and(|cost| cost.is_remembered),
            "error": server.error,
        })
    });
    json!({
        "tokenizer": TOKENIZER,
        "mode": mode,
        "servers": list.collect::<Vec<_>>(),
        "without": sum(costs, |cost| cost.without),
        "list": sum(costs, |cost| cost.list),
        "now": now,
    })
}

/// Says of which servers nothing is known, or only what they showed last.
fn tell_unreached(printer: Printer, servers: &[Overview], costs: &[Cost]) -> Exit {
    let mut exit = Exit::Done;
    for server in servers {
        let Some(error) = &server.error else { continue };
        let name = &server.name;
        if costs.iter().any(|cost| cost.name == *name) {
            printer.warn(&format!("`{name}` is counted as it showed itself last: {error}"));
        } else {
            printer
                .warn(&format!("`{name}` is not counted, nothing is known of its tools: {error}"));
            exit = Exit::Upstream;
        }
    }
    exit
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn tokens_are_counted_as_another_implementation_counts_them() {
        let ours = tiktoken::encoding::o200k_base();
        let others = tiktoken_rs::o200k_base().expect("it has its vocabulary");
        let check = |text: &str| {
            let expected = others.encode_ordinary(text).len();
            assert_eq!(ours.count(text), expected, "{text:?}");
        };
        for text in [
            "",
            "{\"tools\":[{\"name\":\"get_sum\",\"inputSchema\":{\"type\":\"object\"}}]}",
            "They're 1234567 words,\r\n\r\n  some\tindented \n/path ... <|endoftext|>",
            "Grüße, 日本語のツール, инструменты, أدوات, 👩‍👩‍👧 e\u{301}\u{200b}",
            "camelCaseNames snake_case_names HTTPServerURLs x-mcp-header",
        ] {
            check(text);
        }
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/catalog");
        for entry in fs::read_dir(folder).expect("it is there").flatten().take(20) {
            check(&fs::read_to_string(entry.path()).expect("it is text"));
        }
    }

    #[test]
    fn parts_are_told_in_percent() {
        let check = |part, whole, expected: &str| assert_eq!(percent(part, whole), expected);
        check(0, 0, "-");
        check(1, 200, "1 %");
        check(50, 100, "50 %");
        check(150, 100, "150 %");
    }
}
