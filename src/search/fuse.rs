//! One order out of two: how well a tool's words suit a wish, and how near its meaning lies; and how likely the tool is
//! the one that is meant. The figures come from the development set: `just bench-search` shows what they are worth.

use std::collections::HashMap;

use super::lexical::{DocumentId, LexicalHit};

/// Neighbours in meaning that are looked at besides the tools that share a word with the wish.
const NEIGHBOURS: usize = 50;
/// What meaning counts where the best tool has every word of the wish.
const LEAST: f32 = 0.2;
/// What it counts besides where that tool has none of them.
const MORE: f32 = 0.2;

/// A tool with all that speaks for it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Candidate {
    /// The tool.
    pub document: DocumentId,
    /// Its words' score against that of the best, 0 to 1.
    pub words: f32,
    /// How much of the wish it has, 0 to 1.
    pub coverage: f32,
    /// How near its meaning lies, where it has a vector.
    pub near: Option<Near>,
    /// What it comes to, 0 to 1: comparable within one answer.
    pub score: f32,
}

/// How near the meaning of a tool lies to that of the wish. Models differ in the cosines that they give, so what counts is
/// how a tool's differs from those of the others.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Near {
    /// The cosine of both vectors.
    pub cosine: f32,
    /// 0 for the average tool and those that lie farther away, 1 for the nearest.
    pub share: f32,
    /// Standard deviations above the average tool.
    pub deviations: f32,
}

/// The candidates by their words alone, the best first, as `hits` are.
pub fn by_words(hits: &[LexicalHit]) -> Vec<Candidate> {
    let best = hits.first().map_or(1.0, |hit| hit.score);
    let candidate = |hit: &LexicalHit| {
        let words = hit.score / best;
        let LexicalHit { document, coverage, .. } = *hit;
        Candidate { document, words, coverage, near: None, score: words }
    };
    hits.iter().map(candidate).collect()
}

/// The candidates by their words and their meaning, the best first. A tool without a vector is judged by its words.
pub fn by_both(by_words: &[Candidate], cosines: &[(DocumentId, f32)]) -> Vec<Candidate> {
    let Some(nearness) = Nearness::of(cosines) else { return by_words.to_vec() };
    let coverage = by_words.iter().map(|candidate| candidate.coverage).fold(0.0, f32::max);
    let counts = LEAST + MORE * (1.0 - coverage);
    let known: HashMap<DocumentId, f32> = cosines.iter().copied().collect();
    let mut all: HashMap<DocumentId, Candidate> =
        by_words.iter().map(|candidate| (candidate.document, *candidate)).collect();
    for document in neighbours(cosines) {
        let stranger = Candidate { document, words: 0.0, coverage: 0.0, near: None, score: 0.0 };
        all.entry(document).or_insert(stranger);
    }
    let weigh = |mut candidate: Candidate| {
        candidate.near = known.get(&candidate.document).map(|cosine| nearness.near(*cosine));
        let near = candidate.near.map_or(candidate.words, |near| near.share);
        candidate.score = (1.0 - counts) * candidate.words + counts * near;
        candidate
    };
    let mut ranked: Vec<Candidate> = all.into_values().map(weigh).collect();
    ranked.sort_unstable_by(|one, other| {
        other.score.total_cmp(&one.score).then(one.document.cmp(&other.document))
    });
    ranked
}

/// How likely each candidate is the one that is meant, 0 to 1, in their order: as often as tools with as much of the wish,
/// as far ahead of the others and as near in meaning were. It means the same with every model, and without one.
pub fn likelihoods(ranked: &[Candidate]) -> Vec<f32> {
    let (Some(first), second) = (ranked.first(), ranked.get(1)) else { return Vec::new() };
    let best = first.score.max(f32::MIN_POSITIVE);
    let mut least = 1.0_f32;
    let likely = |(place, candidate): (usize, &Candidate)| {
        let rival = if place == 0 { second.map_or(0.0, |second| second.score) } else { best };
        let ahead = (candidate.score - rival) / best;
        let sum = match candidate.near {
            None => 3.76_f32.mul_add(candidate.coverage, 5.16 * ahead) - 3.61,
            Some(near) => {
                let words = 3.22_f32.mul_add(candidate.coverage, 5.65 * ahead);
                0.228_f32.mul_add(near.deviations, words) - 4.05
            }
        };
        least = least.min(1.0 / (1.0 + (-sum).exp()));
        least
    };
    ranked.iter().enumerate().map(likely).collect()
}

/// How the cosines of all tools lie.
struct Nearness {
    mean: f32,
    deviation: f32,
    greatest: f32,
}

impl Nearness {
    /// Nothing where there are none.
    fn of(cosines: &[(DocumentId, f32)]) -> Option<Self> {
        // So many tools as there can be are counted exactly.
        #[expect(clippy::cast_precision_loss, reason = "there are less than 2^24 tools")]
        let count = Some(cosines.len() as f32).filter(|count| *count > 0.0)?;
        let values = || cosines.iter().map(|(_, cosine)| *cosine);
        let mean = values().sum::<f32>() / count;
        let squares: f32 = values().map(|cosine| (cosine - mean).powi(2)).sum();
        let greatest = values().fold(f32::MIN, f32::max);
        let deviation = (squares / count).sqrt();
        Some(Self { mean, deviation, greatest })
    }

    fn near(&self, cosine: f32) -> Near {
        let above = cosine - self.mean;
        let range = self.greatest - self.mean;
        // Where all are alike, none is near.
        let share = if range > f32::EPSILON { (above / range).max(0.0) } else { 0.0 };
        let deviations = if range > f32::EPSILON { above / self.deviation } else { 0.0 };
        Near { cosine, share, deviations }
    }
}

fn neighbours(cosines: &[(DocumentId, f32)]) -> impl Iterator<Item = DocumentId> {
    let mut all = cosines.to_vec();
    let nearer = |one: &(DocumentId, f32), other: &(DocumentId, f32)| {
        other.1.total_cmp(&one.1).then(one.0.cmp(&other.0))
    };
    if all.len() > NEIGHBOURS {
        all.select_nth_unstable_by(NEIGHBOURS, nearer);
        all.truncate(NEIGHBOURS);
    }
    all.into_iter().map(|(document, _)| document)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hits(hits: &[(u32, f32, f32)]) -> Vec<Candidate> {
        let hit = |&(id, score, coverage): &(u32, f32, f32)| LexicalHit {
            document: DocumentId(id),
            score,
            coverage,
        };
        by_words(&hits.iter().map(hit).collect::<Vec<_>>())
    }

    fn cosines(cosines: &[(u32, f32)]) -> Vec<(DocumentId, f32)> {
        cosines.iter().map(|&(id, cosine)| (DocumentId(id), cosine)).collect()
    }

    fn order(ranked: &[Candidate]) -> Vec<u32> {
        ranked.iter().map(|candidate| candidate.document.0).collect()
    }

    #[test]
    fn meaning_decides_where_words_say_little() {
        let near_the_second = cosines(&[(1, 0.2), (2, 0.7), (3, 0.1), (4, 0.1)]);
        let close = hits(&[(1, 5.0, 0.9), (2, 4.9, 0.9)]);
        assert_eq!(order(&by_both(&close, &near_the_second)), [2, 1, 3, 4]);
        let clear = hits(&[(1, 5.0, 0.9), (2, 2.0, 0.4)]);
        assert_eq!(order(&by_both(&clear, &near_the_second))[..2], [1, 2]);
        // What shares no word with the wish is found by its meaning alone.
        assert_eq!(order(&by_both(&[], &near_the_second))[0], 2);
    }

    #[test]
    fn the_scale_of_a_model_makes_no_difference() {
        let words = hits(&[(1, 5.0, 0.5), (2, 4.0, 0.5), (3, 1.0, 0.1)]);
        let one = by_both(&words, &cosines(&[(1, 0.1), (2, 0.5), (3, 0.3)]));
        let other = by_both(&words, &cosines(&[(1, 0.80), (2, 0.84), (3, 0.82)]));
        assert_eq!(order(&one), order(&other));
        for (one, other) in likelihoods(&one).into_iter().zip(likelihoods(&other)) {
            assert!((one - other).abs() < 1e-3, "{one} {other}");
        }
    }

    #[test]
    fn without_vectors_words_decide() {
        let words = hits(&[(1, 5.0, 0.5), (2, 4.0, 0.5)]);
        assert_eq!(by_both(&words, &[]), words);
        // One whose vector is not made yet is not put behind for that.
        let ranked = by_both(&words, &cosines(&[(2, 0.2), (3, 0.1)]));
        assert_eq!(order(&ranked)[..2], [1, 2]);
        assert_eq!(ranked[0].near, None);
    }

    #[test]
    fn likelihoods_fall_and_stay_within_bounds() {
        for words in [
            hits(&[(1, 5.0, 1.0)]),
            hits(&[(1, 5.0, 1.0), (2, 1.0, 0.2)]),
            hits(&[(1, 5.0, 0.2), (2, 5.0, 0.9), (3, 4.0, 1.0)]),
        ] {
            for ranked in
                [words.clone(), by_both(&words, &cosines(&[(1, 0.3), (2, 0.3), (9, 0.3)]))]
            {
                let likely = likelihoods(&ranked);
                assert_eq!(likely.len(), ranked.len());
                assert!(likely.iter().all(|one| (0.0..=1.0).contains(one)), "{likely:?}");
                assert!(likely.windows(2).all(|pair| pair[0] >= pair[1]), "{likely:?}");
            }
        }
        let sure = likelihoods(&hits(&[(1, 5.0, 1.0), (2, 1.0, 0.2)]))[0];
        let unsure = likelihoods(&hits(&[(1, 5.0, 0.3), (2, 4.9, 0.3)]))[0];
        assert!(sure > 0.9 && unsure < 0.2, "{sure} {unsure}");
        assert_eq!(likelihoods(&[]), [0.0; 0]);
    }
}
