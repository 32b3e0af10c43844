//! How often the right tool is found.

use std::io::{self, Write};
use std::path::{Path, PathBuf};

use indexmap::IndexMap;
use serde_json::json;

use crate::corpus::{self, Tools, Wish};
use crate::metrics::{CUTS, Metrics};
use crate::ranker::Ranker;
use crate::table::{Verdicts, head, line};

/// Places of a list that are looked at.
const DEPTH: usize = 20;
/// Recall within one and within five places, of the development set.
const RECALL: (f64, f64) = (0.77, 0.96);
/// What either may lose among other servers' tools.
const MOST_LOST: f64 = 0.03;

/// Sentences, and the tools among which theirs are looked for.
pub(crate) struct Set {
    pub(crate) name: &'static str,
    pub(crate) wishes: Vec<Wish>,
    pub(crate) tools: Tools,
}

/// Means of one ranker on one set.
#[derive(Debug)]
pub(crate) struct Score {
    pub(crate) by_source: IndexMap<String, Metrics>,
    /// The mean of the sources.
    pub(crate) macro_mean: Metrics,
}

const DEVELOPMENT: &str = "development";
const NOISE: &str = "development among noise";

impl Set {
    /// The development set, the same among the tools of other servers, and plain APIs.
    pub(crate) fn load(folder: &Path) -> io::Result<Vec<Self>> {
        let path = |name: &str| folder.join(name);
        let servers = path("servers.jsonl");
        let set = |name, wishes: &str, tools: &[&str]| -> io::Result<Self> {
            let files: Vec<_> = tools.iter().map(|tools| path(tools)).collect();
            let files: Vec<&Path> = files.iter().map(PathBuf::as_path).collect();
            Ok(Self {
                name,
                wishes: corpus::wishes(&path(wishes))?,
                tools: corpus::tools(&files, &servers)?,
            })
        };
        Ok(vec![
            set(DEVELOPMENT, "queries.jsonl", &["tools.jsonl"])?,
            set(NOISE, "queries.jsonl", &["tools.jsonl", "distractors.jsonl"])?,
            set("plain APIs", "sealtools.queries.jsonl", &["sealtools.tools.jsonl"])?,
        ])
    }

    pub(crate) fn has_noise(&self) -> bool {
        self.name == NOISE
    }

    pub(crate) fn score(&self, ranker: &dyn Ranker) -> Score {
        let mut by_source: IndexMap<String, Vec<Metrics>> = IndexMap::new();
        for wish in &self.wishes {
            let metrics = Metrics::of(wish, &ranker.rank(&wish.query, DEPTH));
            by_source.entry(wish.source.clone()).or_default().push(metrics);
        }
        let mean = |(source, metrics): (String, Vec<Metrics>)| (source, Metrics::mean(&metrics));
        let by_source: IndexMap<String, Metrics> = by_source.into_iter().map(mean).collect();
        let sources: Vec<Metrics> = by_source.values().copied().collect();
        Score { by_source, macro_mean: Metrics::mean(&sources) }
    }

    /// One line of JSON for each sentence: its id and what was found, the best first.
    pub(crate) fn write_predictions(
        &self,
        ranker: &dyn Ranker,
        out: &mut impl Write,
    ) -> io::Result<()> {
        for wish in &self.wishes {
            let ranked = ranker.rank(&wish.query, DEPTH);
            let ranked: Vec<_> = ranked.iter().map(|one| [&one.server, &one.tool]).collect();
            writeln!(out, "{}", json!({"id": wish.id, "ranked": ranked}))?;
        }
        Ok(())
    }
}

/// A table for each set, and the targets for the last ranker, which is the best that there is.
pub(crate) fn report(
    sets: &[Set],
    rankers: impl Fn(&Set) -> Vec<Box<dyn Ranker>>,
    out: &mut impl Write,
    verdicts: &mut Verdicts,
) -> io::Result<()> {
    let mut means = IndexMap::new();
    for set in sets {
        let count: usize = set.tools.values().map(Vec::len).sum();
        let title = format!("{}: {} sentences, {count} tools", set.name, set.wishes.len());
        head(out, &title, &["source", "ranker", "R@1", "R@3", "R@5", "R@10", "MRR", "nDCG@10"])?;
        for ranker in rankers(set) {
            let score = set.score(&*ranker);
            for (source, metrics) in &score.by_source {
                line(out, &cells(source, ranker.name(), metrics))?;
            }
            line(out, &cells("**macro**", ranker.name(), &score.macro_mean))?;
            means.insert(set.name, score.macro_mean);
        }
    }
    head(out, "Targets", &["figure", "value", "target"])?;
    let (plain, noisy) = (means[DEVELOPMENT], means[NOISE]);
    let at = |cut: usize| CUTS.iter().position(|known| *known == cut).expect("it is one of them");
    for (cut, target) in [(1, RECALL.0), (5, RECALL.1)] {
        let (recall, among) = (plain.recall[at(cut)], noisy.recall[at(cut)]);
        let verdict = verdicts.at_least(recall, Some(target));
        line(out, &[format!("R@{cut}"), format!("{recall:.3}"), verdict])?;
        let lost = recall - among;
        let verdict = verdicts.at_most(lost, Some(MOST_LOST));
        line(out, &[format!("R@{cut} lost among noise"), format!("{lost:.3}"), verdict])?;
    }
    Ok(())
}

fn cells(source: &str, ranker: &str, metrics: &Metrics) -> Vec<String> {
    let percent = |figure: f64| format!("{:.1}", figure * 100.0);
    let mut cells = vec![source.to_owned(), ranker.to_owned()];
    cells.extend(metrics.recall.map(percent));
    cells.extend([metrics.reciprocal_rank, metrics.gain].map(percent));
    cells
}
