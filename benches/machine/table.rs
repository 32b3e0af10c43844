//! Figures side by side.

use std::io::{self, Write};

use super::Round;

/// The same load, both ways.
pub(crate) struct Comparison {
    pub(crate) direct: Round,
    pub(crate) bridged: Round,
}

/// The median of each figure over the rounds.
pub(crate) fn median(rounds: &[Round]) -> Round {
    let middle = |figure: fn(&Round) -> f64| {
        let mut figures: Vec<f64> = rounds.iter().map(figure).collect();
        figures.sort_by(f64::total_cmp);
        figures.get(figures.len() / 2).copied().unwrap_or(0.0)
    };
    Round {
        p50: middle(|round| round.p50),
        p99: middle(|round| round.p99),
        calls_per_second: middle(|round| round.calls_per_second),
        server_cpu: middle(|round| round.server_cpu),
        bridge_cpu: middle(|round| round.bridge_cpu),
    }
}

/// Writes what all figures depend on: the core that the processes share, and how they were built.
pub(crate) fn circumstances(out: &mut impl Write, core: Option<usize>) -> io::Result<()> {
    match core {
        Some(core) => writeln!(out, "all processes on core {core}")?,
        None => writeln!(out, "not pinned: this system has no way to")?,
    }
    if cfg!(debug_assertions) {
        writeln!(out, "this is a debug build: the figures mean nothing")?;
    }
    Ok(())
}

pub(crate) fn heading() -> String {
    format!("{:<28}{:<30}{:>12}{:>12}{:>12}{:>8}", "", "", "direct", "bridged", "added", "ratio")
}

impl Comparison {
    pub(crate) fn p50_ratio(&self) -> f64 {
        self.bridged.p50 / self.direct.p50
    }

    /// Writes the load's lines. Processor time is that of the server directly, and of bridge and server
    /// together through the bridge.
    pub(crate) fn write(&self, out: &mut impl Write, load: &str) -> io::Result<()> {
        let (direct, bridged) = (&self.direct, &self.bridged);
        line(out, load, "p50, µs", direct.p50 / 1e3, bridged.p50 / 1e3)?;
        line(out, "", "p99, µs", direct.p99 / 1e3, bridged.p99 / 1e3)?;
        line(out, "", "calls a second", direct.calls_per_second, bridged.calls_per_second)?;
        // Nanoseconds a call are milliseconds per 10,000 calls, times a hundred.
        let both = bridged.server_cpu + bridged.bridge_cpu;
        line(out, "", "CPU per 10,000 calls, ms", direct.server_cpu / 100.0, both / 100.0)?;
        writeln!(
            out,
            "{:<28}{:<30}{:>24.1}",
            "",
            "  of it in the bridge",
            bridged.bridge_cpu / 100.0
        )
    }
}

fn line(
    out: &mut impl Write,
    load: &str,
    figure: &str,
    direct: f64,
    bridged: f64,
) -> io::Result<()> {
    let (added, ratio) = (bridged - direct, bridged / direct);
    writeln!(out, "{load:<28}{figure:<30}{direct:>12.1}{bridged:>12.1}{added:>12.1}{ratio:>8.2}")
}
