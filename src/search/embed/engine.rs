//! A loaded model: the tokenizer, the network behind it, and how the two work together.

use super::embedder::Purpose;
use super::encoder::Encoder;
use super::error::EmbedError;
use super::local::Runtime;
use super::model::Model;
use super::pool::{Batch, Output};
use super::tokens::Tokens;

/// How many tokens are worked on at a time, what fills rows up included. More of them need more memory without being
/// faster: the largest layer holds 6 KB a token.
const TOKENS_AT_A_TIME: usize = 1024;

/// The network of a model, by whatever runs it.
pub(super) trait Network {
    /// What the model says of the texts, or why it says nothing.
    fn run(&mut self, batch: &Batch) -> Result<Output, String>;
}

pub(super) struct Engine {
    model: Model,
    tokens: Tokens,
    network: Box<dyn Network>,
}

impl Engine {
    /// Reads and checks all files of the model.
    pub(super) fn load(model: &Model, runtime: &Runtime) -> Result<Self, EmbedError> {
        let tokens = Tokens::parse(&model.tokenizer()?, model.max_tokens())
            .map_err(|reason| model.unusable_tokenizer(reason))?;
        let network: Box<dyn Network> = match runtime {
            Runtime::Rust => Box::new(Encoder::load(model)?),
            #[cfg(feature = "onnx")]
            Runtime::Onnx(library) => Box::new(super::onnx::Session::load(model, library)?),
        };
        Ok(Self { model: model.clone(), tokens, network })
    }

    /// A vector a text, in their order.
    pub(super) fn embed(
        &mut self,
        texts: &[String],
        purpose: Purpose,
    ) -> Result<Vec<Vec<f32>>, EmbedError> {
        let failed = |reason| EmbedError::Failed { reason };
        let prefix = self.model.prefix(purpose);
        let tokens = texts
            .iter()
            .map(|text| self.tokens.of(&format!("{prefix}{text}")))
            .collect::<Result<Vec<_>, _>>()
            .map_err(failed)?;
        let mut order: Vec<usize> = (0..texts.len()).collect();
        order.sort_by_key(|at| tokens[*at].len());
        let mut vectors = vec![Vec::new(); texts.len()];
        let mut left = order.as_slice();
        while let Some(first) = left.first() {
            // The longest that still fits decides how many rows there may be.
            let mut rows = 1;
            while rows < left.len() && (rows + 1) * tokens[left[rows]].len() <= TOKENS_AT_A_TIME {
                rows += 1;
            }
            debug_assert!(tokens[*first].len() <= self.model.max_tokens());
            let (now, later) = left.split_at(rows);
            left = later;
            let batch =
                Batch::new(&now.iter().map(|at| tokens[*at].as_slice()).collect::<Vec<_>>());
            let output = self.network.run(&batch).map_err(failed)?;
            let done = output
                .vectors(&batch, self.model.pooling(), self.model.dimensions())
                .map_err(failed)?;
            for (at, vector) in now.iter().zip(done) {
                vectors[*at] = vector;
            }
        }
        Ok(vectors)
    }
}
