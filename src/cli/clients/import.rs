//! `bridge import [CLIENT…]`: servers of clients moved over, their secrets into `.env`.

use std::path::Path;

use clap::Args;
use serde_json::{Value, json};

use super::carry_out::{Left, carry_out};
use super::client::Client;
use super::file::{ClientFile, Error, failure};
use super::plan::{Fate, Item, Plan, Present, Source, is_called};
use super::register::{Which, chosen};
use crate::base::fs::is_open_to_others;
use crate::base::text::nearest_all;
use crate::cli::edited;
use crate::cli::exit::{Exit, Failure};
use crate::cli::printer::counted;
use crate::cli::setup::Setup;
use crate::config::edit;

/// How many names are offered in place of an unknown one.
const NEAREST: usize = 5;

#[derive(Debug, Args)]
pub(in crate::cli) struct Import {
    /// The clients; without one, all that are installed
    #[arg(value_name = "CLIENT")]
    pub(super) clients: Vec<Client>,
    #[command(flatten)]
    pub(super) which: Which,
    /// Only the servers of these names
    #[arg(long, value_name = "NAME", num_args = 1..)]
    pub(super) only: Vec<String>,
    /// Leave only the bridge in the clients' files, in place of the servers that were taken over
    #[arg(long)]
    pub(super) leave_only_bridge: bool,
    /// Say what would be done, and do nothing
    #[arg(long)]
    pub(super) dry_run: bool,
    /// Do it without asking
    #[arg(long)]
    pub(super) yes: bool,
}

pub(in crate::cli) fn run(arguments: &Import, setup: &Setup) -> Result<Exit, Failure> {
    let printer = setup.printer;
    let clients = chosen(&arguments.clients, arguments.which, setup)?;
    let sources = sources(&clients, arguments, setup)?;
    check_names(&sources, &arguments.only)?;
    let plan = plan(&sources, arguments, setup)?;
    if !printer.json {
        say(&plan, arguments, setup);
    }
    let does_something =
        !plan.addition.servers.is_empty() || (arguments.leave_only_bridge && !nothing_taken(&plan));
    if arguments.dry_run || !does_something {
        if printer.json {
            printer.json(&in_json(&plan, &[], arguments.dry_run));
        } else if !arguments.dry_run {
            printer.talk("there is nothing to take over");
        }
        return Ok(Exit::Done);
    }
    if !arguments.yes {
        ask(&plan, arguments, setup)?;
    }
    let is_open = |path: &Path| path.metadata().is_ok_and(|found| is_open_to_others(&found));
    let was_open = is_open(&setup.source.config);
    let files = carry_out(&sources, &plan, arguments.leave_only_bridge, setup)?;
    if was_open && !is_open(&setup.source.config) {
        let config = setup.source.config.display();
        printer.talk(&format!("{config} was open to other users, and is yours alone now"));
    }
    if printer.json {
        printer.json(&in_json(&plan, &files, false));
    } else {
        tell(&plan, &files, setup);
    }
    Ok(Exit::Done)
}

/// The files of the clients with their servers. One that cannot be read stops it all.
fn sources(clients: &[Client], arguments: &Import, setup: &Setup) -> Result<Vec<Source>, Failure> {
    let read = |client: &Client| {
        let file = ClientFile::of(*client, arguments.which.project, setup)?;
        let Some(text) = file.read()? else {
            // Whoever asked for this client by its name wants to know.
            let is_wanted = !arguments.clients.is_empty() && !file.is_installed;
            let missing = Error::NotInstalled { client: *client, path: file.path.clone() };
            return if is_wanted { Err(missing) } else { Ok(None) };
        };
        let servers = file.servers(&text)?;
        let project = arguments.which.project.then(|| std::path::absolute(".").ok()).flatten();
        Ok(Some(Source { file, servers, project }))
    };
    let found = clients.iter().filter_map(|client| read(client).transpose());
    found.collect::<Result<_, _>>().map_err(|error| match &error {
        // Its hint is about another command.
        Error::NotInstalled { .. } => failure(&error).hint(None),
        _ => failure(&error),
    })
}

fn check_names(sources: &[Source], only: &[String]) -> Result<(), Failure> {
    let known = sources.iter().flat_map(|source| &source.servers).map(|(name, _)| name.as_str());
    let known: Vec<&str> = known.collect();
    let Some(unknown) = only.iter().find(|only| !known.iter().any(|name| is_called(name, only)))
    else {
        return Ok(());
    };
    let near = nearest_all(unknown, known.iter().copied(), NEAREST);
    let near: Vec<String> = near.into_iter().map(str::to_owned).collect();
    let hint = (!near.is_empty()).then(|| format!("there are {}", edited::list(&near)));
    Err(Failure::new(Exit::NotFound, format!("no client has a server `{unknown}`")).hint(hint))
}

fn plan(sources: &[Source], arguments: &Import, setup: &Setup) -> Result<Plan, Failure> {
    let target = setup.target();
    let servers =
        edit::configured(&target).map_err(|error| edited::failure(&edit::Error::from(error)))?;
    let is_set = |name: &str| setup.environment().lookup(name).is_some();
    let present = Present {
        servers,
        variables: edit::variables(&target).into_iter().collect(),
        user_home: setup.paths.user_home(),
        is_set: &is_set,
    };
    Ok(Plan::new(sources, &arguments.only, present))
}

fn nothing_taken(plan: &Plan) -> bool {
    !plan.items.iter().any(|item| matches!(item.fate, Fate::Taken { .. }))
}

fn say(plan: &Plan, arguments: &Import, setup: &Setup) {
    let printer = setup.printer;
    for item in &plan.items {
        let Item { client, name, fate } = item;
        match fate {
            Fate::Taken { name: new, is_there, variables, notes } => {
                let is_same = name.as_str() == new.as_str();
                let what = match (is_there, is_same) {
                    (true, true) => "is there already".to_owned(),
                    (true, false) => format!("is there already as `{new}`"),
                    (false, true) => "moves over".to_owned(),
                    (false, false) => format!("becomes `{new}`"),
                };
                let secrets = match variables.as_slice() {
                    [] => String::new(),
                    variables => format!(", its secrets become {}", edited::list(variables)),
                };
                let line = format!("{}: `{name}` {what}{secrets}", client.id());
                printer.line(&line);
                for note in notes {
                    printer.talk(&format!("  `{name}`: {note}"));
                }
            }
            Fate::Left { reason } => {
                printer.warn(&format!("{}: `{name}` stays where it is: {reason}", client.id()));
            }
        }
    }
    for name in &plan.missing {
        printer.warn(&format!("`{name}` is set nowhere; `bridge set-env {name}` sets it"));
    }
    if arguments.leave_only_bridge && !nothing_taken(plan) {
        printer.talk("in the files of the clients, only the bridge is left in place of them");
    }
}

fn ask(plan: &Plan, arguments: &Import, setup: &Setup) -> Result<(), Failure> {
    let printer = setup.printer;
    let what = counted(plan.addition.servers.len(), "server");
    if printer.json || !printer.can_ask() {
        let hint = "run it in a terminal, where it asks; or add `--yes`, or `--dry-run` to look";
        let message = "nothing is taken over without somebody to ask";
        return Err(Failure::new(Exit::Usage, message).hint(Some(hint.to_owned())));
    }
    let rest = if arguments.leave_only_bridge { " and change the clients' files" } else { "" };
    if printer.ask(&format!("take over {what}{rest}?")) {
        return Ok(());
    }
    Err(Failure::new(Exit::Failed, "nothing was taken over"))
}

fn tell(plan: &Plan, files: &[Left], setup: &Setup) {
    let printer = setup.printer;
    let added = counted(plan.addition.servers.len(), "server");
    printer.talk(&format!("took over {added} into {}", setup.source.config.display()));
    let count = plan.addition.variables.len();
    if let Some(env_file) = setup.source.env_files.first().filter(|_| count > 0) {
        printer.talk(&format!("put {} into {}", counted(count, "secret"), env_file.display()));
    }
    for Left { file, changed } in files {
        printer.talk(&format!("only the bridge is left in {}", file.path.display()));
        if let Some(backup) = &changed.backup {
            let id = file.client.id();
            printer.talk(&format!(
                "as it was before, secrets included: {}; `bridge unregister {id} --restore` puts its servers back",
                backup.display()
            ));
        }
        printer.talk(&format!("next: {}", file.client.remedy()));
    }
    if files.is_empty() {
        printer.talk(
            "the clients still have them; `--leave-only-bridge` leaves the bridge alone there",
        );
    }
}

fn in_json(plan: &Plan, files: &[Left], is_dry: bool) -> Value {
    let servers = plan.items.iter().map(|Item { client, name, fate }| match fate {
        Fate::Taken { name: new, is_there, variables, notes } => json!({
            "client": client.id(), "name": name, "server": new, "new": !is_there,
            "variables": variables, "notes": notes,
        }),
        Fate::Left { reason } => json!({ "client": client.id(), "name": name, "left": reason }),
    });
    let files = files.iter().map(|Left { file, changed }| {
        json!({
            "client": file.client.id(),
            "file": file.path.display().to_string(),
            "backup": changed.backup.as_ref().map(|path| path.display().to_string()),
        })
    });
    json!({
        "servers": servers.collect::<Vec<_>>(),
        "files": files.collect::<Vec<_>>(),
        "missingVariables": plan.missing,
        "dryRun": is_dry,
    })
}

pub(in crate::cli) const EXAMPLES: &str = "\
Examples:
  bridge import                                 the servers of all clients that are installed, after a question
  bridge import cursor --dry-run
  bridge import claude-desktop --only github files
  bridge import --all --leave-only-bridge --yes
  bridge import claude-code --project           those of .mcp.json in this folder

Keys and passwords become variables in .env, readable for nobody else; the config gets ${NAME}. They are not shown.
`bridge unregister CLIENT --restore` undoes `--leave-only-bridge`.";
