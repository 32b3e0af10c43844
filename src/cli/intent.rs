//! `bridge intent TEXT`: the tool for what is to be done; `bridge explain intent TEXT`: why it is that one.

use clap::builder::NonEmptyStringValueParser;
use clap::{Args, Subcommand};
use indexmap::IndexMap;
use serde_json::{Value, json};

use super::exit::{Exit, Failure};
use super::printer::Printer;
use super::servers::NOBODY;
use crate::app::App;
use crate::router::Enough;
use crate::search::{Explanation, Found, Hit};
use crate::tools::Snapshot;
use crate::tools::signature::signature;

pub(super) const EXAMPLES: &str = "\
Examples:
  bridge intent list the open issues of a repository
  bridge intent 'read a file' --limit 1 --json

Each line: how likely it is the tool, 0 to 1, its server, and how it is called. Words are compared; with `bridge model
install`, meaning too. Servers start only where nothing is remembered of their tools.
Exit code 4 says that no tool suits it well enough (`intentRouting.minScore`).";

pub(super) const EXPLAIN_EXAMPLES: &str = "\
Examples:
  bridge explain intent list the open issues of a repository
  bridge explain intent 'read a file' --json";

/// What `bridge intent` takes.
#[derive(Debug, Args)]
pub(super) struct Intent {
    /// What is to be done, in plain words
    #[arg(value_name = "TEXT", required = true, value_parser = NonEmptyStringValueParser::new())]
    text: Vec<String>,
    /// Tools to show
    #[arg(long, value_name = "N", default_value_t = 6)]
    pub(super) limit: usize,
}

#[derive(Debug, Subcommand)]
pub(super) enum ExplainCommand {
    /// Why an intent finds the tools that it finds: words, where they stand, and ranks
    #[command(after_help = EXPLAIN_EXAMPLES)]
    Intent(Intent),
}

impl Intent {
    /// The words, whether they stand in quotes or not.
    pub(super) fn text(&self) -> String {
        self.text.join(" ")
    }
}

/// Words of an explanation that are shown to people.
const MOST_WORDS: usize = 8;

/// Shows the tools that suit the words, the best first.
pub(super) async fn find(app: &App, printer: Printer, arguments: &Intent) -> Result<Exit, Failure> {
    let (found, snapshot, text) = search(app, printer, arguments).await;
    let min_score = app.router().min_score();
    let is_likely = |hit: &Hit| f64::from(hit.score) >= min_score;
    let hits = found.hits.iter();
    if printer.json {
        let hits = hits.map(|hit| {
            json!({
                "server": hit.server,
                "tool": hit.tool,
                "score": hit.score,
                "signature": signature_of(&snapshot, hit),
            })
        });
        let tools: Vec<Value> = hits.collect();
        printer.json(
            &json!({ "intent": text, "model": found.model, "minScore": min_score, "tools": tools }),
        );
    } else {
        let row = |hit: &Hit| {
            vec![format!("{:.2}", hit.score), hit.server.clone(), signature_of(&snapshot, hit)]
        };
        printer.table(&hits.map(row).collect::<Vec<_>>());
    }
    if found.hits.first().is_some_and(is_likely) {
        return Ok(Exit::Done);
    }
    Err(nothing_fits(app, !found.hits.is_empty(), min_score))
}

fn nothing_fits(app: &App, is_any_shown: bool, min_score: f64) -> Failure {
    if app.router().pool().is_empty() {
        return Failure::new(Exit::NotFound, NOBODY);
    }
    let message = if is_any_shown {
        format!("none of these reaches {min_score} (`intentRouting.minScore`), so none is likely")
    } else {
        "no tool suits this".to_owned()
    };
    let router = app.router();
    let finder = router.finder();
    let hint = match finder.meaning() {
        Some(_) => "say it in other words; `bridge tools` shows all".to_owned(),
        None => format!("say it in other words; compared by {}", finder.about()),
    };
    Failure::new(Exit::NotFound, message).hint(Some(hint))
}

/// The same, with what each tool got its place by.
pub(super) async fn explain(
    app: &App,
    printer: Printer,
    arguments: &Intent,
) -> Result<Exit, Failure> {
    let (found, _, text) = search(app, printer, arguments).await;
    let explained = found
        .hits
        .iter()
        .map(|hit| (hit, app.router().finder().explain(&text, &hit.server, &hit.tool)));
    if printer.json {
        let tools: Vec<Value> =
            explained.map(|(hit, explanation)| in_json(hit, explanation.as_ref())).collect();
        printer.json(&json!({ "intent": text, "model": found.model, "tools": tools }));
    } else {
        for (hit, explanation) in explained {
            print(printer, hit, explanation.as_ref());
        }
        printer.talk(&found.model.as_ref().map_or_else(
            || app.router().finder().about(),
            |model| format!("meaning is compared by {model}"),
        ));
    }
    Ok(if found.hits.is_empty() { Exit::NotFound } else { Exit::Done })
}

async fn search(
    app: &App,
    printer: Printer,
    arguments: &Intent,
) -> (Found, std::sync::Arc<Snapshot>, String) {
    for server in app.router().overview(Enough::Remembered).await {
        if let Some(error) = server.error {
            printer.warn(&format!("server `{}` takes no part: {error}", server.name));
        }
    }
    let (snapshot, text) = (app.router().tools(), arguments.text());
    let say = |missing| {
        printer.talk(&format!("making the vectors of {missing} tools, which is done once"));
    };
    app.router().finder().prepare(snapshot.clone(), say).await;
    let found = app.router().finder().find(snapshot.clone(), &text, arguments.limit).await;
    if let Some(failure) = &found.failure {
        printer.warn(&format!("only words are compared: {failure}"));
    }
    (found, snapshot, text)
}

fn signature_of(snapshot: &Snapshot, hit: &Hit) -> String {
    let tool = snapshot.get(&hit.server).and_then(|tools| tools.get(&hit.tool));
    tool.map_or_else(|| hit.tool.clone(), |tool| signature(&tool.definition))
}

fn print(printer: Printer, hit: &Hit, explanation: Option<&Explanation>) {
    printer.line(&format!("{:.2}  {}  {}", hit.score, hit.server, hit.tool));
    let rank = |rank: Option<usize>| rank.map_or_else(|| "—".to_owned(), |rank| rank.to_string());
    let ranks = hit.ranks;
    let cosine = ranks.cosine.map(|cosine| format!(", cosine {cosine:.2}")).unwrap_or_default();
    printer.line(&format!(
        "      rank by words {}, by meaning {}{cosine}; has {:.0} % of the words by weight",
        rank(ranks.words),
        rank(ranks.meaning),
        ranks.coverage * 100.0
    ));
    let Some(explanation) = explanation else { return };
    let words = explanation.hits.iter().take(MOST_WORDS);
    let words = words.map(|hit| format!("{} in {} {:.2}", hit.word, hit.field.name(), hit.weight));
    let words: Vec<String> = words.collect();
    // Nothing is to be said of words where only the meaning is alike.
    if words.is_empty() {
        return;
    }
    printer.line(&format!("      {}", words.join(", ")));
    let factors: Vec<String> = factors(explanation)
        .into_iter()
        .filter(|(_, factor)| (*factor - 1.0).abs() > f32::EPSILON)
        .map(|(what, factor)| format!(" × {factor:.2} {what}"))
        .collect();
    printer.line(&format!("      {:.2} by words{}", explanation.sum, factors.concat()));
}

/// What the sum of the words is multiplied by, in words.
fn factors(explanation: &Explanation) -> [(&'static str, f32); 6] {
    let factors = explanation.factors;
    [
        ("for words of its name", factors.name),
        ("for how much it has", factors.query),
        ("for what it does", factors.action),
        ("for how many it shows", factors.number),
        ("since it is deprecated", factors.deprecated),
        ("for what its server says", factors.server),
    ]
}

fn in_json(hit: &Hit, explanation: Option<&Explanation>) -> Value {
    let words = explanation.map(|explanation| {
        let hits = explanation.hits.iter();
        let hits = hits.map(
            |hit| json!({ "word": hit.word, "field": hit.field.name(), "weight": hit.weight }),
        );
        json!({
            "hits": hits.collect::<Vec<_>>(),
            "sum": explanation.sum,
            "factors": factors(explanation).into_iter().collect::<IndexMap<_, _>>(),
        })
    });
    json!({
        "server": hit.server,
        "tool": hit.tool,
        "score": hit.score,
        "rankByWords": hit.ranks.words,
        "rankByMeaning": hit.ranks.meaning,
        "cosine": hit.ranks.cosine,
        "coverage": hit.ranks.coverage,
        "words": words,
    })
}
