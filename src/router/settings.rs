//! What the router is told by the config; nothing of it changes while it runs. Another config brings another router.

use std::sync::Arc;

use indexmap::IndexMap;

use crate::access::Usage;
use crate::base::environment::Environment;
use crate::base::paths::Paths;
use crate::cache::{Kept, Results};
use crate::catalog::Sources;
use crate::config::{
    AdaptivePromotion, CallFormat, Exposure, Retry, SchemaCompression, ServerName, Source, Trust,
};
use crate::guard::Guard;
use crate::search::Finder;
use crate::select::Selector;
use crate::tools::{NameFile, Registries};
use crate::upstream::Pool;

/// What the router works with.
#[derive(Debug)]
pub struct Parts {
    /// The servers.
    pub pool: Pool,
    /// Their tools.
    pub registries: Registries,
    /// Their calls, counted.
    pub usage: Usage,
    /// Results that may be given again.
    pub results: Arc<Results>,
    /// The names that tools and prompts have.
    pub names: NameFile,
    /// Results that were too long to be given at once.
    pub kept: Kept,
    /// Finds tools by what they are for.
    pub finder: Arc<Finder>,
    /// Runs jq filters.
    pub selector: Arc<Selector>,
    /// Servers that could be installed, where they may be looked for.
    pub catalog: Option<Arc<Sources>>,
    /// What agents may change, if they may.
    pub admin: Option<Arc<Admin>>,
}

/// What another config brings anew.
#[derive(Debug)]
pub struct Renewed {
    /// The servers, those among them that stay as they are.
    pub pool: Pool,
    /// Their tools.
    pub registries: Registries,
    /// Their calls, counted.
    pub usage: Usage,
    /// Results that may be given again.
    pub results: Arc<Results>,
    /// Finds tools by what they are for.
    pub finder: Arc<Finder>,
    /// Servers that could be installed, where they may be looked for.
    pub catalog: Option<Arc<Sources>>,
    /// What agents may change, if they may.
    pub admin: Option<Arc<Admin>>,
}

/// The files that may be changed.
#[derive(Debug)]
pub struct Admin {
    /// The config.
    pub source: Source,
    /// Where its `.env` is.
    pub paths: Paths,
    /// Variables that may stand for those in it.
    pub environment: Arc<Environment>,
}

/// How requests are answered.
#[derive(Debug)]
pub struct Settings {
    /// What clients see.
    pub exposure: Exposure,
    /// How results of `call` travel.
    pub call_format: CallFormat,
    /// How long descriptions in lists may be.
    pub schema_compression: SchemaCompression,
    /// Calls in one batch at most.
    pub max_batch_size: usize,
    /// When tools become tools of their own.
    pub adaptive_promotion: AdaptivePromotion,
    /// What a tool must reach to be the one that an intent means, 0 to 1.
    pub min_score: f64,
    /// Whether answers tell how they came about.
    pub debug: bool,
    /// Whether arguments are checked before they travel.
    pub validate_arguments: bool,
    /// What counts for single servers.
    pub servers: IndexMap<ServerName, ServerSettings>,
    /// Servers that are configured and not served.
    pub left_out: Vec<LeftOut>,
}

/// What counts for one server.
#[derive(Debug)]
pub struct ServerSettings {
    /// What its owner says about it.
    pub description: Option<String>,
    /// Further tries.
    pub retry: Retry,
    /// Characters of a result at most.
    pub max_result_chars: Option<usize>,
    /// What is done to all that it says.
    pub guard: Guard,
}

impl ServerSettings {
    /// Whether its results reach the client as they are.
    pub(super) fn leaves_results_alone(&self) -> bool {
        self.max_result_chars.is_none() && self.guard.trust() == Trust::Trusted
    }
}

/// A server that is configured and not served.
#[derive(Debug, Clone)]
pub struct LeftOut {
    /// Its name in the config.
    pub name: String,
    /// How it would be reached, where its entry says so.
    pub transport: Option<&'static str>,
    /// Why it is not served.
    pub reason: String,
}
