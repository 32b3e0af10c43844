//! The command line, as its help shows it.

use std::ffi::OsString;
use std::path::PathBuf;

use clap::error::ErrorKind;
use clap::{Args, CommandFactory, FromArgMatches, Parser, Subcommand};

use super::approve::{self, Approve};
use super::auth::{self, Auth};
use super::call::{self, Call};
use super::catalog::{self, Catalog};
use super::clients::{self, Import, Register, Unregister};
use super::complete::{self, Complete};
use super::completions::{self, Completions};
use super::diff::Diff;
use super::doctor::Doctor;
use super::init::{self, Init};
use super::install::Install;
use super::intent::{self, ExplainCommand, Intent};
use super::limit::{self, Limit};
use super::lock::Lock;
use super::man::{self, Man};
use super::migrate_recipe::{self, MigrateRecipe};
use super::model::{self, ModelCommand};
use super::outdated::Outdated;
use super::read::{self, Read};
use super::remove::Remove;
use super::schema::{self, Schema};
use super::search::{self, Search};
use super::serve::{self, Listen};
use super::set_env::{self, SetEnv};
use super::tools::{self, Tools};
use super::usage::{self, Usage};
use super::validate_recipe::{self, ValidateRecipe};
use super::{servers, tokens};
use crate::base::guardian;
use crate::search::embed;
use crate::select;

/// One MCP server in front of all your MCP servers.
///
/// Without a command, bridge serves MCP on stdin and stdout, as Claude Desktop, Cursor and other clients start it;
/// with `--http`, it serves many clients at a time.
#[derive(Debug, Default, Parser)]
#[command(name = "bridge", version, after_help = EXAMPLES, subcommand_negates_reqs = true)]
pub(super) struct Arguments {
    #[command(flatten)]
    pub(super) global: Global,
    #[command(flatten)]
    pub(super) listen: Listen,
    #[command(subcommand)]
    pub(super) command: Option<Command>,
}

/// Understood by every command.
#[derive(Debug, Default, Args)]
pub(super) struct Global {
    /// Use this file instead of ~/.mcp-bridge/config.json; files with `mcpServers` work as they are
    #[arg(long, global = true, value_name = "FILE")]
    pub(super) config: Option<PathBuf>,
    /// Log what happens
    #[arg(long, short, global = true)]
    pub(super) verbose: bool,
    /// Log everything
    #[arg(long, global = true)]
    pub(super) debug: bool,
    /// Write the log to this file instead of stderr
    #[arg(long, global = true, value_name = "FILE")]
    pub(super) log_file: Option<PathBuf>,
    /// Print JSON on stdout
    #[arg(long, global = true)]
    pub(super) json: bool,
}

impl Arguments {
    /// Reads the command line. What says how to serve is refused beside a command that does not serve, since it would
    /// have no effect.
    pub(super) fn read(words: impl IntoIterator<Item = OsString>) -> Result<Self, clap::Error> {
        let words: Vec<OsString> = words.into_iter().collect();
        if let Some(read) = Self::of_the_bridge_itself(&words) {
            return Ok(read);
        }
        let mut command = Self::command();
        let matches = command.try_get_matches_from_mut(words)?;
        let read = Self::from_arg_matches(&matches).map_err(|error| error.format(&mut command))?;
        let serves = matches!(read.command, None | Some(Command::Serve(_)));
        if let (Some(flag), Some(name), false) =
            (read.listen.first(), matches.subcommand_name(), serves)
        {
            let said = format!(
                "`{flag}` says how to serve and means nothing to `bridge {name}`; leave one of the two out"
            );
            return Err(command.error(ErrorKind::ArgumentConflict, said));
        }
        Ok(read)
    }

    /// What clients start, and the bridge itself: no word or one. To look up that one, descriptions of all commands need
    /// not be built, which would keep a sixth of the program's pages in memory for as long as it serves.
    fn of_the_bridge_itself(words: &[OsString]) -> Option<Self> {
        let command = match words {
            [_program] => None,
            [_program, word] if word == guardian::COMMAND => Some(Command::Guard),
            [_program, word] if word == select::COMMAND => Some(Command::Select),
            [_program, word] if word == embed::COMMAND => Some(Command::Embed),
            _ => return None,
        };
        Some(Self { command, ..Self::default() })
    }
}

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Write a first config into the home folder
    #[command(after_help = init::EXAMPLES)]
    Init(Init),
    /// Serve MCP on stdin and stdout or over HTTP; the same as no command at all
    #[command(after_help = serve::EXAMPLES)]
    Serve(Listen),
    /// Show the configured servers and whether they can be reached
    #[command(after_help = servers::EXAMPLES)]
    Servers,
    /// Look for whatever may be wrong: config, files, recipes, servers, their tools, clients
    Doctor(Doctor),
    /// Show the tools of all servers, or of one
    #[command(after_help = tools::EXAMPLES)]
    Tools(Tools),
    /// Find the tool for what is to be done
    #[command(after_help = intent::EXAMPLES)]
    Intent(Intent),
    /// Say why something is as it is
    #[command(after_help = intent::EXPLAIN_EXAMPLES)]
    Explain {
        #[command(subcommand)]
        command: ExplainCommand,
    },
    /// Call a tool
    #[command(after_help = call::EXAMPLES)]
    Call(Call),
    /// Show a result that an agent got cut or cleaned, as the server gave it
    #[command(after_help = read::EXAMPLES)]
    Read(Read),
    /// Put the bridge into the files of Claude Desktop, Cursor and other clients; list them
    #[command(after_help = clients::REGISTER_EXAMPLES)]
    Register(Register),
    /// Take the servers of clients over, their secrets into .env
    #[command(after_help = clients::IMPORT_EXAMPLES)]
    Import(Import),
    /// Take the bridge out of the files of clients
    #[command(after_help = clients::UNREGISTER_EXAMPLES)]
    Unregister(Unregister),
    /// Show how many calls the servers have had, and their limits
    #[command(after_help = usage::EXAMPLES)]
    Usage(Usage),
    /// Show what the lists of tools cost an agent, in tokens
    #[command(after_help = tokens::EXAMPLES)]
    Tokens,
    /// Put servers into the config by their recipes, ask for what they need, and see whether they work
    Install(Install),
    /// Take servers out of the config, with what was installed for them
    Remove(Remove),
    /// Write down what is installed now, in bridge.lock beside the config
    Lock(Lock),
    /// Show which installed packages have newer versions
    Outdated(Outdated),
    /// Show how the tools of servers differ from those in bridge.lock
    Diff(Diff),
    /// Log in to servers by OAuth, log out, and see who is logged in
    #[command(after_help = auth::EXAMPLES)]
    Auth {
        #[command(subcommand)]
        command: Auth,
    },
    /// Set a variable for `${KEY}` in the .env file beside the config
    #[command(after_help = set_env::EXAMPLES)]
    SetEnv(SetEnv),
    /// Show or set how many calls servers may get
    #[command(after_help = limit::EXAMPLES)]
    Limit(Limit),
    /// Show which tools have changed since they were pinned; approve those of a server
    #[command(after_help = approve::EXAMPLES)]
    Approve(Approve),
    /// Install, list and remove models for the search by intent
    #[command(after_help = model::EXAMPLES)]
    Model {
        #[command(subcommand)]
        command: ModelCommand,
    },
    /// Find servers that can be installed, by what they are for
    #[command(after_help = search::EXAMPLES)]
    Search(Search),
    /// Show all servers that can be installed by name
    #[command(after_help = catalog::EXAMPLES)]
    Catalog(Catalog),
    /// Check recipes: files, or folders that hold a `recipe.json`
    #[command(after_help = validate_recipe::EXAMPLES)]
    ValidateRecipe(ValidateRecipe),
    /// Turn recipes of version 1 into recipes of version 2
    #[command(after_help = migrate_recipe::EXAMPLES)]
    MigrateRecipe(MigrateRecipe),
    /// Print the JSON Schema of a config or of a recipe, for editors
    #[command(after_help = schema::EXAMPLES)]
    Schema(Schema),
    /// Print what a shell needs to complete command lines
    #[command(after_help = completions::EXAMPLES)]
    Completions(Completions),
    /// Print the manual page, or write one for each command
    #[command(after_help = man::EXAMPLES)]
    Man(Man),
    /// Print what the next word of a command line can be; started by the scripts of `bridge completions`
    #[command(name = complete::COMMAND, hide = true)]
    Complete(Complete),
    /// Kill what is left of servers when the bridge dies; started by the bridge itself
    #[command(name = guardian::COMMAND, hide = true)]
    Guard,
    /// Run jq filters for the bridge; started by the bridge itself
    #[command(name = select::COMMAND, hide = true)]
    Select,
    /// Run a model for the bridge; started by the bridge itself
    #[command(name = embed::COMMAND, hide = true)]
    Embed,
}

const EXAMPLES: &str = "\
Examples:
  bridge init --example                        a config with servers that need no key
  bridge servers                               what is configured, and does it work
  bridge call everything echo '{\"message\":\"hi\"}'
  bridge intent read a file                    which tool does that
  bridge --config ~/project/.mcp.json tools    use a file of another client
  bridge --http --port 3000                    one bridge for all clients on this machine

Exit codes: 0 done, 1 failed, 2 usage, 3 config invalid, 4 not found, 5 server failed";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_started_most_is_read_as_everything_else() {
        let check = |word: Option<&str>, is_short: bool| {
            let words: Vec<OsString> =
                ["bridge"].into_iter().chain(word).map(OsString::from).collect();
            let short = Arguments::of_the_bridge_itself(&words);
            assert_eq!(short.is_some(), is_short, "{word:?}");
            if let Some(short) = short {
                let long = Arguments::try_parse_from(words).expect("a command");
                assert_eq!(format!("{short:?}"), format!("{long:?}"));
            }
        };
        check(None, true);
        for word in [guardian::COMMAND, select::COMMAND, embed::COMMAND] {
            check(Some(word), true);
        }
        check(Some("serve"), false);
        check(Some("--help"), false);
    }
}
