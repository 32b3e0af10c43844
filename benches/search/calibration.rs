//! Whether what is said to be likely comes true: how often the first tool is right, by how likely it was said to be.

use std::io::{self, Write};

use crate::quality::Set;
use crate::ranker::Ranker;
use crate::table::{head, line};

const BINS: usize = 10;

/// What one ranker said of its first tools, and what was true.
#[derive(Default)]
struct Record {
    name: &'static str,
    bins: [Bin; BINS],
}

#[derive(Clone, Copy, Default)]
struct Bin {
    count: u32,
    right: u32,
    /// The sum of what was said.
    said: f64,
}

/// A line for each set and each tenth of likelihood, with two columns for each ranker that says how sure it is.
pub(crate) fn report(
    sets: &[&Set],
    rankers: impl Fn(&Set) -> io::Result<Vec<Box<dyn Ranker>>>,
    out: &mut impl Write,
) -> io::Result<()> {
    let mut by_set = Vec::new();
    let mut all: Vec<Record> = Vec::new();
    for set in sets {
        let rankers = rankers(set)?;
        let records: Vec<Record> =
            rankers.iter().filter_map(|ranker| Record::of(set, &**ranker)).collect();
        all.resize_with(records.len(), Record::default);
        for (sum, record) in all.iter_mut().zip(&records) {
            sum.add(record);
        }
        by_set.push((set.name.to_owned(), records));
    }
    let named =
        |record: &Record| ["answers", "said", "right"].map(|of| format!("{}: {of}", record.name));
    let columns: Vec<String> =
        std::iter::once("first tool".to_owned()).chain(all.iter().flat_map(named)).collect();
    let columns: Vec<&str> = columns.iter().map(String::as_str).collect();
    head(out, "### Likelihood of the first tool, and how often it is right", &columns)?;
    for bin in (0..BINS).rev() {
        let figures = all.iter().flat_map(|record| record.bins[bin].cells());
        let name = format!("{:.1} to {:.1}", tenths(bin), tenths(bin + 1));
        line(out, &std::iter::once(name).chain(figures).collect::<Vec<_>>())?;
    }
    for (name, records) in by_set {
        let figures = records.iter().flat_map(|record| record.total().cells());
        line(out, &std::iter::once(name).chain(figures).collect::<Vec<_>>())?;
    }
    let gaps = all
        .iter()
        .flat_map(|record| [String::new(), String::new(), format!("{:.3}", record.gap())]);
    line(out, &std::iter::once("mean gap".to_owned()).chain(gaps).collect::<Vec<_>>())
}

impl Record {
    /// Nothing where the ranker does not say.
    fn of(set: &Set, ranker: &dyn Ranker) -> Option<Self> {
        let mut record = Self { name: ranker.name(), ..Self::default() };
        for wish in &set.wishes {
            let ranking = ranker.rank(&wish.query, 1);
            let said = f64::from(ranking.likelihood?);
            let is_right = wish
                .groups()
                .iter()
                .any(|group| ranking.places.first().is_some_and(|first| group.contains(first)));
            let edge = (1..BINS).filter(|edge| said >= tenths(*edge)).count();
            record.bins[edge].add(Bin { count: 1, right: u32::from(is_right), said });
        }
        Some(record)
    }

    fn add(&mut self, other: &Self) {
        self.name = other.name;
        for (bin, more) in self.bins.iter_mut().zip(other.bins) {
            bin.add(more);
        }
    }

    fn total(&self) -> Bin {
        self.bins.into_iter().fold(Bin::default(), |mut sum, bin| {
            sum.add(bin);
            sum
        })
    }

    /// How far what was said is from what was true, bin by bin, on average over answers.
    fn gap(&self) -> f64 {
        let apart: f64 = self.bins.iter().map(|bin| (bin.said - f64::from(bin.right)).abs()).sum();
        apart / f64::from(self.total().count.max(1))
    }
}

impl Bin {
    fn add(&mut self, other: Self) {
        self.count += other.count;
        self.right += other.right;
        self.said += other.said;
    }

    /// How many there are, the mean of what was said, and the share that is right.
    fn cells(self) -> [String; 3] {
        let share = |of: f64| match self.count {
            0 => "–".to_owned(),
            count => format!("{:.2}", of / f64::from(count)),
        };
        [self.count.to_string(), share(self.said), share(f64::from(self.right))]
    }
}

fn tenths(bin: usize) -> f64 {
    f64::from(u8::try_from(bin).expect("there are ten of them")) / 10.0
}
