//! How good an order of tools is: recall, reciprocal rank and discounted gain, each a mean over sentences.

use crate::corpus::{Place, Wish};

/// Places of the list at which recall is taken.
pub(crate) const CUTS: [usize; 4] = [1, 3, 5, 10];

/// Means over sentences, each from 0 to 1.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Metrics {
    /// The share of what is needed that stands in the first so many places.
    pub(crate) recall: [f64; CUTS.len()],
    /// One over the place of the first that is right.
    pub(crate) reciprocal_rank: f64,
    /// Gain within ten places, later ones discounted, as a share of the best order's.
    pub(crate) gain: f64,
}

impl Metrics {
    /// Of one sentence.
    pub(crate) fn of(wish: &Wish, ranked: &[Place]) -> Self {
        let groups = wish.groups();
        let mut places: Vec<Option<usize>> = vec![None; groups.len()];
        for (at, place) in (1..).zip(ranked) {
            // One tool serves one need.
            let open = groups
                .iter()
                .zip(&mut places)
                .find(|(group, found)| found.is_none() && group.contains(place));
            if let Some((_, found)) = open {
                *found = Some(at);
            }
        }
        let found = || places.iter().flatten().copied();
        let discounted = |place: usize| 1.0 / (as_float(place) + 1.0).log2();
        let needed = as_float(groups.len());
        let best: f64 = (1..=groups.len().min(10)).map(discounted).sum();
        Self {
            recall: CUTS
                .map(|cut| as_float(found().filter(|place| *place <= cut).count()) / needed),
            reciprocal_rank: found().min().map_or(0.0, |place| 1.0 / as_float(place)),
            gain: found().filter(|place| *place <= 10).map(discounted).sum::<f64>() / best,
        }
    }

    /// The mean of several.
    pub(crate) fn mean(of: &[Self]) -> Self {
        let count = as_float(of.len().max(1));
        let mean = |part: &dyn Fn(&Self) -> f64| of.iter().map(part).sum::<f64>() / count;
        let mut recall = [0.0; CUTS.len()];
        for (at, cell) in recall.iter_mut().enumerate() {
            *cell = mean(&|one| one.recall[at]);
        }
        Self {
            recall,
            reciprocal_rank: mean(&|one| one.reciprocal_rank),
            gain: mean(&|one| one.gain),
        }
    }
}

#[expect(clippy::cast_precision_loss, reason = "the counts are far below 2^52")]
fn as_float(count: usize) -> f64 {
    count as f64
}
