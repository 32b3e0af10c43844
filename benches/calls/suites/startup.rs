//! How long it takes from the start of a process to its answers, and how long commands take.

use std::io;
use std::process::Stdio;

use serde_json::json;

use super::Effort;
use crate::bridge::{Ground, Mode, bare, direct};
use crate::load::{Opening, Way};
use crate::machine::{Clock, as_float, middle};
use crate::report::{Report, shown};

const ROUNDS: usize = 41;
/// Milliseconds.
const MAX_INITIALIZE: f64 = 10.0;
const MAX_CALL_BEYOND_DIRECT: f64 = 10.0;
const MAX_COMMAND: f64 = 20.0;
/// Of the program's file, where it is built as it is shipped.
const MAX_MEGABYTES: f64 = 20.0;

/// Its start is what the system takes for any program.
const NOTHING: &str = "/bin/true";
/// Commands that people wait for.
const COMMANDS: [&[&str]; 4] =
    [&["--version"], &["search", "x"], &["search", "send an invoice"], &["usage"]];

pub(super) fn run(ground: &Ground, effort: Effort, report: &mut Report) -> io::Result<()> {
    conversations(ground, effort, report)?;
    commands(ground, effort, report)?;
    let size = as_float(ground.program.metadata()?.len()) / 1e6;
    report.at_most("size of the program, MB", size, MAX_MEGABYTES);
    Ok(())
}

fn conversations(ground: &Ground, effort: Effort, report: &mut Report) -> io::Result<()> {
    let start: [&dyn Fn() -> io::Result<Way>; 4] =
        [&direct, &bare, &|| ground.bridge(Mode::Router), &|| ground.bridge(Mode::Direct)];
    let mut openings = start.map(|start| (start, String::new(), Vec::new()));
    for round in 0..=effort.of(ROUNDS) {
        for (start, name, openings) in &mut openings {
            let way = start()?;
            // The first time, files are read that are in memory afterwards.
            if round > 0 {
                openings.push(way.opening);
            }
            name.clone_from(&way.name);
        }
    }
    let columns = ["milliseconds from the start to", "`initialize`", "`tools/list`", "first call"];
    report.head("Conversations", &columns)?;
    for (_, name, openings) in &openings {
        let median = |part: fn(&Opening) -> f64| shown(middle(openings.iter().map(part)));
        report.line(&[
            name.clone(),
            median(|opening| opening.initialized),
            median(|opening| opening.listed),
            median(|opening| opening.called),
        ])?;
    }
    let [(_, _, direct), _, bridged @ ..] = &openings;
    for (_, name, openings) in bridged {
        let initialized = middle(openings.iter().map(|opening| opening.initialized));
        report.at_most(&format!("{name}, `initialize`, ms"), initialized, MAX_INITIALIZE);
        let beyond =
            openings.iter().zip(direct).map(|(opening, direct)| opening.called - direct.called);
        let what = format!("{name}, first call, ms more than directly");
        report.at_most(&what, middle(beyond), MAX_CALL_BEYOND_DIRECT);
    }
    Ok(())
}

fn commands(ground: &Ground, effort: Effort, report: &mut Report) -> io::Result<()> {
    let home = ground.home("commands", &json!({"servers": {}}))?;
    let run = |words: Option<&&[&str]>| {
        let mut command = ground.command(&home);
        match words {
            Some(words) => drop(command.args(*words)),
            None => command = std::process::Command::new(NOTHING),
        }
        command.stdin(Stdio::null()).stdout(Stdio::null());
        let clock = Clock::start();
        // How it ends does not matter: that nothing suits a search is an answer, too.
        command.status().map(|_| clock.milliseconds())
    };
    let all: Vec<_> = std::iter::once(None).chain(COMMANDS.iter().map(Some)).collect();
    let mut times = vec![Vec::new(); all.len()];
    for _ in 0..effort.of(ROUNDS) {
        for (words, times) in all.iter().zip(&mut times) {
            times.push(run(*words)?);
        }
    }
    report.head("Commands", &["command", "median, ms", "× `/bin/true`"])?;
    let medians: Vec<f64> = times.into_iter().map(|times| middle(times.into_iter())).collect();
    for (words, median) in all.iter().zip(&medians) {
        let name = words.map_or(NOTHING.to_owned(), |words| format!("bridge {}", words.join(" ")));
        report.line(&[format!("`{name}`"), shown(*median), shown(median / medians[0])])?;
    }
    let slowest = medians.iter().copied().fold(0.0, f64::max);
    report.at_most("slowest of these commands, ms", slowest, MAX_COMMAND);
    Ok(())
}
