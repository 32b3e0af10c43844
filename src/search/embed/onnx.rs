//! The model run by ONNX Runtime, a native library that is not part of the program but found on the machine.
//!
//! A library may do as it likes with the process that loads it, so it is loaded only from a place that somebody named
//! or where installing put it, never from the working folder or from what a package manager left in a project.

use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use ort::environment::Environment;
use ort::session::Session as Graph;
use ort::session::builder::SessionBuilder;
use ort::value::Tensor;
use serde::{Deserialize, Serialize};

use super::engine::Network;
use super::error::EmbedError;
use super::frame::exact;
use super::model::Model;
use super::pool::{Batch, Output};

const REMEDY: &str = "install ONNX Runtime 1.24 or newer, or name its library in `ORT_DYLIB_PATH`";
const FILE: &str = if cfg!(windows) {
    "onnxruntime.dll"
} else if cfg!(target_vendor = "apple") {
    "libonnxruntime.dylib"
} else {
    "libonnxruntime.so"
};

/// The environment of the library, of which a process has one, from when it was first loaded until the process ends.
static ENVIRONMENT: Mutex<Option<Environment>> = Mutex::new(None);

/// The library of ONNX Runtime, by its full path.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Library(#[serde(with = "exact")] PathBuf);

impl Library {
    /// The library that was `named` (by `ORT_DYLIB_PATH`, or by what installing recorded), or else that in one of the
    /// `folders` (the home folder and that of the program). What was named is taken or nothing is.
    pub fn find(named: Option<&Path>, folders: &[PathBuf]) -> Result<Self, EmbedError> {
        let path = match named {
            Some(path) if path.is_absolute() => path.to_owned(),
            Some(path) => {
                let reason = "its path is not absolute".to_owned();
                return Err(broken(path, reason));
            }
            None => folders
                .iter()
                .filter(|folder| folder.is_absolute())
                .map(|folder| folder.join(FILE))
                .find(|path| path.is_file())
                .ok_or_else(|| EmbedError::NotInstalled {
                    missing: "ONNX Runtime".to_owned(),
                    remedy: REMEDY.to_owned(),
                })?,
        };
        if !path.is_file() {
            return Err(broken(&path, "there is no such file".to_owned()));
        }
        Ok(Self(path))
    }

    /// The environment to make sessions in. Nothing else of `ort` may be touched before this succeeded: it would look
    /// for a library by itself, in places that nobody named, and panic where there is none.
    fn environment(&self) -> Result<Environment, EmbedError> {
        let mut environment = ENVIRONMENT.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(environment) = &*environment {
            return Ok(environment.clone());
        }
        let built = ort::init_from(&self.0)
            .map_err(|error| broken(&self.0, error.to_string()))?
            .with_name("bridge")
            .with_telemetry(false)
            .build()
            .map_err(|error| broken(&self.0, error.to_string()))?;
        *environment = Some(built.clone());
        Ok(built)
    }
}

pub(super) struct Session {
    graph: Graph,
    /// The inputs that the graph has, of those that are known.
    inputs: Vec<String>,
    output: usize,
}

impl Session {
    pub(super) fn load(model: &Model, library: &Library) -> Result<Self, EmbedError> {
        let environment = library.environment()?;
        let path = model.checked_graph()?;
        let unusable =
            |reason: String| model.unusable(format!("its graph cannot be loaded: {reason}"));
        let graph = builder(&environment)
            .and_then(|mut builder| {
                builder.commit_from_file(&path).map_err(|error| error.to_string())
            })
            .map_err(unusable)?;
        let inputs: Vec<String> =
            graph.inputs().iter().map(|input| input.name().to_owned()).collect();
        let known = ["input_ids", "attention_mask", "token_type_ids"];
        if let Some(name) = inputs.iter().find(|name| !known.contains(&name.as_str())) {
            return Err(model.unusable(format!("its graph asks for the input `{name}`")));
        }
        let names: Vec<&str> = graph.outputs().iter().map(ort::value::Outlet::name).collect();
        let wanted = ["last_hidden_state", "token_embeddings"];
        let output = names.iter().position(|name| wanted.contains(name)).unwrap_or(0);
        if names.is_empty() {
            return Err(model.unusable("its graph gives nothing"));
        }
        Ok(Self { graph, inputs, output })
    }
}

impl Network for Session {
    fn run(&mut self, batch: &Batch) -> Result<Output, String> {
        let mut inputs = Vec::new();
        for name in &self.inputs {
            let values: Vec<i64> = match name.as_str() {
                "input_ids" => batch.ids.iter().copied().map(i64::from).collect(),
                "attention_mask" => batch.mask.iter().copied().map(i64::from).collect(),
                _ => vec![0; batch.ids.len()],
            };
            let tensor = Tensor::from_array(([batch.rows(), batch.width], values))
                .map_err(|error| error.to_string())?;
            inputs.push((name.clone(), tensor));
        }
        let outputs = self.graph.run(inputs).map_err(|error| error.to_string())?;
        let (shape, values) =
            outputs[self.output].try_extract_tensor::<f32>().map_err(|error| error.to_string())?;
        let shape = shape.iter().map(|size| usize::try_from(*size).unwrap_or(0)).collect();
        Ok(Output { shape, values: values.to_vec() })
    }
}

/// One thread, which does not wait in a loop for work, and no memory that is kept from run to run.
fn builder(environment: &Environment) -> Result<SessionBuilder, String> {
    let builder = Graph::builder(environment).map_err(|error| error.to_string())?;
    let builder = builder.with_intra_threads(1).map_err(|error| error.to_string())?;
    builder.with_memory_pattern(false).map_err(|error| error.to_string())
}

fn broken(path: &Path, reason: String) -> EmbedError {
    EmbedError::Broken { path: path.to_owned(), reason, remedy: REMEDY.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_library_is_where_it_was_named_or_put() {
        let folder = tempfile::tempdir().expect("a folder");
        let other = tempfile::tempdir().expect("a folder");
        let (put, named) = (folder.path().join(FILE), other.path().join("mine.so"));
        let folders = [PathBuf::from("."), other.path().to_owned(), folder.path().to_owned()];
        let missing = Library::find(None, &folders).expect_err("nothing is there");
        assert!(matches!(missing, EmbedError::NotInstalled { .. }), "{missing}");
        for path in [&put, &named] {
            std::fs::write(path, b"no library").expect("a file");
        }
        assert_eq!(Library::find(None, &folders).expect("a library"), Library(put));
        assert_eq!(Library::find(Some(&named), &folders).expect("a library"), Library(named));
        let check = |named: &Path, expected: &str| {
            let error = Library::find(Some(named), &folders).expect_err("a fault").to_string();
            assert!(error.contains(expected) && error.contains("`ORT_DYLIB_PATH`"), "{error}");
        };
        check(Path::new(FILE), "not absolute");
        check(&other.path().join(FILE), "no such file");
        check(other.path(), "no such file");
    }

    #[test]
    fn what_is_no_library_is_an_error() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join(FILE);
        std::fs::write(&path, b"no library").expect("a file");
        let library = Library::find(Some(&path), &[]).expect("a file");
        if ENVIRONMENT.lock().expect("no panic").is_none() {
            let error = library.environment().expect_err("no library").to_string();
            assert!(error.contains("cannot be used"), "{error}");
        }
    }
}
