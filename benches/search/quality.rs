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
/// What recall within one and within five places may lose among other servers' tools.
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
const NOWHERE: &str = "development without the tools that are meant";

impl Set {
    /// The development set, the same among the tools of other servers, and plain APIs.
    pub(crate) fn load(folder: &Path) -> io::Result<Vec<Self>> {
        let set = |name, wishes, tools: &[&str]| Self::read(folder, name, wishes, tools);
        Ok(vec![
            set(DEVELOPMENT, "queries.jsonl", &["tools.jsonl"])?,
            set(NOISE, "queries.jsonl", &["tools.jsonl", "distractors.jsonl"])?,
            set("plain APIs", "sealtools.queries.jsonl", &["sealtools.tools.jsonl"])?,
        ])
    }

    /// The sentences of the development set among the tools of other servers only, so that no answer is right.
    pub(crate) fn load_nowhere(folder: &Path) -> io::Result<Self> {
        Self::read(folder, NOWHERE, "queries.jsonl", &["distractors.jsonl"])
    }

    fn read(folder: &Path, name: &'static str, wishes: &str, tools: &[&str]) -> io::Result<Self> {
        let files: Vec<PathBuf> = tools.iter().map(|tools| folder.join(tools)).collect();
        let files: Vec<&Path> = files.iter().map(PathBuf::as_path).collect();
        Ok(Self {
            name,
            wishes: corpus::wishes(&folder.join(wishes))?,
            tools: corpus::tools(&files, &folder.join("servers.jsonl"))?,
        })
    }

    pub(crate) fn has_noise(&self) -> bool {
        self.name == NOISE
    }

    pub(crate) fn score(&self, ranker: &dyn Ranker) -> Score {
        self.score_of(ranker, |wish| wish.query.clone())
    }

    /// The same with sentences that are put otherwise.
    pub(crate) fn score_of(&self, ranker: &dyn Ranker, put: impl Fn(&Wish) -> String) -> Score {
        let mut by_source: IndexMap<String, Vec<Metrics>> = IndexMap::new();
        for wish in &self.wishes {
            let metrics = Metrics::of(wish, &ranker.rank(&put(wish), DEPTH).places);
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
            let ranking = ranker.rank(&wish.query, DEPTH);
            let ranked: Vec<_> =
                ranking.places.iter().map(|one| [&one.server, &one.tool]).collect();
            writeln!(out, "{}", json!({"id": wish.id, "ranked": ranked}))?;
        }
        Ok(())
    }
}

/// A table for each set, and how rankers stand to their targets.
pub(crate) fn report(
    sets: &[Set],
    rankers: impl Fn(&Set) -> io::Result<Vec<Box<dyn Ranker>>>,
    out: &mut impl Write,
    verdicts: &mut Verdicts,
) -> io::Result<()> {
    let mut means = IndexMap::new();
    let mut targets = IndexMap::new();
    for set in sets {
        let count: usize = set.tools.values().map(Vec::len).sum();
        let title = format!("### {}: {} sentences, {count} tools", set.name, set.wishes.len());
        head(out, &title, &["source", "ranker", "R@1", "R@3", "R@5", "R@10", "MRR", "nDCG@10"])?;
        let rankers = rankers(set)?;
        let scores: Vec<Score> = rankers.iter().map(|ranker| set.score(&**ranker)).collect();
        for source in scores[0].by_source.keys() {
            for (ranker, score) in rankers.iter().zip(&scores) {
                line(out, &cells(source, ranker.name(), &score.by_source[source]))?;
            }
        }
        for (ranker, score) in rankers.iter().zip(&scores) {
            line(out, &cells("**macro**", ranker.name(), &score.macro_mean))?;
            means.insert((set.name, ranker.name()), score.macro_mean);
            targets.insert(ranker.name(), ranker.targets());
        }
    }
    head(out, "### Targets", &["figure", "value", "target"])?;
    let at = |cut: usize| CUTS.iter().position(|known| *known == cut).expect("it is one of them");
    for (ranker, (first, five)) in
        targets.into_iter().filter_map(|(ranker, targets)| Some((ranker, targets?)))
    {
        let (plain, noisy) = (means[&(DEVELOPMENT, ranker)], means[&(NOISE, ranker)]);
        for (cut, target) in [(1, first), (5, five)] {
            let (recall, among) = (plain.recall[at(cut)], noisy.recall[at(cut)]);
            let verdict = verdicts.at_least(recall, Some(target));
            line(out, &[format!("{ranker}, R@{cut}"), format!("{recall:.3}"), verdict])?;
            let lost = recall - among;
            let verdict = verdicts.at_most(lost, Some(MOST_LOST));
            let figure = format!("{ranker}, R@{cut} lost among noise");
            line(out, &[figure, format!("{lost:.3}"), verdict])?;
        }
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
