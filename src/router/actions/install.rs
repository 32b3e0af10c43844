//! `install`: a server put into the config by its recipe, where the owner of the bridge allows agents to. No value of a
//! variable comes in or goes out, nothing is run, and what has to be agreed to is left to the owner.

use std::sync::Arc;

use crate::catalog::install::{self, Candidate, Plan, Unwritten, Wish};
use crate::catalog::{self, Sources};
use crate::config::ServerName;
use crate::config::edit::{self, Target};
use crate::recipe;
use crate::router::answer::{self, Installed};
use crate::router::routing::Router;
use crate::router::{Admin, Error};

/// What is to be installed.
pub(in crate::router) struct Wanted<'a> {
    /// The name of a recipe, with a version behind `@` as on the command line.
    pub(in crate::router) name: &'a str,
    /// Another name for the server.
    pub(in crate::router) alias: Option<&'a str>,
}

/// Writes the entry, and says which variables its owner has to set.
pub(in crate::router) async fn run(router: &Router, wanted: Wanted<'_>) -> Result<Box<str>, Error> {
    let Some(admin) = router.admin.clone() else {
        return Err(Error::NotAllowed { action: "install" });
    };
    let plan = plan(&admin, router.sources("install")?, &wanted).await?;
    if plan.needs_consent() || !plan.by_hand.is_empty() {
        return Err(Error::Consent { recipe: plan.source.recipe.id.clone() });
    }
    match tokio::task::spawn_blocking(move || write(&admin, plan)).await {
        Ok(written) => written,
        // Such tasks are never cancelled.
        Err(panic) => std::panic::resume_unwind(panic.into_panic()),
    }
}

async fn plan(admin: &Admin, sources: &Sources, wanted: &Wanted<'_>) -> Result<Plan, Error> {
    let (name, version) = install::split(wanted.name);
    // A path would let an agent have run whatever it has written.
    if !recipe::is_id(name) {
        let hint = "a name such as `github`; recipes by their path are for the owner of the bridge";
        return Err(Error::invalid("`server` is no name of a recipe").with_hint(hint));
    }
    let alias = wanted.alias.map(ServerName::parse).transpose();
    let alias = alias.map_err(|error| Error::invalid(error.to_string()))?;
    let source = sources.find_by_id(name).await.map_err(|error| match error {
        catalog::Error::Unknown { ref nearest, .. } => {
            let near = nearest.first().map(|near| format!("did you mean `{near}`?"));
            Error::NotFound { what: error.to_string(), hint: near }
        }
        other => Error::invalid(other.to_string()),
    })?;
    let wish = Wish { alias, version: version.map(str::to_owned), transport: None };
    Plan::new(&source, &wish, &admin.paths, &admin.environment)
        .map_err(|error| Error::invalid(error.to_string()))
}

fn write(admin: &Arc<Admin>, plan: Plan) -> Result<Box<str>, Error> {
    let Admin { source, paths, environment } = &**admin;
    let target = Target { source, paths, process: environment };
    let configured = edit::configured(&target).map_err(|error| Error::Edit(error.into()))?;
    let candidate = Candidate::new(plan, &target, &configured).map_err(|taken| {
        let hint = "`params.as` gives the new one another name";
        Error::invalid(taken.to_string()).with_hint(hint)
    })?;
    let candidates = [candidate];
    let added = install::write(&target, &candidates, Vec::new()).map_err(|error| match error {
        Unwritten::Config(error) => Error::Edit(error),
        file @ Unwritten::File { .. } => Error::invalid(file.to_string()),
    })?;
    let [candidate] = &candidates;
    let plan = &candidate.plan;
    if let Err(error) = install::lock(source, &candidates, |_| None) {
        tracing::warn!("`{}` is installed and not locked: {error}", plan.name);
    }
    let missing: Vec<&str> = candidate.missing().map(|variable| variable.name.as_str()).collect();
    let note = if missing.is_empty() {
        "comes into force within seconds, in every bridge that runs by it"
    } else {
        "the owner of the bridge sets the missing variables, with `bridge set-env NAME`; until then the server is left out"
    };
    Ok(answer::result(&Installed {
        action: "install",
        server: plan.name.as_str(),
        runs: plan.runs(),
        file: added.config.file.display().to_string(),
        changed: added.config.changed,
        missing_variables: missing,
        credentials_url: plan.source.recipe.auth.credentials_url.as_deref(),
        note,
    }))
}
