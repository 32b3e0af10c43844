//! What finding a tool by words and meaning costs, as the bridge does it: in time, and in memory of a process that does
//! nothing else.
#![expect(clippy::disallowed_types, reason = "what is measured is real time, without a runtime")]

use std::collections::HashMap;
use std::hint::black_box;
use std::io::{self, Write};
use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::time::Instant;

use indexmap::IndexMap;
use mcp_bridge::config::{SanitizeAction, SchemaCompression, ServerName, ToolFilter, Trust};
use mcp_bridge::guard::Guard;
use mcp_bridge::guard::pin::Pins;
use mcp_bridge::protocol::tool::Definition;
use mcp_bridge::search::embed::{Embedder as _, Purpose};
use mcp_bridge::search::{Document, Finder, Meaning, ServerWords};
use mcp_bridge::tools::{Registry, Remembered, Rules, Shown, Snapshot};
use tokio_util::task::TaskTracker;

use crate::corpus;
use crate::embeddings::Embeddings;
use crate::quality::Set;
use crate::speed::TOOLS_OF_SERVER;
use crate::table::{Verdicts, head, line};

const FOUND: usize = 10;
const ROUNDS: usize = 3;
const WISHES: usize = 100;
/// Tools whose vectors are made to see what that costs.
const EMBEDDED: usize = 128;
/// Tools, then the most milliseconds of half of the queries.
const LIMITS: [(usize, Option<f64>); 2] = [(1_000, None), (10_000, Some(10.0))];
/// What a process is given to measure its own memory with so many tools.
pub(crate) const RESIDENT: &str = "--resident";

/// Times and memory, the model loaded and the vectors of all tools kept.
pub(crate) fn report(
    folder: &Path,
    sets: &[Set],
    embeddings: &Embeddings,
    out: &mut impl Write,
    verdicts: &mut Verdicts,
) -> io::Result<()> {
    let wishes: Vec<&str> =
        sets[0].wishes.iter().take(WISHES).map(|wish| wish.query.as_str()).collect();
    head(out, "### Cost of words and meaning, the model loaded", &["figure", "value", "target"])?;
    let mut row = |figure: String, value: String, verdict: Option<String>| {
        line(out, &[figure, value, verdict.unwrap_or_else(|| "–".to_owned())])
    };
    let embedding = |wish: &str| {
        let texts = [wish.to_owned()];
        let made = embeddings.embedder.embed(&texts, Purpose::Query);
        black_box(embeddings.runtime.block_on(made)).map_err(io::Error::other)
    };
    let times = Times::of(&wishes, |wish| embedding(wish).map(|_| ()))?;
    row("embedding a query, p50".to_owned(), times.half(), None)?;
    row("embedding a query, p99".to_owned(), times.most(), None)?;
    row(
        "embedding 1,000 tools".to_owned(),
        format!("{:.1} s", per_thousand(sets, embeddings)?),
        None,
    )?;
    for (count, most_asking) in LIMITS {
        let (finder, snapshot) = finder(folder, count, embeddings)?;
        let ready = Instant::now();
        embeddings.runtime.block_on(finder.prepare(snapshot.clone(), |_| ()));
        let ready = ready.elapsed().as_secs_f64() * 1e3;
        row(format!("{count} tools: filling, vectors kept"), format!("{ready:.0} ms"), None)?;
        let times = Times::of(&wishes, |wish| {
            let found = finder.find(snapshot.clone(), wish, FOUND);
            match embeddings.runtime.block_on(found).model {
                Some(_) => Ok(()),
                None => Err(io::Error::other("the model gave no vector")),
            }
        })?;
        let verdict = verdicts.at_most(times.wall[times.wall.len() / 2], most_asking);
        row(format!("{count} tools: a query, p50"), times.half(), Some(verdict))?;
        row(format!("{count} tools: a query, p99"), times.most(), None)?;
        if cfg!(target_os = "linux") {
            let child = Command::new(std::env::current_exe()?)
                .args([RESIDENT, &count.to_string()])
                .output()?;
            let held = String::from_utf8_lossy(&child.stdout).trim().to_owned();
            let figure = format!(
                "{count} tools: resident without search, with it, after a query (the model apart)"
            );
            row(figure, held, None)?;
        }
    }
    Ok(())
}

/// Writes what this process holds before it can search, once it can, and once a query was answered. The model is in a
/// process of its own.
pub(crate) fn resident(
    folder: &Path,
    count: usize,
    embeddings: &Embeddings,
    out: &mut impl Write,
) -> io::Result<()> {
    let (finder, snapshot) = finder(folder, count, embeddings)?;
    let without = resident_megabytes()?;
    embeddings.runtime.block_on(finder.prepare(snapshot.clone(), |_| ()));
    let with = resident_megabytes()?;
    embeddings.runtime.block_on(finder.find(snapshot, "list the open issues", FOUND));
    writeln!(out, "{without}, {with}, {} MB", resident_megabytes()?)
}

/// A finder for so many tools, on as many servers as there have to be, and the snapshot that it is to search.
fn finder(
    folder: &Path,
    count: usize,
    embeddings: &Embeddings,
) -> io::Result<(Arc<Finder>, Arc<Snapshot>)> {
    let files = ["tools.jsonl", "distractors.jsonl", "sealtools.tools.jsonl"];
    let known = corpus::definitions(&files.map(|file| folder.join(file)))?;
    let definitions: Vec<Definition> = known.iter().cycle().take(count).cloned().collect();
    let mut rules = IndexMap::new();
    let mut words = HashMap::new();
    let mut tools = Vec::new();
    for (number, some) in definitions.chunks(TOOLS_OF_SERVER).enumerate() {
        let name = format!("server-{number}");
        let server = ServerName::parse(&name).map_err(io::Error::other)?;
        let guard = Guard::new(&server, Trust::Trusted, SanitizeAction::Replace);
        rules.insert(server.clone(), Rules { filter: ToolFilter::default(), guard });
        words.insert(server.clone(), ServerWords::new(&name, None));
        tools.push((server, some.to_vec()));
    }
    let registry =
        Registry::new(rules, SchemaCompression::default(), Pins::default(), Remembered::default());
    for (server, tools) in tools {
        registry.replace(&server, Shown::new(tools, None));
    }
    let meaning = Meaning::new(embeddings.embedder.clone(), embeddings.store.clone());
    Ok((Finder::new(words, Ok(meaning), TaskTracker::new()), registry.snapshot()))
}

/// Seconds to make the vectors of 1,000 tools.
fn per_thousand(sets: &[Set], embeddings: &Embeddings) -> io::Result<f64> {
    let documents = sets[1].tools.values().flatten();
    // Tools of one server resemble each other in length, so they are taken from all over.
    let step = (documents.clone().count() / EMBEDDED).max(1);
    let texts: Vec<String> = documents.step_by(step).take(EMBEDDED).map(Document::text).collect();
    let begin = Instant::now();
    let made = embeddings.embedder.embed(&texts, Purpose::Document);
    let made = embeddings.runtime.block_on(made).map_err(io::Error::other)?;
    Ok(begin.elapsed().as_secs_f64() * 1e3 / as_float(made.len()))
}

/// Times of wishes in milliseconds, of each the shortest of several; sorted.
struct Times {
    wall: Vec<f64>,
    /// What all threads together computed, which hardly depends on what else the machine does.
    processor: Vec<f64>,
}

impl Times {
    fn of(wishes: &[&str], ask: impl Fn(&str) -> io::Result<()>) -> io::Result<Self> {
        let (mut wall, mut processor) = (Vec::new(), Vec::new());
        for wish in wishes {
            let mut shortest = (f64::MAX, f64::MAX);
            for _ in 0..ROUNDS {
                let begin = (Instant::now(), processor_time());
                ask(black_box(wish))?;
                let wall = begin.0.elapsed().as_secs_f64() * 1e3;
                let processor = (processor_time() - begin.1) * 1e3;
                shortest = (shortest.0.min(wall), shortest.1.min(processor));
            }
            wall.push(shortest.0);
            processor.push(shortest.1);
        }
        wall.sort_by(f64::total_cmp);
        processor.sort_by(f64::total_cmp);
        Ok(Self { wall, processor })
    }

    fn half(&self) -> String {
        self.told(50)
    }

    fn most(&self) -> String {
        self.told(99)
    }

    fn told(&self, percent: usize) -> String {
        let at = self.wall.len() * percent / 100;
        let (wall, processor) = (self.wall[at], self.processor[at]);
        if cfg!(unix) {
            format!("{wall:.1} ms, {processor:.1} of a processor")
        } else {
            format!("{wall:.1} ms")
        }
    }
}

/// Seconds that this process has computed so far.
#[cfg(unix)]
fn processor_time() -> f64 {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::ProcessCPUTime);
    std::time::Duration::try_from(time).unwrap_or_default().as_secs_f64()
}

#[cfg(not(unix))]
fn processor_time() -> f64 {
    0.0
}

fn resident_megabytes() -> io::Result<u64> {
    let status = std::fs::read_to_string("/proc/self/status")?;
    let resident = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let kilobytes =
        resident.and_then(|value| value.trim().strip_suffix(" kB")?.parse::<u64>().ok());
    Ok(kilobytes.ok_or_else(|| io::Error::other("the system does not tell"))? / 1024)
}

#[expect(clippy::cast_precision_loss, reason = "the counts are far below 2^52")]
fn as_float(count: usize) -> f64 {
    count as f64
}
