//! `bridge schema`: the JSON Schemas of the files that people write.

use clap::{Args, ValueEnum};
use serde_json::Value;

use super::exit::Exit;
use super::printer::Printer;
use crate::{config, recipe};

pub(super) const EXAMPLES: &str = "\
Examples:
  bridge schema config > ~/.mcp-bridge/config.schema.json
  bridge schema recipe > recipe.schema.json

An editor checks and completes a file that begins with `\"$schema\": \"./config.schema.json\"`.";

#[derive(Debug, Args)]
pub(super) struct Schema {
    /// The kind of file: `config.json` or `recipe.json`
    #[arg(value_enum)]
    of: Kind,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Kind {
    Config,
    Recipe,
}

/// Prints the schema.
pub(super) fn run(arguments: &Schema, printer: Printer) -> Exit {
    let schema: Value = match arguments.of {
        Kind::Config => config::schema(),
        Kind::Recipe => recipe::schema(),
    };
    printer.json(&schema);
    Exit::Done
}
