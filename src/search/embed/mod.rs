//! Texts turned into vectors, so that a tool is found by what is meant where no word is shared.

mod address;
#[cfg(test)]
mod agreement;
mod embedder;
mod encoder;
mod engine;
mod error;
mod frame;
mod gemini;
mod local;
mod model;
mod ollama;
#[cfg(feature = "onnx")]
mod onnx;
mod openai;
mod pool;
mod process;
mod remote;
pub mod services;
#[cfg(test)]
mod tests;
mod tokens;
mod worker;

pub use embedder::{Embedder, Purpose};
pub use error::EmbedError;
pub use local::{Local, Runtime, UNLOAD_AFTER};
pub use model::Model;
#[cfg(feature = "onnx")]
pub use onnx::Library;
pub use process::Program;
pub use worker::{COMMAND, work};
