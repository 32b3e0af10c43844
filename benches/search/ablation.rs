//! What each sign is worth: the figures without it.

use std::io::{self, Write};

use mcp_bridge::search::{Field, Weights};

use crate::quality::Set;
use crate::ranker::Lexical;
use crate::table::{head, line};

/// Takes one sign away.
type Change = Box<dyn Fn(&mut Weights)>;

pub(crate) fn report(sets: &[Set], out: &mut impl Write) -> io::Result<()> {
    let mut columns = vec!["without".to_owned()];
    for set in sets {
        let mut sources: Vec<&str> = Vec::new();
        for wish in &set.wishes {
            if !sources.contains(&wish.source.as_str()) {
                sources.push(&wish.source);
            }
        }
        let noise = if set.has_noise() { " among noise" } else { "" };
        columns.extend(sources.iter().map(|source| format!("{source}{noise}")));
    }
    let columns: Vec<&str> = columns.iter().map(String::as_str).collect();
    head(out, "### R@1/R@5/MRR without one sign", &columns)?;
    for (name, change) in changes() {
        let mut weights = Weights::default();
        change(&mut weights);
        let mut cells = vec![name];
        for set in sets {
            let score = set.score(&Lexical::new(&set.tools, weights));
            cells.extend(score.by_source.values().map(|metrics| {
                let figures = [metrics.recall[0], metrics.recall[2], metrics.reciprocal_rank];
                figures.map(|figure| format!("{:.1}", figure * 100.0)).join("/")
            }));
        }
        line(out, &cells)?;
    }
    Ok(())
}

fn changes() -> Vec<(String, Change)> {
    let change = |name: &str, change: fn(&mut Weights)| -> (String, Change) {
        (name.to_owned(), Box::new(change))
    };
    let mut changes = vec![change("nothing", |_| {})];
    changes.extend(Field::ALL.into_iter().map(|field| -> (String, Change) {
        let name = format!("field: {}", field.name());
        (name, Box::new(move |weights| weights.fields[field as usize].weight = 0.0))
    }));
    changes.extend([
        change("lengths of fields", |weights| {
            for field in &mut weights.fields {
                field.length = 0.0;
            }
        }),
        change("a bound to repetition", |weights| weights.repetition = u8::MAX),
        change("a bound to words in passing", |weights| weights.passing.asked = f32::INFINITY),
        change("rarity by prominence", |weights| weights.in_passing = 1.0),
        change("coverage of the name", |weights| weights.name_coverage = 0.0),
        change("coverage of the query", |weights| weights.query_coverage = 0.0),
        change("deprecation", |weights| weights.deprecated = 1.0),
        change("values weighing less", |weights| weights.kinds.literal = 1.0),
        change("values at all", |weights| weights.kinds.literal = 0.0),
        change("places for values", |weights| weights.kinds.placeholder = 0.0),
        change("words of kinds of values", |weights| weights.kinds.taker = 0.0),
        change("stop words in names", |weights| weights.kinds.stop = 0.0),
        change("reading verbs weighing less", |weights| weights.kinds.verb = 1.0),
        change("context weighing less", |weights| weights.kinds.context = 1.0),
        change("joined words", |weights| weights.kinds.joined = 0.0),
        change("corrected spelling", |weights| weights.kinds.misspelt = 0.0),
        change("actions", |weights| {
            weights.actions.changes_instead = 1.0;
            weights.actions.reads_instead = 1.0;
            weights.actions.changes_otherwise = 1.0;
        }),
        change("number", |weights| weights.actions.one_of_many = 1.0),
    ]);
    changes
}
