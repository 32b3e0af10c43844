//! What a tool is worth to a query: BM25 over fields, then factors for how much of the name and of the query is covered
//! and for the action.

use super::action::{Actions, Number};
use super::field::Field;
use super::postings::Posting;
use super::weights::{ActionWeights, PassingWeights, Weights};

/// Lengths of fields, in words, at most 255 each.
pub(super) type Lengths = [u8; Field::COUNT];

/// The lengths of all tools' fields together.
#[derive(Debug, Default)]
pub(super) struct AllLengths {
    words: [u64; Field::COUNT],
    /// Tools that have words in the field at all.
    filled: [u32; Field::COUNT],
}

impl AllLengths {
    pub(super) fn add(&mut self, lengths: Lengths) {
        for (field, length) in lengths.into_iter().enumerate() {
            self.words[field] += u64::from(length);
            self.filled[field] += u32::from(length > 0);
        }
    }

    pub(super) fn remove(&mut self, lengths: Lengths) {
        for (field, length) in lengths.into_iter().enumerate() {
            self.words[field] -= u64::from(length);
            self.filled[field] -= u32::from(length > 0);
        }
    }

    /// The average lengths. Tools without the field do not count: among many that have no more than one sentence, whoever
    /// writes several would seem to ramble.
    #[expect(clippy::cast_precision_loss, reason = "an average needs no more digits")]
    pub(super) fn averages(&self) -> [f32; Field::COUNT] {
        std::array::from_fn(|field| self.words[field] as f32 / self.filled[field].max(1) as f32)
    }
}

/// What one mention in a field of a given length counts, worked out anew whenever tools come or go.
#[derive(Debug, Clone)]
pub(super) struct Mentions {
    /// By field and length.
    once: Box<[[f32; 256]; Field::COUNT]>,
    /// Those in one field that count.
    most: u8,
}

impl Mentions {
    /// For fields of these lengths on average.
    #[expect(clippy::cast_precision_loss, reason = "lengths are at most 255")]
    pub(super) fn new(weights: &Weights, averages: &[f32; Field::COUNT]) -> Self {
        let mut table = Box::new([[0.0; 256]; Field::COUNT]);
        for ((row, weight), average) in table.iter_mut().zip(weights.fields).zip(averages) {
            for (length, cell) in row.iter_mut().enumerate() {
                let relative = if *average > 0.0 { length as f32 / average } else { 1.0 };
                *cell = weight.weight / (1.0 - weight.length + weight.length * relative).max(0.05);
            }
        }
        Self { once: table, most: weights.repetition }
    }

    pub(super) fn of(&self, posting: Posting, lengths: Lengths) -> f32 {
        let field = posting.field();
        let mentions = posting.mentions().min(self.most);
        f32::from(mentions) * self.once[field][usize::from(lengths[field])]
    }
}

/// What is summed up for one tool.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Sum {
    /// Of words in the tool's name, title or first sentence.
    pub(super) prominent: f32,
    /// Of those that stand elsewhere only.
    pub(super) passing: f32,
    /// The weight of the query's words that the tool has.
    pub(super) found: f32,
    /// The weight of the words of its name that the query has.
    pub(super) named: f32,
    /// The query's words that the tool has, see `Query::bits`.
    pub(super) bits: u64,
}

impl Sum {
    /// What counts of the words in passing, for a query of this weight.
    pub(super) fn passing(&self, weights: PassingWeights, asked: f32) -> f32 {
        self.passing.min(weights.prominent * self.prominent + weights.asked * asked)
    }
}

/// What the sum is multiplied by.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Factors {
    /// For words of the tool's name that the query has, at least 1.
    pub name: f32,
    /// For how much of the query the tool has, at least 1.
    pub query: f32,
    /// For another action than is wanted, at most 1.
    pub action: f32,
    /// For showing one thing where several are wanted, at most 1.
    pub number: f32,
    /// For a tool that its server advises against, at most 1.
    pub deprecated: f32,
    /// For what its server says of words of the query that the tool lacks, at least 1.
    pub server: f32,
}

impl Factors {
    /// All of them together.
    pub fn product(&self) -> f32 {
        self.name * self.query * self.action * self.number * self.deprecated * self.server
    }
}

/// A part of a whole, from 0 to 1.
pub(super) fn share(part: f32, whole: f32) -> f32 {
    if whole > 0.0 { (part / whole).min(1.0) } else { 0.0 }
}

/// What is left where one thing is wanted and another done.
pub(super) fn action_factor(weights: &ActionWeights, wanted: Actions, done: Actions) -> f32 {
    if wanted.is_none() || done.is_none() || wanted.meets(done) {
        1.0
    } else if wanted.only_reads() {
        weights.changes_instead
    } else if done.only_reads() {
        weights.reads_instead
    } else {
        weights.changes_otherwise
    }
}

/// What is left where several things are to be seen and the tool shows one. The other way round nothing is lost: who wants
/// one thing often finds it among several.
pub(super) fn number_factor(
    weights: &ActionWeights,
    (wanted, number): (Actions, Number),
    shown: Number,
) -> f32 {
    let sees = wanted.is_none() || wanted.only_reads();
    if sees && number == Number::Many && shown == Number::One { weights.one_of_many } else { 1.0 }
}

#[cfg(test)]
mod tests {
    use super::*;

    const WEIGHTS: ActionWeights = ActionWeights {
        changes_instead: 0.1,
        reads_instead: 0.2,
        changes_otherwise: 0.3,
        one_of_many: 0.4,
    };

    #[test]
    #[expect(clippy::float_cmp, reason = "the factors are handed out as they are")]
    fn other_actions_cost() {
        fn check(wanted: Actions, done: Actions, expected: f32) {
            assert_eq!(action_factor(&WEIGHTS, wanted, done), expected, "{wanted:?} {done:?}");
        }
        check(Actions::READ, Actions::READ, 1.0);
        check(Actions::READ, Actions::DELETE, 0.1);
        check(Actions::DELETE, Actions::READ, 0.2);
        check(Actions::DELETE, Actions::CREATE, 0.3);
        check(Actions::DELETE, Actions::CREATE.or(Actions::DELETE), 1.0);
        check(Actions::READ.or(Actions::SEND), Actions::SEND, 1.0);
        check(Actions::NONE, Actions::DELETE, 1.0);
        check(Actions::DELETE, Actions::NONE, 1.0);
    }

    #[test]
    #[expect(clippy::float_cmp, reason = "the factors are handed out as they are")]
    fn showing_one_of_many_costs() {
        fn check(wanted: Actions, number: Number, shown: Number, expected: f32) {
            assert_eq!(number_factor(&WEIGHTS, (wanted, number), shown), expected);
        }
        check(Actions::READ, Number::Many, Number::One, 0.4);
        check(Actions::NONE, Number::Many, Number::One, 0.4);
        check(Actions::DELETE, Number::Many, Number::One, 1.0);
        check(Actions::READ, Number::One, Number::Many, 1.0);
        check(Actions::READ, Number::Many, Number::Unknown, 1.0);
    }
}
