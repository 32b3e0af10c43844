//! Vectors that are compared with one another: all in one piece of memory, so that looking through ten thousand of
//! them takes less than a millisecond and no index is needed.

use std::cmp::Ordering;
use std::collections::HashMap;

/// Products that are summed side by side: the compiler makes them instructions that work on many numbers at once.
const LANES: usize = 16;

/// Vectors of unit length, each under an id that its owner chose. Their order means nothing and changes on removal.
#[derive(Debug, Clone, Default)]
pub struct Matrix {
    dimensions: usize,
    /// Row after row.
    values: Vec<f32>,
    /// The id of each row.
    ids: Vec<u32>,
    /// The row of each id.
    rows: HashMap<u32, usize>,
}

/// A vector that does not belong among the others.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a vector of {found} numbers does not belong among those of {expected}")]
pub struct WrongLength {
    /// How many numbers the others have.
    pub expected: usize,
    /// How many it has.
    pub found: usize,
}

/// How alike a vector is to what was asked for.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Hit {
    /// The id of the vector.
    pub id: u32,
    /// The cosine of the angle between the two, −1 to 1.
    pub score: f32,
}

impl Matrix {
    /// An empty one for vectors of this many numbers.
    pub fn new(dimensions: usize) -> Self {
        Self { dimensions, ..Self::default() }
    }

    /// How many numbers a vector has.
    pub fn dimensions(&self) -> usize {
        self.dimensions
    }

    /// How many vectors there are.
    pub fn len(&self) -> usize {
        self.ids.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.ids.is_empty()
    }

    /// Makes room for this many more vectors.
    pub fn reserve(&mut self, more: usize) {
        self.values.reserve(more * self.dimensions);
        self.ids.reserve(more);
        self.rows.reserve(more);
    }

    /// The vector with this id.
    pub fn get(&self, id: u32) -> Option<&[f32]> {
        let row = *self.rows.get(&id)?;
        Some(&self.values[row * self.dimensions..][..self.dimensions])
    }

    /// Adds a vector of unit length, or puts it in the place of the one that has this id.
    pub fn set(&mut self, id: u32, vector: &[f32]) -> Result<(), WrongLength> {
        self.fits(vector)?;
        if let Some(row) = self.rows.get(&id) {
            self.values[row * self.dimensions..][..self.dimensions].copy_from_slice(vector);
        } else {
            self.rows.insert(id, self.ids.len());
            self.ids.push(id);
            self.values.extend_from_slice(vector);
        }
        Ok(())
    }

    /// Removes a vector; false if there is none with this id.
    pub fn remove(&mut self, id: u32) -> bool {
        let Some(row) = self.rows.remove(&id) else { return false };
        let last = self.ids.len() - 1;
        self.ids.swap_remove(row);
        if row < last {
            let begin = last * self.dimensions;
            self.values.copy_within(begin..begin + self.dimensions, row * self.dimensions);
            self.rows.insert(self.ids[row], row);
        }
        self.values.truncate(last * self.dimensions);
        true
    }

    /// How alike each vector is to `query`, which has unit length, in no particular order.
    pub fn scores(&self, query: &[f32]) -> Result<impl Iterator<Item = Hit>, WrongLength> {
        self.fits(query)?;
        // Vectors without numbers cannot be told apart, so there is one chunk for none of them.
        let rows = self.values.chunks_exact(self.dimensions.max(1));
        Ok(self.ids.iter().zip(rows).map(move |(id, row)| Hit { id: *id, score: dot(row, query) }))
    }

    /// The vectors that are most like `query`, at most `count`, the best first and equal ones by their ids.
    pub fn top(&self, query: &[f32], count: usize) -> Result<Vec<Hit>, WrongLength> {
        let mut hits = Vec::with_capacity(self.len());
        hits.extend(self.scores(query)?);
        if count == 0 {
            return Ok(Vec::new());
        }
        if count < hits.len() {
            hits.select_nth_unstable_by(count - 1, by_score);
            hits.truncate(count);
        }
        hits.sort_unstable_by(by_score);
        Ok(hits)
    }

    fn fits(&self, vector: &[f32]) -> Result<(), WrongLength> {
        if vector.len() == self.dimensions {
            Ok(())
        } else {
            Err(WrongLength { expected: self.dimensions, found: vector.len() })
        }
    }
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "sorting hands out references")]
fn by_score(one: &Hit, other: &Hit) -> Ordering {
    other.score.total_cmp(&one.score).then_with(|| one.id.cmp(&other.id))
}

/// The sum of the products, which of vectors of unit length is the cosine of the angle between them.
pub fn dot(one: &[f32], other: &[f32]) -> f32 {
    let (ones, rest_of_one) = one.as_chunks::<LANES>();
    let (others, rest_of_other) = other.as_chunks::<LANES>();
    let rest: f32 = rest_of_one.iter().zip(rest_of_other).map(|(one, other)| one * other).sum();
    let mut sums = [0.0_f32; LANES];
    for (one, other) in ones.iter().zip(others) {
        // Counted, not zipped: whether iterators vanish depends on how the program is built, and costs a factor of eight.
        for lane in 0..LANES {
            sums[lane] += one[lane] * other[lane];
        }
    }
    sums.iter().sum::<f32>() + rest
}

/// Makes a vector one of unit length. False for one that has no direction: all zeros, or a number that is none.
#[must_use]
pub fn normalize(vector: &mut [f32]) -> bool {
    let length = vector.iter().map(|value| f64::from(*value).powi(2)).sum::<f64>().sqrt();
    if !length.is_finite() || length < f64::from(f32::MIN_POSITIVE) {
        return false;
    }
    for value in vector {
        #[expect(clippy::cast_possible_truncation, reason = "no number is larger than 1")]
        let scaled = (f64::from(*value) / length) as f32;
        *value = scaled;
    }
    true
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;

    /// A vector of `dimensions` numbers that looks like chance and is always the same for one seed.
    fn vector(seed: u32, dimensions: usize) -> Vec<f32> {
        let mut state = seed.wrapping_mul(0x9e37_79b9) | 1;
        let mut next = || {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            f32::from(u8::try_from(state >> 24).expect("eight bits are left")) - 127.5
        };
        let mut vector: Vec<f32> = (0..dimensions).map(|_| next()).collect();
        assert!(normalize(&mut vector));
        vector
    }

    /// What `top` must say, computed in the plainest way.
    fn expected(rows: &BTreeMap<u32, Vec<f32>>, query: &[f32], count: usize) -> Vec<u32> {
        let mut hits: Vec<Hit> =
            rows.iter().map(|(id, row)| Hit { id: *id, score: dot(row, query) }).collect();
        hits.sort_by(by_score);
        hits.into_iter().take(count).map(|hit| hit.id).collect()
    }

    #[test]
    fn products_are_summed_whatever_the_length() {
        for length in [0, 1, 15, 16, 17, 384] {
            let (one, other) = (vec![0.5; length], vec![2.0; length]);
            let expected = u16::try_from(length).map(f32::from).expect("short");
            assert!((dot(&one, &other) - expected).abs() < 1e-4, "{length}");
        }
    }

    #[test]
    fn the_best_come_first_and_equal_ones_by_their_ids() {
        let mut matrix = Matrix::new(2);
        for (id, vector) in [(7, [0.0, 1.0]), (3, [1.0, 0.0]), (5, [0.6, 0.8]), (1, [1.0, 0.0])] {
            matrix.set(id, &vector).expect("it fits");
        }
        let ids = |count| -> Vec<u32> {
            let hits = matrix.top(&[1.0, 0.0], count).expect("it fits");
            hits.into_iter().map(|hit| hit.id).collect()
        };
        assert!(ids(0).is_empty());
        assert_eq!(ids(2), [1, 3]);
        assert_eq!(ids(4), [1, 3, 5, 7]);
        assert_eq!(ids(9), [1, 3, 5, 7]);
    }

    #[test]
    fn what_has_another_length_is_refused() {
        let mut matrix = Matrix::new(3);
        let wrong = WrongLength { expected: 3, found: 2 };
        assert_eq!(matrix.set(1, &[1.0, 0.0]), Err(wrong));
        assert_eq!(matrix.top(&[1.0, 0.0], 1), Err(wrong));
        assert!(matrix.is_empty());
        assert_eq!(matrix.top(&[1.0, 0.0, 0.0], 1), Ok(Vec::new()));
    }

    #[test]
    fn only_what_has_a_direction_gets_unit_length() {
        let check = |mut vector: Vec<f32>, expected: Option<&[f32]>| {
            let told = format!("{vector:?}");
            let is_unit = normalize(&mut vector);
            assert_eq!(is_unit.then_some(&*vector), expected, "{told}");
        };
        check(vec![3.0, 4.0], Some(&[0.6, 0.8]));
        check(vec![3e38, 3e38], Some(&[std::f32::consts::FRAC_1_SQRT_2; 2]));
        check(vec![0.0, 0.0], None);
        check(vec![], None);
        check(vec![1.0, f32::NAN], None);
        check(vec![f32::INFINITY, 1.0], None);
    }

    proptest! {
        #[test]
        fn it_holds_what_was_set_and_not_removed(
            changes in prop::collection::vec((0_u32..20, any::<bool>()), 0..80),
        ) {
            let mut matrix = Matrix::new(20);
            let mut rows = BTreeMap::new();
            for (step, (id, is_set)) in (0..).zip(changes) {
                if is_set {
                    matrix.set(id, &vector(step, 20)).expect("it fits");
                    rows.insert(id, vector(step, 20));
                } else {
                    prop_assert_eq!(matrix.remove(id), rows.remove(&id).is_some());
                }
            }
            prop_assert_eq!(matrix.len(), rows.len());
            for id in 0..20 {
                prop_assert_eq!(matrix.get(id), rows.get(&id).map(Vec::as_slice));
            }
            let query = vector(1000, 20);
            for count in [1, 5, 100] {
                let found: Vec<u32> =
                    matrix.top(&query, count).expect("it fits").iter().map(|hit| hit.id).collect();
                prop_assert_eq!(found, expected(&rows, &query, count));
            }
        }
    }
}
