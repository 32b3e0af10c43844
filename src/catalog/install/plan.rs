//! What installing a recipe comes to.

use std::path::Path;

use serde_json::{Map, Value};

use super::entry::{SYSTEM, entry, rename, started};
use super::pin::{self, package};
use super::step::{self, Step, Work};
use crate::base::environment::Environment;
use crate::base::paths::Paths;
use crate::catalog::{Entry, Origin};
use crate::config::interpolate::{self, CONFIG_DIR};
use crate::config::{ServerName, is_telling};
use crate::recipe::{Concern, ConfigFile, Install, Method, Reason, Recipe, Stdio, Transport};

/// Ends of names of variables whose values anybody may see.
const OPEN: [&str; 16] = [
    "ACCOUNT",
    "DIR",
    "DIRECTORY",
    "DOMAIN",
    "EMAIL",
    "FOLDER",
    "HOST",
    "LOCALE",
    "ORG",
    "PATH",
    "PORT",
    "PROJECT",
    "REGION",
    "USER",
    "USERNAME",
    "WORKSPACE",
];

/// Ends of names of variables that hold paths.
const PATHS: [&str; 4] = ["DIR", "DIRECTORY", "FOLDER", "PATH"];

/// What a user wishes beside the recipe.
#[derive(Debug, Clone, Default)]
pub struct Wish {
    /// The name of the server, where it is not that of the recipe. Its variables then have names of their own.
    pub alias: Option<ServerName>,
    /// The version of the package.
    pub version: Option<String>,
    /// The transport, as the recipe names it.
    pub transport: Option<String>,
}

/// What installing a recipe comes to, before anything is done.
#[derive(Debug, Clone)]
pub struct Plan {
    /// The server's name in the config.
    pub name: ServerName,
    /// The recipe and where it is from.
    pub source: Entry,
    /// The entry as it will stand in the config.
    pub entry: Map<String, Value>,
    /// The version that will run; none where the recipe leaves it open.
    pub version: Option<String>,
    /// The variables that the entry names, each once.
    pub variables: Vec<Variable>,
    /// Files for the server's own folder.
    pub files: Vec<ConfigFile>,
    /// Commands that have to be run, and that nobody runs unasked.
    pub steps: Vec<Step>,
    /// What else it would do that has to be agreed to.
    pub concerns: Vec<Concern>,
    /// What the user has to do beforehand, since the bridge cannot, in whole sentences.
    pub by_hand: Vec<String>,
}

/// A variable that an entry names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Variable {
    /// Its name.
    pub name: String,
    /// Whether the server is left out without it.
    pub is_needed: bool,
    /// Whether its value is kept out of sight.
    pub is_secret: bool,
}

/// Why a recipe cannot be installed as wished.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// It has no such transport.
    #[error("`{recipe}` cannot be reached by `{wanted}`")]
    NoTransport {
        /// The recipe.
        recipe: String,
        /// What was wished.
        wanted: String,
        /// What it has.
        available: Vec<&'static str>,
    },
    /// Nothing in it takes a version.
    #[error("`{recipe}` comes in no version that could be chosen: {reason}")]
    NoVersion {
        /// The recipe.
        recipe: String,
        /// Why not.
        reason: &'static str,
    },
    /// It is none.
    #[error(
        "`{version}` is no version: letters, digits and `._-+` are permitted, and for an image `sha256:` with 64 \
         hexadecimal digits; addresses, files and other packages are not"
    )]
    BadVersion {
        /// What was wished.
        version: String,
    },
}

impl Plan {
    /// Works out what has to be done. Looks for programs on the search path, and touches nothing.
    pub fn new(
        source: &Entry,
        wish: &Wish,
        paths: &Paths,
        environment: &Environment,
    ) -> Result<Self, Error> {
        let recipe = &source.recipe;
        let name = wish.alias.clone().unwrap_or_else(|| {
            ServerName::parse(&recipe.id)
                .expect("ids of recipes are narrower than names of servers")
        });
        let chosen = choose(recipe, wish)?;
        let transport_at = recipe.transports.iter().position(|other| std::ptr::eq(other, chosen));
        let transport_at = transport_at.expect("it was chosen among them");
        let mut transport = chosen.clone();
        let (mut version, mut running) = (None, recipe.clone());
        let (mut steps, mut by_hand) = (Vec::new(), Vec::new());
        let folder = paths.sources(name.as_str());
        let no_version = |reason| Error::NoVersion { recipe: recipe.id.clone(), reason };
        match (&mut transport, &recipe.install) {
            (Transport::Stdio(stdio), Some(install)) => {
                *stdio = started(recipe, stdio);
                let wished = wished(install, stdio, wish)?;
                version = pinned(install, stdio, wished).map_err(no_version)?;
                put_pinned(&mut running, transport_at, stdio, wish);
                let work = Work {
                    install,
                    command: &stdio.command,
                    version: version.as_deref(),
                    is_wished: wish.version.is_some(),
                    folder: &folder,
                };
                (steps, by_hand) = work.steps(environment);
            }
            _ if wish.version.is_some() => {
                return Err(no_version("it runs elsewhere and is reached by its URL"));
            }
            _ => {}
        }
        let entry = entry_of(recipe, &transport, wish, &folder);
        let variables = variables(&entry);
        let Value::Object(entry) = entry else { unreachable!("it was made as an object") };
        let files = recipe.install.as_ref().map(|install| install.config_files.clone());
        Ok(Self {
            name,
            source: source.clone(),
            entry,
            version,
            variables,
            files: files.unwrap_or_default(),
            concerns: unsigned(&source.origin).chain(concerns(&running, transport_at)).collect(),
            steps,
            by_hand,
        })
    }

    /// Whether somebody has to see what it would do and agree.
    pub fn needs_consent(&self) -> bool {
        !self.steps.is_empty() || !self.concerns.is_empty()
    }

    /// How the package is got, where the server runs here.
    pub fn method(&self) -> Option<Method> {
        let runs_here = self.entry.contains_key("command");
        self.source.recipe.install.as_ref().filter(|_| runs_here).map(|install| install.method)
    }

    /// What the registry calls the thing that is fetched, where the server runs here.
    pub fn package(&self) -> Option<&str> {
        self.method()?;
        package(self.source.recipe.install.as_ref()?)
    }

    /// What is run, as one would type it, or the URL that is reached; with the names of variables, not their values.
    pub fn runs(&self) -> String {
        if let Some(url) = self.entry.get("url").and_then(Value::as_str) {
            return url.to_owned();
        }
        let command = self.entry.get("command").and_then(Value::as_str).unwrap_or_default();
        let args = self.entry.get("args").and_then(Value::as_array).into_iter().flatten();
        let words = std::iter::once(command).chain(args.filter_map(Value::as_str));
        words.map(step::quoted).collect::<Vec<_>>().join(" ")
    }
}

/// The entry as it will stand in the config; where the server has another name, so have its variables.
fn entry_of(recipe: &Recipe, transport: &Transport, wish: &Wish, sources: &Path) -> Value {
    let mut entry = entry(recipe, transport);
    let is_built = recipe.install.as_ref().is_some_and(|by| by.method == Method::Git);
    if is_built && matches!(transport, Transport::Stdio(_)) {
        entry.insert("cwd".to_owned(), sources.display().to_string().into());
    }
    let mut entry = Value::Object(entry);
    if let Some(alias) = wish.alias.as_ref().filter(|alias| alias.as_str() != recipe.id) {
        let suffix = alias.as_str().to_ascii_uppercase().replace('-', "_");
        rename(&mut entry, &|name| {
            let own = recipe.auth.env_vars.iter().any(|own| own == name);
            own.then(|| format!("{name}_{suffix}"))
        });
    }
    entry
}

/// Puts what will run, with its version, into the recipe, where it stands there for this system.
fn put_pinned(recipe: &mut Recipe, transport: usize, pinned: &Stdio, wish: &Wish) {
    let own = recipe.install.as_mut().and_then(|install| {
        install.version = wish.version.clone().or(install.version.take());
        install.platforms.get_mut(SYSTEM)?.args.as_mut()
    });
    match (own, &mut recipe.transports[transport]) {
        (Some(args), _) => args.clone_from(&pinned.args),
        (None, Transport::Stdio(stdio)) => stdio.args.clone_from(&pinned.args),
        (None, _) => {}
    }
}

/// What of a recipe has to be agreed to if it is installed here and by this transport. Shell commands are steps, and told
/// as such.
fn concerns(recipe: &Recipe, transport: usize) -> impl Iterator<Item = Concern> {
    let transport = format!("/transports/{transport}");
    let is_of = |pointer: &str, place: &str| {
        pointer.strip_prefix(place).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    };
    let own_platform = format!("/install/platforms/{SYSTEM}");
    let counts = move |concern: &Concern| {
        let at = concern.pointer.as_str();
        let other_transport = is_of(at, "/transports") && !is_of(at, &transport);
        let other_system = is_of(at, "/install/platforms") && !is_of(at, &own_platform);
        concern.why != Reason::ShellStep && !other_transport && !other_system
    };
    recipe.concerns().into_iter().filter(counts)
}

/// For a recipe that is not signed, nobody vouches but whoever sends it.
fn unsigned(origin: &Origin) -> impl Iterator<Item = Concern> {
    let catalog = match origin {
        Origin::Remote { catalog, signed_by: None } => Some(catalog.clone()),
        _ => None,
    };
    let why = Reason::Unsigned;
    let concern = |what| Concern { severity: why.severity(), pointer: String::new(), what, why };
    catalog.map(concern).into_iter()
}

fn choose<'a>(recipe: &'a Recipe, wish: &Wish) -> Result<&'a Transport, Error> {
    let Some(wanted) = &wish.transport else { return Ok(recipe.preferred()) };
    recipe.transports.iter().find(|transport| transport.name() == wanted).ok_or_else(|| {
        Error::NoTransport {
            recipe: recipe.id.clone(),
            wanted: wanted.clone(),
            available: recipe.transports.iter().map(Transport::name).collect(),
        }
    })
}

/// The version that is wished, where it is another than would run anyway. That one is the recipe's own business, and the
/// lock has it as it is there.
fn wished<'a>(
    install: &Install,
    stdio: &Stdio,
    wish: &'a Wish,
) -> Result<Option<&'a String>, Error> {
    let Some(version) = &wish.version else { return Ok(None) };
    if pinned(install, &mut stdio.clone(), None).is_ok_and(|usual| usual.as_ref() == Some(version))
    {
        return Ok(None);
    }
    if pin::is_version(version, Some(install.method)) {
        return Ok(Some(version));
    }
    Err(Error::BadVersion { version: version.clone() })
}

/// Puts the version into the arguments of a program that fetches the package itself; returns the version that will run.
fn pinned(
    install: &Install,
    stdio: &mut Stdio,
    wished: Option<&String>,
) -> Result<Option<String>, &'static str> {
    let written = pin::version(install, &stdio.args).map(str::to_owned);
    match (install.method, wished) {
        (Method::Npx | Method::Uvx | Method::Docker, Some(wished)) => {
            if !pin::pin(install, &mut stdio.args, wished) {
                return Err("its arguments do not name its package");
            }
            Ok(Some(wished.clone()))
        }
        (Method::Npx | Method::Uvx | Method::Docker, None) => {
            let usual = install.version.as_ref().filter(|_| written.is_none());
            let usual = usual.filter(|version| pin::pin(install, &mut stdio.args, version));
            Ok(usual.cloned().or(written))
        }
        (Method::Binary, Some(_)) => Err("it is downloaded by hand"),
        (_, wished) => Ok(wished.cloned().or_else(|| install.version.clone()).or(written)),
    }
}

fn variables(entry: &Value) -> Vec<Variable> {
    let mut variables: Vec<Variable> = Vec::new();
    for name in interpolate::names(entry) {
        if name != CONFIG_DIR && !variables.iter().any(|known| known.name == name) {
            variables.push(Variable {
                name: name.to_owned(),
                is_needed: is_needed(entry, name),
                is_secret: is_secret(name),
            });
        }
    }
    variables
}

/// Whether the variable stands somewhere without a default.
fn is_needed(value: &Value, name: &str) -> bool {
    match value {
        Value::String(text) => interpolate::needed(text).contains(&name),
        Value::Array(items) => items.iter().any(|item| is_needed(item, name)),
        Value::Object(members) => members.values().any(|member| is_needed(member, name)),
        _ => false,
    }
}

/// Whether a variable of this name is kept out of sight. What may hold a key is not shown while it is typed, and what is not
/// known to be harmless may.
pub fn is_secret(name: &str) -> bool {
    is_telling(name) || !OPEN.contains(&last_word(name))
}

/// Whether a variable of this name holds the path of a file or folder.
pub fn names_path(name: &str) -> bool {
    PATHS.contains(&last_word(name))
}

fn last_word(name: &str) -> &str {
    name.rsplit('_').find(|word| !word.is_empty()).unwrap_or_default()
}
