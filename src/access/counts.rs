//! One server's successful calls by day and month, and their file.

use std::collections::BTreeMap;
use std::fs;
use std::io::{self, Read};
use std::path::Path;

use serde::{Deserialize, Serialize};

use super::calendar::Day;
use super::error::Error;
use crate::base::fs::open_regular;
use crate::config::ServerName;

/// The end of the names of files with counts.
pub(super) const SUFFIX: &str = ".json";
/// The newest format that is known.
pub(super) const VERSION: u64 = 1;
const MAX_DAYS: usize = 62;
const MAX_MONTHS: usize = 13;
/// Several times what the days and months kept can take.
const MAX_BYTES: u64 = 64 * 1024;

/// Successful calls of one server.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Counts {
    days: BTreeMap<String, u64>,
    months: BTreeMap<String, u64>,
}

/// The file, as far as it is read and written.
#[derive(Serialize, Deserialize)]
struct Format {
    version: u64,
    #[serde(default)]
    days: BTreeMap<String, u64>,
    #[serde(default)]
    months: BTreeMap<String, u64>,
}

/// A file of any version.
#[derive(Deserialize)]
struct AnyFormat {
    version: u64,
}

impl Counts {
    /// Reads the file without changing anything; one that is not there counts nothing.
    pub(super) fn read(path: &Path) -> Result<Self, Error> {
        let fault = |source| Error::Io { path: path.to_owned(), source };
        let file = match open_regular(path, fs::File::options().read(true)) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Self::default()),
            opened => opened.map_err(fault)?,
        };
        let mut bytes = Vec::new();
        file.take(MAX_BYTES + 1).read_to_end(&mut bytes).map_err(fault)?;
        let any: AnyFormat =
            serde_json::from_slice(&bytes).map_err(|_| Error::Damaged { path: path.to_owned() })?;
        if any.version > VERSION {
            return Err(Error::Newer { path: path.to_owned() });
        }
        Self::parse(&bytes).ok_or_else(|| Error::Damaged { path: path.to_owned() })
    }

    fn parse(bytes: &[u8]) -> Option<Self> {
        let Format { days, months, .. } = serde_json::from_slice(bytes).ok()?;
        let whole = days.keys().all(|day| has_shape(day, "0000-00-00"))
            && months.keys().all(|month| has_shape(month, "0000-00"));
        whole.then_some(Self { days, months })
    }

    pub(super) fn to_json(&self) -> String {
        let Self { days, months } = self.clone();
        let format = Format { version: VERSION, days, months };
        serde_json::to_string(&format).expect("numbers under texts always serialise") + "\n"
    }

    /// Counts calls. What goes beyond the number that is kept is the oldest, whatever the clock says now: one that was
    /// wrong for some days, in whichever direction, costs nothing that was counted before or after.
    pub(super) fn add(&mut self, day: Day, calls: u64) {
        add(&mut self.days, &day.text(), calls, MAX_DAYS);
        add(&mut self.months, &day.month(), calls, MAX_MONTHS);
    }

    pub(super) fn on(&self, day: Day) -> u64 {
        self.days.get(&day.text()).copied().unwrap_or(0)
    }

    pub(super) fn in_month_of(&self, day: Day) -> u64 {
        self.months.get(&day.month()).copied().unwrap_or(0)
    }
}

fn add(counts: &mut BTreeMap<String, u64>, key: &str, calls: u64, most: usize) {
    let count = counts.entry(key.to_owned()).or_default();
    *count = count.saturating_add(calls);
    while counts.len() > most {
        let oldest = counts.keys().find(|other| *other != key).cloned();
        counts.remove(&oldest.expect("more than one is kept"));
    }
}

/// Whether the text is digits where the shape has them, and equal to it elsewhere.
fn has_shape(text: &str, shape: &str) -> bool {
    let fits = |(letter, wanted): (u8, u8)| match wanted {
        b'0' => letter.is_ascii_digit(),
        other => letter == other,
    };
    text.len() == shape.len() && text.bytes().zip(shape.bytes()).all(fits)
}

/// The counts of every server that has some, by name; nothing is changed. A folder that is not there holds none.
pub fn read_all(folder: &Path) -> io::Result<BTreeMap<ServerName, Result<Counts, Error>>> {
    let entries = match fs::read_dir(folder) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(BTreeMap::new()),
        entries => entries?,
    };
    let mut found = BTreeMap::new();
    for entry in entries {
        let entry = entry?;
        let name = entry.file_name();
        let name = name.to_str().and_then(|name| name.strip_suffix(SUFFIX));
        if let Some(name) = name.and_then(|name| ServerName::parse(name).ok()) {
            found.insert(name, Counts::read(&entry.path()));
        }
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn day(number: u64) -> Day {
        Day::of(std::time::UNIX_EPOCH + std::time::Duration::from_secs(number * 86_400))
    }

    #[test]
    fn reads_what_it_knows() {
        fn check(text: &str, expected: Result<(u64, u64), &str>) {
            let folder = tempfile::tempdir().expect("a folder");
            let path = folder.path().join("git.json");
            fs::write(&path, text).expect("written");
            let counts = Counts::read(&path);
            let today = Day::of(humantime::parse_rfc3339("2026-11-20T09:00:00Z").expect("a time"));
            match (counts, expected) {
                (Ok(counts), Ok(wanted)) => {
                    assert_eq!((counts.on(today), counts.in_month_of(today)), wanted, "{text}");
                }
                (Err(Error::Damaged { .. }), Err("damaged"))
                | (Err(Error::Newer { .. }), Err("newer")) => {}
                (counts, _) => panic!("{text}: {counts:?}"),
            }
        }
        check(r#"{"version":1,"days":{"2026-11-20":3},"months":{"2026-11":5}}"#, Ok((3, 5)));
        check(r#"{"version":1}"#, Ok((0, 0)));
        check(r#"{"version":1,"days":{"2026-11-20":3},"hours":{"x":[]}}"#, Ok((3, 0)));
        check(r#"{"version":2,"days":[]}"#, Err("newer"));
        check("", Err("damaged"));
        check("\0\0\0\0", Err("damaged"));
        check(r#"{"days":{}}"#, Err("damaged"));
        check(r#"{"version":1,"days":{"2026-11-20":-3}}"#, Err("damaged"));
        check(r#"{"version":1,"days":{"today":3}}"#, Err("damaged"));
        check(r#"{"version":1,"days":{"2026-11-20":3},"months":{"2026-11":5}"#, Err("damaged"));
        check(&" ".repeat(1 << 20), Err("damaged"));
    }

    #[test]
    fn a_clock_that_was_wrong_costs_no_counts() {
        let mut counts = Counts::default();
        let today = day(20_000);
        counts.add(today, 7);
        for wrong in 0..30 {
            counts.add(day(900_000 + wrong), 1);
            counts.add(day(wrong * 30), 1);
            counts.add(today, 1);
        }
        assert_eq!(counts.on(today), 37);
        assert_eq!(counts.in_month_of(today), 37);
    }

    proptest! {
        #[test]
        fn counts_survive_their_file_and_stay_few(calls in prop::collection::vec((0..4000_u64, 0..9_u64), 0..300)) {
            let mut counts = Counts::default();
            let mut seen: BTreeMap<u64, u64> = BTreeMap::new();
            for (number, calls) in &calls {
                let before = counts.on(day(*number));
                counts.add(day(*number), *calls);
                prop_assert_eq!(counts.on(day(*number)), before + calls);
                *seen.entry(*number).or_default() += calls;
            }
            prop_assert_eq!(Counts::parse(counts.to_json().as_bytes()), Some(counts.clone()));
            prop_assert!(counts.to_json().len() < usize::try_from(MAX_BYTES).expect("it fits") / 8);
            prop_assert!(counts.days.len() <= MAX_DAYS && counts.months.len() <= MAX_MONTHS);
            if seen.len() <= MAX_DAYS {
                let kept: u64 = counts.days.values().sum();
                prop_assert_eq!(kept, seen.values().sum::<u64>());
            }
        }
    }
}
