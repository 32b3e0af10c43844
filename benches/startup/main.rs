//! How long a command takes from its start to its end, beside a program that does nothing.
//!
//! `cargo bench --bench startup` prints a table; with `-- --check` the exit code is 1 when a command takes more than its
//! limit. The commands run in turns, so that whatever else the machine does hits all of them.

#[path = "../machine/mod.rs"]
#[expect(dead_code, reason = "this benchmark needs less of it than others")]
mod machine;

use std::io::{self, Write};
use std::path::Path;
use std::process::{Command, ExitCode, Stdio};

use tokio::time::Instant;

use crate::machine::pin_to_one_core;
use crate::machine::table::circumstances;

const BRIDGE: &str = env!("CARGO_BIN_EXE_bridge");
/// Its start is what the system takes for any program.
const NOTHING: &str = "/bin/true";
const WARM_UP: usize = 5;
const ROUNDS: usize = 101;
/// Milliseconds in the middle, for every command.
const LIMIT: f64 = 20.0;

/// Commands that people wait for.
const COMMANDS: [&[&str]; 4] =
    [&["--version"], &["search", "x"], &["search", "send an invoice"], &["usage"]];

fn main() -> io::Result<ExitCode> {
    // cargo adds `--bench` of its own.
    let check = std::env::args().any(|argument| argument == "--check");
    let core = pin_to_one_core();
    let home = tempfile::tempdir()?;
    std::fs::write(home.path().join("config.json"), r#"{"servers": {}}"#)?;
    let mut nothing = Vec::new();
    let mut times = vec![Vec::new(); COMMANDS.len()];
    for round in 0..WARM_UP + ROUNDS {
        let base = run(NOTHING, &[], home.path())?;
        let took: Vec<f64> = COMMANDS
            .iter()
            .map(|words| run(BRIDGE, words, home.path()))
            .collect::<Result<_, _>>()?;
        if round >= WARM_UP {
            nothing.push(base);
            times.iter_mut().zip(took).for_each(|(times, took)| times.push(took));
        }
    }
    let base = median(&mut nothing);
    let mut out = io::stdout().lock();
    circumstances(&mut out, core)?;
    writeln!(out, "\n| command | median, ms | of {ROUNDS} | × {NOTHING} |\n|---|---:|---|---:|")?;
    writeln!(out, "| `{NOTHING}` | {base:.2} | | 1 |")?;
    let mut slowest: f64 = 0.0;
    for (words, times) in COMMANDS.iter().zip(&mut times) {
        let middle = median(times);
        let (least, most) = (times.first().unwrap_or(&0.0), times.last().unwrap_or(&0.0));
        slowest = slowest.max(middle);
        let words = words.join(" ");
        let ratio = middle / base;
        writeln!(out, "| `bridge {words}` | {middle:.2} | {least:.1}–{most:.1} | {ratio:.1} |")?;
    }
    let within = slowest <= LIMIT;
    let verdict = if within { "within" } else { "above" };
    writeln!(out, "\nslowest median {slowest:.2} ms (limit {LIMIT} ms): {verdict}")?;
    Ok(if check && !within { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}

/// Milliseconds from before the start to after the end. What the program says and how it ends does not matter: that nothing
/// suits a search is an answer, too.
fn run(program: &str, words: &[&str], home: &Path) -> io::Result<f64> {
    let mut command = Command::new(program);
    command.args(words).env("BRIDGE_HOME", home).current_dir(home);
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    let began = Instant::now();
    command.status()?;
    Ok(began.elapsed().as_secs_f64() * 1e3)
}

/// The middle one, after which they are sorted.
fn median(times: &mut [f64]) -> f64 {
    times.sort_by(f64::total_cmp);
    times.get(times.len() / 2).copied().unwrap_or(0.0)
}
