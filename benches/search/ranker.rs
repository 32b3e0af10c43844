//! What puts tools in order.

use mcp_bridge::search::{LexicalIndex, Query, Weights};

use crate::corpus::{Place, Tools};

/// One way to put tools in order.
pub(crate) trait Ranker {
    /// The head of its column.
    fn name(&self) -> &'static str;
    /// The best tools for a sentence, the best first.
    fn rank(&self, query: &str, limit: usize) -> Vec<Place>;
}

/// Words alone.
pub(crate) struct Lexical(pub(crate) LexicalIndex);

impl Lexical {
    pub(crate) fn new(tools: &Tools, weights: Weights) -> Self {
        let mut index = LexicalIndex::new(weights);
        for (server, documents) in tools {
            index.replace(server, documents);
        }
        Self(index)
    }
}

impl Ranker for Lexical {
    fn name(&self) -> &'static str {
        "lexical"
    }

    fn rank(&self, query: &str, limit: usize) -> Vec<Place> {
        let hits = self.0.search(&Query::new(query), limit);
        let name = |hit: &mcp_bridge::search::LexicalHit| {
            let (server, tool) = self.0.name(hit.document)?;
            Some(Place { server: server.to_owned(), tool: tool.to_owned() })
        };
        hits.iter().filter_map(name).collect()
    }
}
