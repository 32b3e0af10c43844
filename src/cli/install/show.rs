//! Plans as people and programs read them.

use serde_json::{Value, json};

use crate::catalog::Origin;
use crate::catalog::install::{Candidate, Step};
use crate::recipe::Bootstrap;

/// What will run and what is asked for.
pub(super) fn plans(chosen: &[Candidate], say: impl Fn(&str)) {
    for one in chosen {
        let plan = &one.plan;
        let recipe = &plan.source.recipe;
        say(&format!("{}: {} ({})", plan.name, recipe.description, origin(&plan.source.origin)));
        let verb = if plan.entry.contains_key("url") { "url " } else { "runs" };
        say(&format!("  {verb}   {}", plan.runs()));
        for (variable, is_set) in plan.variables.iter().zip(&one.is_set) {
            let name = &variable.name;
            say(&match (is_set, variable.is_needed) {
                (true, _) => format!("  has    {name}"),
                (false, true) => format!("  needs  {name}"),
                (false, false) => format!("  takes  {name}, which may be left out"),
            });
        }
        let auth = &recipe.auth;
        if one.missing().next().is_some() || auth.bootstrap() != Bootstrap::EnvOnly {
            for text in [&auth.credentials_url, &auth.instructions].into_iter().flatten() {
                say(&format!("         {text}"));
            }
        }
        for file in &plan.files {
            say(&format!("  writes ${{CONFIG_DIR}}/{}", file.name));
        }
        for concern in &plan.concerns {
            say(&format!("  to agree to: {concern}"));
        }
        for step in &plan.steps {
            say(&format!("  to agree to: it runs {}", step.line()));
        }
        for sentence in &plan.by_hand {
            say(&format!("  you: {sentence}"));
        }
    }
}

fn origin(origin: &Origin) -> String {
    match origin {
        Origin::BuiltIn => "built in".to_owned(),
        Origin::Home { file, hides_built_in: true } => {
            format!("{}, in place of the built-in recipe", file.display())
        }
        Origin::Home { file, .. } | Origin::File { file } => file.display().to_string(),
        Origin::Remote { catalog, signed_by: Some(key) } => {
            format!("{catalog}, signed by the key {key}")
        }
        Origin::Remote { catalog, signed_by: None } => format!("{catalog}, not signed"),
    }
}

/// One plan as JSON. Values of variables are not among it.
pub(super) fn plan(one: &Candidate) -> Value {
    let plan = &one.plan;
    let variables = plan.variables.iter().zip(&one.is_set).map(|(variable, is_set)| {
        json!({
            "name": variable.name,
            "needed": variable.is_needed,
            "secret": variable.is_secret,
            "set": is_set,
        })
    });
    let missing: Vec<&str> = one.missing().map(|variable| variable.name.as_str()).collect();
    json!({
        "name": plan.name,
        "recipe": plan.source.recipe.id,
        "source": origin(&plan.source.origin),
        "version": plan.version,
        "runs": plan.runs(),
        "entry": plan.entry,
        "variables": variables.collect::<Vec<_>>(),
        "missing": missing,
        "credentialsUrl": plan.source.recipe.auth.credentials_url,
        "instructions": plan.source.recipe.auth.instructions,
        "files": plan.files.iter().map(|file| &file.name).collect::<Vec<_>>(),
        "concerns": plan.concerns,
        "commands": plan.steps.iter().map(Step::line).collect::<Vec<_>>(),
        "byHand": plan.by_hand,
    })
}
