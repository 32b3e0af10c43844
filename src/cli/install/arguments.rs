//! The command's words, and what they ask for.

use clap::Args;

use crate::catalog::install::{self, Wish};
use crate::config::ServerName;

const EXAMPLES: &str = "\
Examples:
  bridge install github                 asks for the token, which is not shown, and connects once
  bridge install tavily@0.2.3 fetch     a certain version of one, and another server
  bridge install github --as work       a second account: its token is GITHUB_TOKEN_WORK
  bridge install ./my/recipe.json       a recipe of one's own
  bridge install github --dry-run       what would be done, and nothing else
  bridge install --frozen               all that bridge.lock has, exactly as it has it

Without a terminal nothing is asked: variables that are missing are named, and `bridge set-env KEY` sets them.
What reaches further than starting a program, such as commands that the recipe wants run, is shown and has to be agreed
to: at the terminal, or by --agree, which --yes is not.
Exit codes: 0 installed, or it was already; 1 not installed; 3 the config is broken and was left as it is; 4 no such
recipe; 5 installed, and the server cannot be reached.";

/// What `bridge install` takes.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
#[expect(clippy::struct_excessive_bools, reason = "each flag is one switch of the command line")]
pub(in crate::cli) struct Install {
    /// Names of recipes, or paths to them; `NAME@VERSION` takes that version of the package
    #[arg(value_name = "NAME", required_unless_present = "frozen")]
    pub(super) names: Vec<String>,
    /// Call the server so, such as for a second account; its variables get names that end with it
    #[arg(long = "as", value_name = "ALIAS", value_parser = alias, conflicts_with = "frozen")]
    pub(super) alias: Option<ServerName>,
    /// Reach it in this way, of those that the recipe has
    #[arg(long, value_name = "TRANSPORT", value_parser = ["stdio", "streamable-http", "sse"], conflicts_with = "frozen")]
    pub(super) transport: Option<String>,
    /// Ask nothing
    #[arg(long, short)]
    pub(super) yes: bool,
    /// Agree to what the recipe would do that has to be agreed to
    #[arg(long)]
    pub(super) agree: bool,
    /// Show what would be done, and do nothing
    #[arg(long)]
    pub(super) dry_run: bool,
    /// Install what bridge.lock has, in its versions, and refuse whatever is otherwise; without names, all of it
    #[arg(long)]
    pub(super) frozen: bool,
}

fn alias(text: &str) -> Result<ServerName, String> {
    ServerName::parse(text).map_err(|error| error.to_string())
}

impl Install {
    /// The recipes that are asked for by name, each with what is wished of it.
    pub(super) fn wishes(&self) -> Vec<(String, Wish)> {
        let wish = |name: &String| {
            let (name, version) = split(name);
            let (alias, transport) = (self.alias.clone(), self.transport.clone());
            (name.to_owned(), Wish { alias, version: version.map(str::to_owned), transport })
        };
        self.names.iter().map(wish).collect()
    }
}

/// A path that is there is a path as a whole.
fn split(text: &str) -> (&str, Option<&str>) {
    if std::path::Path::new(text).exists() { (text, None) } else { install::split(text) }
}
