//! What an index costs: to fill, to keep, to ask.
#![expect(clippy::disallowed_types, reason = "what is measured is real time, without a runtime")]

use std::hint::black_box;
use std::io::{self, Write};
use std::time::Instant;

use mcp_bridge::search::{Document, LexicalIndex, Query};

use crate::quality::Set;
use crate::table::{Verdicts, head, line};

/// Tools of one server, where servers are made up of what there is.
pub(crate) const TOOLS_OF_SERVER: usize = 25;
const FOUND: usize = 10;
const ROUNDS: usize = 5;
/// Tools, then the most milliseconds to fill an index with them, microseconds of half of the queries, and megabytes.
const LIMITS: [(usize, f64, f64, f64); 2] =
    [(1_000, 50.0, 100.0, 2.0), (10_000, 1_000.0, 1_000.0, 10.0)];
/// The most milliseconds for a wish of 100 kB.
const LONGEST: f64 = 5.0;

pub(crate) fn report(
    sets: &[Set],
    out: &mut impl Write,
    verdicts: &mut Verdicts,
) -> io::Result<()> {
    // Plain APIs come last, so that a small index has the tools of MCP servers.
    let all: Vec<&Document> =
        sets[1..].iter().flat_map(|set| set.tools.values()).flatten().collect();
    let wishes: Vec<&str> = sets[0].wishes.iter().map(|wish| wish.query.as_str()).collect();
    head(out, "### Cost of words alone, one core", &["figure", "value", "target"])?;
    for (count, most_filling, most_asking, most_held) in LIMITS {
        let tools: Vec<Document> = all.iter().cycle().take(count).copied().cloned().collect();
        let servers: Vec<(String, &[Document])> = tools
            .chunks(TOOLS_OF_SERVER)
            .enumerate()
            .map(|(number, tools)| (format!("server-{number}"), tools))
            .collect();
        let fill = || {
            let mut index = LexicalIndex::default();
            for (server, tools) in &servers {
                index.replace(server, tools);
            }
            index
        };
        let (filling, mut index) = best(fill);
        let mut row = |figure: &str, value: String, verdict: String| {
            line(out, &[format!("{count} tools: {figure}"), value, verdict])
        };
        let verdict = verdicts.at_most(filling * 1e3, Some(most_filling));
        row("filling", format!("{:.1} ms", filling * 1e3), verdict)?;
        let (server, tools) = &servers[servers.len() / 2];
        let (replacing, ()) = best(|| index.replace(server, tools));
        row("replacing one server", format!("{:.2} ms", replacing * 1e3), "–".to_owned())?;
        let held = megabytes(index.bytes());
        row("memory", format!("{held:.1} MB"), verdicts.at_most(held, Some(most_held)))?;
        let mut times: Vec<f64> = wishes.iter().map(|wish| ask(&index, wish)).collect();
        times.sort_by(f64::total_cmp);
        let half = times[times.len() / 2] * 1e6;
        row("a query, p50", format!("{half:.0} µs"), verdicts.at_most(half, Some(most_asking)))?;
        let most = times[times.len() * 99 / 100] * 1e6;
        row("a query, p99", format!("{most:.0} µs"), "–".to_owned())?;
        let long = ask(&index, &wishes.join(" ").repeat(3)[..100_000]) * 1e3;
        let verdict = verdicts.at_most(long, Some(LONGEST));
        row("a wish of 100 kB", format!("{long:.2} ms"), verdict)?;
    }
    Ok(())
}

/// The shortest of several times in seconds that it takes to ask for a wish, taking it apart included.
fn ask(index: &LexicalIndex, wish: &str) -> f64 {
    best(|| black_box(index.search(&Query::new(black_box(wish)), FOUND)).len()).0
}

/// The shortest of several times in seconds, and what came out last.
fn best<T>(mut work: impl FnMut() -> T) -> (f64, T) {
    let mut time = || {
        let begin = Instant::now();
        let result = work();
        (begin.elapsed().as_secs_f64(), result)
    };
    let first = time();
    (1..ROUNDS).fold(first, |(shortest, _), _| {
        let (seconds, result) = time();
        (shortest.min(seconds), result)
    })
}

#[expect(clippy::cast_precision_loss, reason = "an index is far smaller than 2^52 bytes")]
fn megabytes(bytes: usize) -> f64 {
    bytes as f64 / 1e6
}
