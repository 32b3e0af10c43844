//! Which server is meant when a call names only a tool.

use crate::base::sorting;

/// A score must lie this far above the next one to be taken without asking.
const CLEAR_GAP: f64 = 0.15;
/// Sums of tenths are not exact.
const TOLERANCE: f64 = 1e-9;

/// One server that has the tool.
#[derive(Debug, Clone, Copy)]
pub struct Holder<'a> {
    /// Its name.
    pub server: &'a str,
    /// Its place in the config, the first one being 0.
    pub place: usize,
    /// It is among the servers of the last successful calls.
    pub recent: bool,
    /// The share of the given parameter names that its tool knows, 0 to 1.
    pub known_share: f64,
}

/// What a bare tool name means.
#[derive(Debug, PartialEq)]
pub enum Resolution<'a> {
    /// Nobody has such a tool.
    Nobody,
    /// This server.
    Server(&'a str),
    /// Several, none of them clearly the best: servers with their scores, the best first.
    Ambiguous(Vec<(&'a str, f64)>),
}

/// Scores the holders of a tool among `servers` configured ones.
pub fn resolve<'a>(holders: &[Holder<'a>], servers: usize) -> Resolution<'a> {
    let mut scored: Vec<(&str, f64)> =
        holders.iter().map(|holder| (holder.server, score(holder, servers))).collect();
    sorting::sort_by(&mut scored, |a, b| b.1.total_cmp(&a.1));
    match scored[..] {
        [] => Resolution::Nobody,
        [(server, _)] => Resolution::Server(server),
        [(server, best), (_, next), ..] if best - next >= CLEAR_GAP - TOLERANCE => {
            Resolution::Server(server)
        }
        _ => Resolution::Ambiguous(scored),
    }
}

/// Base priority by place (the last configured server 1.0, each earlier one 0.1 less, at least 0.1), 0.3 for
/// recent use, up to 0.2 for fitting parameter names.
fn score(holder: &Holder<'_>, servers: usize) -> f64 {
    let after = u32::try_from(servers.saturating_sub(holder.place + 1)).unwrap_or(u32::MAX);
    let base = (1.0 - 0.1 * f64::from(after)).max(0.1);
    let recent = if holder.recent { 0.3 } else { 0.0 };
    base + recent + 0.2 * holder.known_share
}

#[cfg(test)]
mod tests {
    use super::*;

    fn holder(
        server: &'static str,
        place: usize,
        recent: bool,
        known_share: f64,
    ) -> Holder<'static> {
        Holder { server, place, recent, known_share }
    }

    fn check(holders: &[Holder<'static>], servers: usize, expected: &str) {
        let found = match resolve(holders, servers) {
            Resolution::Nobody => "nobody".to_owned(),
            Resolution::Server(server) => server.to_owned(),
            Resolution::Ambiguous(scored) => {
                let words = scored.iter().map(|(server, score)| format!("{server} {score:.2}"));
                words.collect::<Vec<_>>().join(" ")
            }
        };
        assert_eq!(found, expected);
    }

    #[test]
    fn the_contract_s_scores_decide() {
        check(&[], 3, "nobody");
        check(&[holder("a", 0, false, 0.0)], 3, "a");
        check(&[holder("a", 0, false, 0.0), holder("b", 1, false, 0.0)], 2, "b 1.00 a 0.90");
        check(&[holder("a", 0, true, 0.0), holder("b", 1, false, 0.0)], 2, "a");
        check(&[holder("a", 0, false, 0.0), holder("c", 2, false, 0.0)], 3, "c");
        check(&[holder("a", 0, false, 1.0), holder("b", 1, false, 0.0)], 2, "a 1.10 b 1.00");
        check(&[holder("a", 0, false, 0.0), holder("b", 1, false, 0.25)], 2, "b");
        check(&[holder("a", 0, false, 0.0), holder("b", 1, false, 0.0)], 20, "a 0.10 b 0.10");
    }
}
