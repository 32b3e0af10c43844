//! How much each sign counts. The figures were found on sentences that vendors wrote for their own servers; what each is
//! worth is told by leaving it out (`just bench-search --ablate`).

use super::field::Field;
use super::query::Kind;

/// What decides the order of tools.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Weights {
    /// In the order of [`Field::ALL`].
    pub fields: [FieldWeight; Field::COUNT],
    /// How soon further mentions of a word stop counting (`k1` of BM25).
    pub saturation: f32,
    /// Mentions of a word in one field that count.
    pub repetition: u8,
    /// How much words can count that a tool has in passing only, in none of its name, title and first sentence.
    pub passing: PassingWeights,
    /// What a tool counts for how common a word is, when it has the word in none of its name, title and first sentence.
    pub in_passing: f32,
    /// What is added when all words of a tool's name are asked for, as a share of the score.
    pub name_coverage: f32,
    /// What is added when a tool has all that is asked for, as a share of the score.
    pub query_coverage: f32,
    /// What is left of the score of a tool that is called deprecated.
    pub deprecated: f32,
    /// What is added when a tool's server speaks of all that the tool lacks, as a share of the score: enough to tell equal
    /// tools apart, and hardly more.
    pub said: f32,
    /// By what a word of the query is.
    pub kinds: KindWeights,
    /// What is left of the score when the tool does something else than is wanted.
    pub actions: ActionWeights,
}

/// How much a field counts.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct FieldWeight {
    /// What one mention counts.
    pub weight: f32,
    /// How much less it counts in a field longer than usual, 0 to 1 (`b` of BM25).
    pub length: f32,
}

/// How much words in passing count at most: whoever mentions all there is in a long description has still to say first what
/// the tool is for. Both are added.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct PassingWeights {
    /// For what the other words of the query count that the tool has.
    pub prominent: f32,
    /// For what all words of the query count.
    pub asked: f32,
}

/// How much words of a query count that are no plain words.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct KindWeights {
    /// Within a value.
    pub literal: f32,
    /// Within a place for a value.
    pub placeholder: f32,
    /// What tools say that take a value such as the query has.
    pub taker: f32,
    /// Pronouns and the like, which are looked for in names only.
    pub stop: f32,
    /// Verbs that say no more than that something is to be seen.
    pub verb: f32,
    /// A factor for words behind a preposition.
    pub context: f32,
    /// Two neighbours written as one, or one word as two.
    pub joined: f32,
    /// Spelt otherwise than anything known.
    pub misspelt: f32,
}

/// What is left of the score when the tool does something else.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ActionWeights {
    /// Something is to be seen, and the tool changes something.
    pub changes_instead: f32,
    /// Something is to be changed, and the tool only shows.
    pub reads_instead: f32,
    /// Something is to be changed, and the tool changes it otherwise.
    pub changes_otherwise: f32,
    /// Several things are to be seen, and the tool shows one.
    pub one_of_many: f32,
}

impl KindWeights {
    pub(super) fn of(&self, kind: Kind) -> f32 {
        match kind {
            Kind::Plain => 1.0,
            Kind::Verb => self.verb,
            Kind::Taker => self.taker,
            Kind::Placeholder => self.placeholder,
            Kind::Stop => self.stop,
            Kind::Literal => self.literal,
        }
    }
}

impl Default for Weights {
    fn default() -> Self {
        let field = |weight, length| FieldWeight { weight, length };
        Self {
            fields: [
                field(3.0, 0.4),
                field(0.5, 0.4),
                field(1.5, 0.8),
                field(0.5, 0.5),
                field(0.3, 0.5),
                field(0.4, 0.7),
                field(0.2, 0.0),
            ],
            saturation: 1.2,
            repetition: 4,
            passing: PassingWeights { prominent: 0.5, asked: 0.2 },
            in_passing: 0.4,
            name_coverage: 0.4,
            query_coverage: 1.2,
            deprecated: 0.7,
            said: 0.06,
            kinds: KindWeights {
                literal: 0.3,
                placeholder: 0.5,
                taker: 0.5,
                stop: 0.2,
                verb: 0.4,
                context: 0.8,
                joined: 0.9,
                misspelt: 0.8,
            },
            actions: ActionWeights {
                changes_instead: 0.5,
                reads_instead: 0.64,
                changes_otherwise: 0.8,
                one_of_many: 0.8,
            },
        }
    }
}
