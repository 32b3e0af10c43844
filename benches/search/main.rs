//! How often the tool that a sentence means is found, and what finding it costs.
//!
//! `cargo bench --bench search` prints tables; with `-- --check` the exit code is 1 when a target of quality is missed, with
//! `-- --check-speed` also when it is too slow. `-- --ablate` shows what each sign is worth, `-- --predictions FILE` writes
//! what the best ranker found, `-- --typos` what misspelt sentences find. Vectors are made by the model of `just model` and kept below `target`: the first run takes a
//! minute of processor time more. Without a model only words are compared. The sentences stand in `../shared/data/intent`
//! and are no part of this repository; where they are absent, nothing is measured and nothing fails.

mod ablation;
mod calibration;
mod corpus;
mod embeddings;
mod metrics;
mod quality;
mod ranker;
mod speed;
#[path = "../targets/table.rs"]
mod table;
mod typos;
mod whole;

use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::Path;
use std::process::ExitCode;

use crate::embeddings::Embeddings;
use crate::quality::Set;
use crate::table::Verdicts;

const FOLDER: &str = "../shared/data/intent";

fn main() -> io::Result<ExitCode> {
    let arguments: Vec<String> = std::env::args().collect();
    let given = |wanted: &str| arguments.iter().any(|argument| argument == wanted);
    let mut out = io::stdout().lock();
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let folder = root.join(FOLDER);
    if !folder.is_dir() {
        writeln!(out, "search: skipped, there is no {FOLDER}")?;
        return Ok(ExitCode::SUCCESS);
    }
    let embeddings = Embeddings::open(root)?;
    if let (Some(at), Some(embeddings)) =
        (arguments.iter().position(|argument| argument == whole::RESIDENT), &embeddings)
    {
        let count = arguments.get(at + 1).and_then(|count| count.parse().ok());
        let count = count.ok_or_else(|| io::Error::other("`--resident` needs a number"))?;
        whole::resident(&folder, count, embeddings, &mut out)?;
        return Ok(ExitCode::SUCCESS);
    }
    let sets = Set::load(&folder)?;
    if given("--ablate") {
        ablation::report(&sets, &mut out)?;
        return Ok(ExitCode::SUCCESS);
    }
    if given("--typos") {
        typos::report(&sets, &mut out)?;
        return Ok(ExitCode::SUCCESS);
    }
    if embeddings.is_none() {
        writeln!(out, "search: words only, there is no model; `just model` gets one")?;
    }
    let rankers = |set: &Set| ranker::all(set, embeddings.as_ref());
    if let Some(at) = arguments.iter().position(|argument| argument == "--predictions") {
        let file = arguments
            .get(at + 1)
            .ok_or_else(|| io::Error::other("`--predictions` needs a file"))?;
        let mut file = BufWriter::new(File::create(file)?);
        for set in sets.iter().filter(|set| !set.has_noise()) {
            if let Some(best) = rankers(set)?.last() {
                set.write_predictions(&**best, &mut file)?;
            }
        }
        file.flush()?;
    }

    let mut verdicts = Verdicts::default();
    quality::report(&sets, rankers, &mut out, &mut verdicts)?;
    let missed = verdicts.end();
    let nowhere = Set::load_nowhere(&folder)?;
    calibration::report(&[&sets[0], &sets[1], &nowhere], rankers, &mut out)?;
    speed::report(&sets, &mut out, &mut verdicts)?;
    if let Some(embeddings) = &embeddings {
        whole::report(&folder, &sets, embeddings, &mut out, &mut verdicts)?;
    }
    let too_slow = verdicts.end();
    if cfg!(debug_assertions) {
        writeln!(out, "\nThis is a debug build: the figures of speed mean nothing.")?;
    }
    let fails = (given("--check") && missed) || (given("--check-speed") && (missed || too_slow));
    Ok(if fails { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}
