//! Plans as people and programs read them.

use serde_json::{Map, Value, json};

use crate::catalog::Origin;
use crate::catalog::install::{Candidate, Step};
use crate::config::{is_random, is_telling};
use crate::recipe::Bootstrap;

/// What will run and what is asked for.
pub(super) fn plans(chosen: &[Candidate], say: impl Fn(&str)) {
    for one in chosen {
        let plan = &one.plan;
        let recipe = &plan.source.recipe;
        say(&format!("{}: {} ({})", plan.name, recipe.description, origin(&plan.source.origin)));
        let verb = if plan.entry.contains_key("url") { "url " } else { "runs" };
        say(&format!("  {verb}   {}", plan.runs()));
        for (name, value) in given(&plan.entry) {
            say(&format!("  env    {name}={value}"));
        }
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

/// The variables that the entry gives to its server, as they will stand in the config, but for what may be a secret.
fn given(entry: &Map<String, Value>) -> impl Iterator<Item = (&String, &str)> {
    let env = entry.get("env").and_then(Value::as_object).into_iter().flatten();
    env.map(|(name, value)| {
        let value = value.as_str().unwrap_or_default();
        let literal = literal(value);
        let is_secret = !literal.is_empty() && (is_telling(name) || is_random(&literal));
        (name, if is_secret { "(not shown)" } else { value })
    })
}

/// A value without the names of the variables in it, but with what is taken in their place.
fn literal(value: &str) -> String {
    let (mut literal, mut rest) = (String::new(), value);
    while let Some((before, (inside, after))) =
        rest.split_once("${").and_then(|(before, from)| Some((before, from.split_once('}')?)))
    {
        literal.push_str(before);
        literal.push_str(inside.split_once(":-").map_or("", |(_, default)| default));
        rest = after;
    }
    literal + rest
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_may_be_a_secret_is_not_shown() {
        let check = |name: &str, value: &str, expected: &str| {
            let mut entry = Map::new();
            entry.insert("env".to_owned(), json!({ name: value }));
            let shown: Vec<_> =
                given(&entry).map(|(name, value)| format!("{name}={value}")).collect();
            assert_eq!(shown, [format!("{name}={expected}")]);
        };
        check("REGION", "eu", "eu");
        check("DATA", "${CONFIG_DIR}/data", "${CONFIG_DIR}/data");
        check("HUB_TOKEN", "${HUB_TOKEN}", "${HUB_TOKEN}");
        check("HUB_HOST", "${HUB_HOST:-eu.example.com}", "${HUB_HOST:-eu.example.com}");
        check("HUB_TOKEN", "public", "(not shown)");
        check("HUB_TOKEN", "${HUB_TOKEN:-public}", "(not shown)");
        check("SEED", "abcdefgh12345678", "(not shown)");
        check("HALF", "${OPEN", "${OPEN");
        assert_eq!(given(&Map::new()).count(), 0);
    }
}
