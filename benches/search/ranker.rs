//! What puts tools in order.

use std::collections::HashMap;
use std::io;
use std::rc::Rc;

use mcp_bridge::search::embed::Purpose;
use mcp_bridge::search::fuse::{self, Candidate};
use mcp_bridge::search::vectors::Matrix;
use mcp_bridge::search::{Document, DocumentId, LexicalIndex, Query, Weights};

use crate::corpus::{Place, Tools};
use crate::embeddings::Embeddings;
use crate::quality::Set;

/// One way to put tools in order.
pub(crate) trait Ranker {
    /// What it is called in tables.
    fn name(&self) -> &'static str;
    /// The best tools for a sentence.
    fn rank(&self, query: &str, limit: usize) -> Ranking;
    /// The least recall within one and within five places of the development set, if it is held to any.
    fn targets(&self) -> Option<(f64, f64)> {
        None
    }
}

/// Tools in order.
pub(crate) struct Ranking {
    /// The best first.
    pub(crate) places: Vec<Place>,
    /// How likely the first is the one that is meant, if the ranker has an opinion.
    pub(crate) likelihood: Option<f32>,
}

/// Words alone.
#[derive(Clone)]
pub(crate) struct Lexical(Rc<LexicalIndex>);

/// Meaning alone: the cosine of the vectors.
struct Semantic {
    words: Lexical,
    meanings: Rc<Meanings>,
}

/// Words and meaning, as the bridge does it.
struct Fused {
    words: Lexical,
    meanings: Rc<Meanings>,
}

/// The vectors of a set.
struct Meanings {
    /// What each row of the matrix belongs to.
    documents: Vec<DocumentId>,
    matrix: Matrix,
    wishes: HashMap<String, Vec<f32>>,
}

/// All that there are for a set.
pub(crate) fn all(set: &Set, embeddings: Option<&Embeddings>) -> io::Result<Vec<Box<dyn Ranker>>> {
    let words = Lexical::new(&set.tools, Weights::default());
    let mut all: Vec<Box<dyn Ranker>> = vec![Box::new(words.clone())];
    if let Some(embeddings) = embeddings {
        let meanings = Rc::new(Meanings::new(set, &words, embeddings)?);
        all.push(Box::new(Semantic { words: words.clone(), meanings: meanings.clone() }));
        all.push(Box::new(Fused { words, meanings }));
    }
    Ok(all)
}

impl Lexical {
    pub(crate) fn new(tools: &Tools, weights: Weights) -> Self {
        let mut index = LexicalIndex::new(weights);
        for (server, documents) in tools {
            index.replace(server, documents);
        }
        Self(Rc::new(index))
    }

    fn candidates(&self, query: &str) -> Vec<Candidate> {
        fuse::by_words(&self.0.search(&Query::new(query), usize::MAX))
    }

    fn ranking(&self, ranked: &[Candidate], limit: usize) -> Ranking {
        Ranking {
            places: self.places(ranked.iter().map(|one| one.document), limit),
            likelihood: Some(fuse::likelihoods(ranked).first().copied().unwrap_or_default()),
        }
    }

    fn places(&self, ranked: impl Iterator<Item = DocumentId>, limit: usize) -> Vec<Place> {
        let name = |document| {
            let (server, tool) = self.0.name(document)?;
            Some(Place { server: server.to_owned(), tool: tool.to_owned() })
        };
        ranked.take(limit).filter_map(name).collect()
    }
}

impl Meanings {
    fn new(set: &Set, words: &Lexical, embeddings: &Embeddings) -> io::Result<Self> {
        let texts: Vec<String> = set.tools.values().flatten().map(Document::text).collect();
        let documents = set.tools.keys().flat_map(|server| words.0.documents(server)).collect();
        let vectors = embeddings.of(&texts, Purpose::Document)?;
        let mut matrix = Matrix::new(vectors.first().map_or(0, Vec::len));
        for (row, vector) in (0..).zip(&vectors) {
            matrix.set(row, vector).map_err(io::Error::other)?;
        }
        let wishes: Vec<String> = set.wishes.iter().map(|wish| wish.query.clone()).collect();
        let vectors = embeddings.of(&wishes, Purpose::Query)?;
        Ok(Self { documents, matrix, wishes: wishes.into_iter().zip(vectors).collect() })
    }

    /// Every tool with its cosine.
    fn cosines(&self, wish: &str) -> Vec<(DocumentId, f32)> {
        let scores = self.matrix.scores(&self.wishes[wish]).expect("one model made both");
        scores.map(|hit| (self.documents[hit.id as usize], hit.score)).collect()
    }
}

impl Ranker for Lexical {
    fn name(&self) -> &'static str {
        "lexical"
    }

    fn rank(&self, query: &str, limit: usize) -> Ranking {
        self.ranking(&self.candidates(query), limit)
    }

    fn targets(&self) -> Option<(f64, f64)> {
        Some((0.77, 0.96))
    }
}

impl Ranker for Semantic {
    fn name(&self) -> &'static str {
        "semantic"
    }

    fn rank(&self, query: &str, limit: usize) -> Ranking {
        let mut cosines = self.meanings.cosines(query);
        cosines.sort_unstable_by(|one, other| other.1.total_cmp(&one.1).then(one.0.cmp(&other.0)));
        let ranked = cosines.into_iter().map(|(document, _)| document);
        Ranking { places: self.words.places(ranked, limit), likelihood: None }
    }
}

impl Ranker for Fused {
    fn name(&self) -> &'static str {
        "fused"
    }

    fn rank(&self, query: &str, limit: usize) -> Ranking {
        let cosines = self.meanings.cosines(query);
        let ranked = fuse::by_both(&self.words.candidates(query), &cosines);
        self.words.ranking(&ranked, limit)
    }

    fn targets(&self) -> Option<(f64, f64)> {
        Some((0.80, 0.97))
    }
}
