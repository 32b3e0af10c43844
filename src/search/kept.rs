//! The vectors of one model, each under the digest of its text, and how they lie in a file.
//!
//! All numbers are little-endian: 8 bytes that say what the file is; `u32` length of the model's identity, numbers of a
//! vector, number of vectors, zero; the identity in UTF-8, filled up with zeros to a multiple of 4; for each vector 16
//! bytes of digest; for each the day on which it was last used, `u32`; all vectors, `f32`.

use std::collections::HashMap;
use std::time::SystemTime;

use sha2::{Digest, Sha256};

const MAGIC: &[u8; 8] = b"BRVECT01";
const HEADER: usize = MAGIC.len() + 4 * WORD;
const WORD: usize = size_of::<u32>();
const KEY: usize = 16;
const MAX_IDENTITY: usize = 1024;
/// More numbers than the vectors of any model in use have.
pub(super) const MAX_DIMENSIONS: usize = 16_384;
/// More vectors than this are not kept: those go that were not used for the longest time.
const MAX_ROWS: usize = 50_000;
/// What all vectors of a file may take up.
const MAX_VECTOR_BYTES: usize = 128 * 1024 * 1024;
/// No file that we write is larger.
pub(super) const MAX_FILE_BYTES: usize =
    HEADER + MAX_IDENTITY + MAX_ROWS * (KEY + WORD) + MAX_VECTOR_BYTES;
/// How far a length may be from 1; what is further off was damaged.
const TOLERANCE: f32 = 1e-3;
/// That a vector was used is written down again after so many days.
const STALE_DAYS: u32 = 7;
const SECONDS_PER_DAY: u64 = 24 * 60 * 60;

/// What a text is known by: the first half of its SHA-256.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Key([u8; KEY]);

/// Vectors of one model. Only those of documents belong here: some models make other vectors of queries.
#[derive(Debug, Clone, PartialEq)]
pub struct Kept {
    identity: String,
    /// 0 until the first vector comes.
    dimensions: usize,
    rows: HashMap<Key, usize>,
    /// Row after row.
    values: Vec<f32>,
    /// The day on which each row was last used, counted from 1970.
    days: Vec<u32>,
    today: u32,
    has_changed: bool,
}

/// Why a file holds no vectors of the model.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Damaged {
    /// It begins otherwise.
    #[error("it is no file of vectors")]
    Foreign,
    /// It was written for another model.
    #[error("it holds vectors of another model")]
    OtherModel,
    /// Its length is not what its head says.
    #[error("it is {found} bytes long and should be {expected}")]
    Length {
        /// What its head says.
        expected: usize,
        /// What it has.
        found: usize,
    },
    /// Its head says what cannot be.
    #[error("its head says what cannot be")]
    Head,
}

impl Key {
    /// The key of a text.
    pub fn of(text: &str) -> Self {
        let digest = Sha256::digest(text);
        let mut key = [0; KEY];
        key.copy_from_slice(&digest[..KEY]);
        Self(key)
    }
}

impl Kept {
    /// None yet, of the model with this identity.
    pub fn new(identity: &str) -> Self {
        let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        Self {
            identity: identity.to_owned(),
            dimensions: 0,
            rows: HashMap::new(),
            values: Vec::new(),
            days: Vec::new(),
            today: u32::try_from(since.as_secs() / SECONDS_PER_DAY).unwrap_or_default(),
            has_changed: false,
        }
    }

    /// The model that made the vectors.
    pub fn identity(&self) -> &str {
        &self.identity
    }

    /// How many vectors there are.
    pub fn len(&self) -> usize {
        self.rows.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// The vector of a text, which counts as used today.
    pub fn take(&mut self, key: &Key) -> Option<&[f32]> {
        let row = *self.rows.get(key)?;
        if self.days[row] + STALE_DAYS <= self.today {
            self.has_changed = true;
        }
        self.days[row] = self.days[row].max(self.today);
        Some(self.row(row))
    }

    /// Adds the vector of a text, of unit length. One of another length than those that are here shows that the model
    /// has changed behind its name: those are dropped. One that is none, or too long, is not kept.
    pub fn insert(&mut self, key: Key, vector: &[f32]) {
        if vector.is_empty() || vector.len() > MAX_DIMENSIONS || !is_unit(vector) {
            return;
        }
        if vector.len() != self.dimensions {
            self.rows.clear();
            self.values.clear();
            self.days.clear();
            self.dimensions = vector.len();
        }
        self.has_changed = true;
        self.put(key, vector, self.today);
    }

    pub(super) fn has_changed(&self) -> bool {
        self.has_changed
    }

    /// Drops the vectors that are too many: those that were last used the longest ago.
    pub(super) fn prune(&mut self) {
        let room = MAX_VECTOR_BYTES / (self.dimensions.max(1) * size_of::<f32>());
        self.shrink(room.min(MAX_ROWS));
    }

    fn shrink(&mut self, room: usize) {
        if self.rows.len() <= room {
            return;
        }
        let mut rows: Vec<(Key, usize)> = self.rows.drain().collect();
        // Of one day it is all the same which go, but every bridge should choose the same.
        rows.sort_unstable_by_key(|(key, row)| (std::cmp::Reverse(self.days[*row]), *key));
        let (values, days) = (std::mem::take(&mut self.values), std::mem::take(&mut self.days));
        for (key, row) in rows.into_iter().take(room) {
            self.put(key, &values[row * self.dimensions..][..self.dimensions], days[row]);
        }
    }

    fn put(&mut self, key: Key, vector: &[f32], day: u32) {
        if let Some(row) = self.rows.get(&key) {
            self.values[row * self.dimensions..][..self.dimensions].copy_from_slice(vector);
            self.days[*row] = day;
        } else {
            self.rows.insert(key, self.days.len());
            self.days.push(day);
            self.values.extend_from_slice(vector);
        }
    }

    fn row(&self, row: usize) -> &[f32] {
        &self.values[row * self.dimensions..][..self.dimensions]
    }

    /// The bytes of the file.
    pub fn encode(&self) -> Vec<u8> {
        let mut keys: Vec<(usize, Key)> = self.rows.iter().map(|(key, row)| (*row, *key)).collect();
        keys.sort_unstable();
        let identity = padded(self.identity.len());
        let length = HEADER + identity + keys.len() * (KEY + WORD) + self.values.len() * WORD;
        let mut bytes = Vec::with_capacity(length);
        bytes.extend_from_slice(MAGIC);
        for number in [self.identity.len(), self.dimensions, keys.len(), 0] {
            let number = u32::try_from(number).expect("all of them are bounded");
            bytes.extend_from_slice(&number.to_le_bytes());
        }
        bytes.extend_from_slice(self.identity.as_bytes());
        bytes.resize(HEADER + identity, 0);
        bytes.extend(keys.iter().flat_map(|(_, key)| key.0));
        bytes.extend(self.days.iter().flat_map(|day| day.to_le_bytes()));
        bytes.extend(self.values.iter().flat_map(|value| value.to_le_bytes()));
        bytes
    }

    /// Reads the bytes of a file that holds vectors of this model. Vectors that are not of unit length are left out.
    pub fn decode(bytes: &[u8], identity: &str) -> Result<Self, Damaged> {
        let (head, rest) = bytes.split_at_checked(HEADER).ok_or(Damaged::Foreign)?;
        let (magic, numbers) = head.split_at(MAGIC.len());
        if magic != MAGIC {
            return Err(Damaged::Foreign);
        }
        let numbers: Vec<usize> = words(numbers).map(|word| word as usize).collect();
        let [name, dimensions, count, _] = numbers[..] else { return Err(Damaged::Head) };
        let is_possible = name <= MAX_IDENTITY && dimensions <= MAX_DIMENSIONS && count <= MAX_ROWS;
        if !is_possible || (dimensions == 0 && count > 0) {
            return Err(Damaged::Head);
        }
        let named = padded(name);
        let expected = HEADER + named + count * (KEY + WORD + dimensions * WORD);
        if bytes.len() != expected {
            return Err(Damaged::Length { expected, found: bytes.len() });
        }
        if &rest[..name] != identity.as_bytes() {
            return Err(Damaged::OtherModel);
        }
        let (keys, rest) = rest[named..].split_at(count * KEY);
        let (days, values) = rest.split_at(count * WORD);
        let mut kept = Self::new(identity);
        kept.dimensions = dimensions;
        kept.days = words(days).map(|day| day.min(kept.today)).collect();
        kept.values = words(values).map(f32::from_bits).collect();
        kept.rows.reserve(count);
        for (row, key) in keys.as_chunks::<KEY>().0.iter().enumerate() {
            if is_unit(kept.row(row)) {
                kept.rows.insert(Key(*key), row);
            }
        }
        if kept.rows.len() < count {
            kept.compact();
        }
        Ok(kept)
    }

    /// Drops the rows that no key leads to.
    fn compact(&mut self) {
        let mut rows: Vec<(usize, Key)> = self.rows.drain().map(|(key, row)| (row, key)).collect();
        rows.sort_unstable();
        let (values, days) = (std::mem::take(&mut self.values), std::mem::take(&mut self.days));
        for (row, key) in rows {
            self.put(key, &values[row * self.dimensions..][..self.dimensions], days[row]);
        }
    }
}

fn words(bytes: &[u8]) -> impl Iterator<Item = u32> {
    bytes.as_chunks::<WORD>().0.iter().map(|word| u32::from_le_bytes(*word))
}

fn padded(length: usize) -> usize {
    length.next_multiple_of(WORD)
}

fn is_unit(vector: &[f32]) -> bool {
    (super::vectors::dot(vector, vector) - 1.0).abs() < TOLERANCE
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const MODEL: &str = "some/model";

    /// A vector of unit length for each number.
    fn vector(number: u16) -> [f32; 3] {
        let angle = f32::from(number);
        [angle.sin(), 0.0, angle.cos()]
    }

    fn key(number: u16) -> Key {
        Key::of(&number.to_string())
    }

    fn with(numbers: impl IntoIterator<Item = u16>) -> Kept {
        let mut kept = Kept::new(MODEL);
        for number in numbers {
            kept.insert(key(number), &vector(number));
        }
        kept
    }

    fn numbers(kept: &mut Kept) -> Vec<u16> {
        (0..100).filter(|number| kept.take(&key(*number)) == Some(&vector(*number)[..])).collect()
    }

    #[test]
    fn what_was_encoded_is_decoded() {
        let check = |mut kept: Kept| {
            kept.has_changed = false;
            assert_eq!(Kept::decode(&kept.encode(), MODEL), Ok(kept));
        };
        check(Kept::new(MODEL));
        check(with([1]));
        check(with([1, 2, 3, 2]));
    }

    #[test]
    fn what_is_not_ours_is_told_apart() {
        let whole = with([1, 2]).encode();
        let check = |bytes: &[u8], identity: &str, expected: Damaged| {
            assert_eq!(Kept::decode(bytes, identity), Err(expected));
        };
        let length = |found| Damaged::Length { expected: whole.len(), found };
        check(b"", MODEL, Damaged::Foreign);
        check(&[b'x'; 100], MODEL, Damaged::Foreign);
        check(&whole, "some/mode1", Damaged::OtherModel);
        check(&whole, "some/model2", Damaged::OtherModel);
        check(&whole[..whole.len() - 1], MODEL, length(whole.len() - 1));
        check(&[&whole[..], b"x"].concat(), MODEL, length(whole.len() + 1));
        let mut huge = whole.clone();
        huge[MAGIC.len() + WORD..][..WORD].copy_from_slice(&u32::MAX.to_le_bytes());
        check(&huge, MODEL, Damaged::Head);
    }

    #[test]
    fn damaged_vectors_are_left_out() {
        for damage in [f32::NAN, f32::INFINITY, 0.5] {
            let mut bytes = with([1, 2, 3]).encode();
            // The first number of the second of three vectors.
            let at = bytes.len() - 2 * 3 * WORD;
            bytes[at..at + WORD].copy_from_slice(&damage.to_le_bytes());
            let mut kept = Kept::decode(&bytes, MODEL).expect("its head is whole");
            assert_eq!(numbers(&mut kept), [1, 3], "{damage}");
            assert_eq!(kept.values.len(), 2 * 3);
            kept.insert(key(2), &vector(2));
            assert_eq!(numbers(&mut kept), [1, 2, 3], "{damage}");
        }
    }

    #[test]
    fn only_unit_vectors_come_in_and_another_length_drops_the_old_ones() {
        let mut kept = with([1, 2]);
        kept.insert(key(3), &[0.5, 0.5, 0.5]);
        kept.insert(key(4), &[f32::NAN, 0.0, 1.0]);
        kept.insert(key(5), &[]);
        assert_eq!(numbers(&mut kept), [1, 2]);
        kept.insert(key(6), &[0.0, 1.0]);
        assert_eq!((kept.len(), kept.take(&key(6))), (1, Some(&[0.0, 1.0][..])));
    }

    #[test]
    fn what_was_not_used_for_the_longest_time_goes_first() {
        let mut kept = with(0..10);
        for (row, day) in kept.days.iter_mut().enumerate() {
            *day = u32::try_from(row).expect("few");
        }
        assert_eq!(kept.take(&key(4)), Some(&vector(4)[..]));
        kept.shrink(10);
        assert_eq!(kept.len(), 10);
        kept.shrink(3);
        assert_eq!(numbers(&mut kept), [4, 8, 9]);
        assert_eq!((kept.values.len(), kept.days.len()), (9, 3));
    }

    #[test]
    fn use_is_written_down_once_in_a_while() {
        let mut kept = with([1]);
        for (ago, expected) in [(0, false), (STALE_DAYS - 1, false), (STALE_DAYS, true)] {
            kept.has_changed = false;
            kept.days[0] = kept.today - ago;
            assert!(kept.take(&key(1)).is_some());
            assert_eq!(kept.has_changed(), expected, "{ago}");
        }
        kept.has_changed = false;
        assert_eq!(kept.take(&key(2)), None);
        assert!(!kept.has_changed());
    }

    proptest! {
        #[test]
        fn no_bytes_do_harm(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            prop_assert!(Kept::decode(&bytes, MODEL).is_err());
        }

        #[test]
        fn no_change_of_a_file_does_harm(
            changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..8),
            length in 0_usize..400,
        ) {
            let mut bytes = with(0..8).encode();
            for (at, byte) in changes {
                let at = at.index(bytes.len());
                bytes[at] = byte;
            }
            bytes.truncate(bytes.len().saturating_sub(length.saturating_sub(200)));
            if let Ok(mut kept) = Kept::decode(&bytes, MODEL) {
                let found = kept.len();
                prop_assert!(found <= 8);
                // Everything that came out can be used, written and read again.
                kept.insert(key(50), &vector(50));
                kept.has_changed = false;
                let again = Kept::decode(&kept.encode(), MODEL);
                prop_assert_eq!(again.map(|again| again.len()), Ok(kept.len()));
            }
        }
    }
}
