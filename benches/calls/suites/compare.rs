//! The same load each way, in turns.

use std::io;

use super::Effort;
use crate::load::{Call, Figures, Round, Way};
use crate::report::{Report, shown};

const ROUNDS: usize = 15;
const WARM_UP: usize = 1_000;

/// A load: what is called, how often in a round, and how many calls are under way.
pub(super) struct Load {
    pub(super) name: String,
    pub(super) call: Call,
    pub(super) calls: usize,
    pub(super) in_flight: usize,
}

impl Load {
    /// Small calls.
    pub(super) fn small(calls: usize, in_flight: usize) -> Self {
        let name = match in_flight {
            1 => "small call".to_owned(),
            _ => format!("small call, {in_flight} in flight"),
        };
        Self { name, call: Call::small(), calls, in_flight }
    }

    /// What all suites put on those that they compare: results and arguments of two sizes, one at a time.
    pub(super) fn large() -> [Self; 4] {
        let one =
            |name: &str, call, calls| Self { name: name.to_owned(), call, calls, in_flight: 1 };
        [
            one("result of 100 kB", Call::result(100_000), 100),
            one("result of 1 MB", Call::result(1_000_000), 15),
            one("arguments of 100 kB", Call::upload(100_000), 100),
            one("arguments of 1 MB", Call::upload(1_000_000), 15),
        ]
    }

    /// Puts it on all of them in turns, after a round that does not count.
    pub(super) fn measure(
        &self,
        ways: &mut [&mut Way],
        effort: Effort,
    ) -> io::Result<Vec<Figures>> {
        self.measure_apart(ways.iter_mut().map(|way| &mut **way), effort).into_iter().collect()
    }

    /// The same where those that fail do not keep the others from being measured.
    pub(super) fn measure_apart<'a>(
        &self,
        ways: impl Iterator<Item = &'a mut Way>,
        effort: Effort,
    ) -> Vec<io::Result<Figures>> {
        let warm_up = self.calls.min(WARM_UP);
        let warmed = ways.map(|way| {
            let first = way.run(&self.call, warm_up, self.in_flight);
            (way, first.map(|_| Figures::default()))
        });
        let mut measured: Vec<_> = warmed.collect();
        for _ in 0..effort.of(ROUNDS) {
            for (way, figures) in &mut measured {
                let Ok(rounds) = figures else { continue };
                match way.run(&self.call, self.calls, self.in_flight) {
                    Ok(round) => rounds.0.push(round),
                    Err(error) => *figures = Err(error),
                }
            }
        }
        measured.into_iter().map(|(_, figures)| figures).collect()
    }
}

/// The heads of what `lines` writes.
pub(super) const COLUMNS: [&str; 10] = [
    "load",
    "way",
    "p50, µs",
    "p90, µs",
    "p99, µs",
    "calls a second",
    "CPU of the router, s per 10,000 calls",
    "CPU of the server",
    "p50 × direct",
    "p50 × bare",
];

/// A line for each way. The first is the direct one, the second the bare router.
pub(super) fn lines(
    report: &mut Report,
    load: &Load,
    names: &[String],
    figures: &[Figures],
) -> io::Result<()> {
    for (place, (name, way)) in names.iter().zip(figures).enumerate() {
        let microseconds = |figure| shown(way.median(figure) / 1e3);
        let seconds = |figure| format!("{:.3}", way.median(figure) * 1e4 / 1e9);
        let times = |other: usize| {
            if place > other {
                format!("{:.2}", way.ratio(&figures[other], |round| round.p50))
            } else {
                "–".to_owned()
            }
        };
        report.line(&[
            if place == 0 { load.name.clone() } else { String::new() },
            name.clone(),
            microseconds(|round: &Round| round.p50),
            microseconds(|round| round.p90),
            microseconds(|round| round.p99),
            format!("{:.0}", way.median(|round| round.calls_per_second)),
            if place == 0 { "–".to_owned() } else { seconds(|round: &Round| round.router_cpu) },
            seconds(|round| round.server_cpu),
            times(0),
            times(1),
        ])?;
    }
    Ok(())
}
