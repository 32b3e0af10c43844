//! The built-in recipes as a whole, and names that lead to recipes.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use crate::base::environment::Environment;
use crate::base::paths::Paths;
use crate::catalog::files::FILES;
use crate::catalog::{Catalog, Error, Origin, Sources};

#[test]
fn every_file_is_built_in_under_its_name() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("catalog");
    let mut found = BTreeSet::new();
    for entry in fs::read_dir(&folder).expect("the folder") {
        let path = entry.expect("an entry").path();
        if path.extension().is_some_and(|extension| extension == "json") {
            let name = path.file_stem().expect("a name").to_string_lossy().into_owned();
            found.insert((name, fs::read_to_string(&path).expect("text")));
        }
    }
    let built_in: BTreeSet<_> =
        FILES.iter().map(|(id, text)| ((*id).to_owned(), (*text).to_owned())).collect();
    let names = |set: &BTreeSet<(String, String)>| {
        set.iter().map(|(name, _)| name.clone()).collect::<Vec<_>>()
    };
    assert_eq!(names(&built_in), names(&found), "src/catalog/files.rs names every file");
    assert!(built_in == found, "a build has the present text of every file");
    assert!(FILES.is_sorted_by_key(|(id, _)| id));
}

#[test]
fn every_built_in_recipe_can_be_used() {
    let catalog = Catalog::built_in();
    assert_eq!(catalog.entries().count(), FILES.len());
    for (id, entry) in catalog.ids().zip(catalog.entries()) {
        assert_eq!(entry.recipe.id, id);
        assert_eq!(entry.origin, Origin::BuiltIn);
        assert_eq!(catalog.get(id), Some(entry));
        assert!(catalog.has(id));
        assert_eq!(entry.sha256.len(), 64);
    }
    assert!(catalog.get("no-such-recipe").is_none() && !catalog.has(""));
}

/// A home folder with these recipes in it: folders and the ids that stand in their files.
fn home(recipes: &[(&str, &str)]) -> (tempfile::TempDir, Sources) {
    let folder = tempfile::tempdir().expect("a folder");
    for (name, id) in recipes {
        let recipe = folder.path().join("recipes").join(name);
        fs::create_dir_all(&recipe).expect("made");
        fs::write(recipe.join("recipe.json"), text(id)).expect("written");
    }
    let path = folder.path().to_str().expect("text");
    let paths = Paths::new(&Environment::from_pairs([("BRIDGE_HOME", path)])).expect("a home");
    let sources = Sources::new(&paths, &[]);
    (folder, sources)
}

fn text(id: &str) -> String {
    let recipe = serde_json::json!({
        "schemaVersion": 2, "id": id, "name": "Mine", "description": "Does what I like",
        "repository": "https://example.com",
        "transports": [{ "type": "streamable-http", "url": "https://example.com/mcp" }],
    });
    recipe.to_string()
}

#[tokio::test]
async fn names_lead_to_the_nearest_source_first() {
    let (folder, sources) = home(&[("github", "github"), ("mine", "mine"), ("other", "github")]);
    let recipes = folder.path().join("recipes");
    let found = sources.find("github").await.expect("found");
    let file = recipes.join("github").join("recipe.json");
    assert_eq!(found.origin, Origin::Home { file: file.clone(), hides_built_in: true });
    let found = sources.find("mine").await.expect("found");
    assert!(matches!(found.origin, Origin::Home { hides_built_in: false, .. }));
    let found = sources.find("tavily").await.expect("found");
    assert_eq!(Some(&found), Catalog::built_in().get("tavily"));
    for path in [&file, file.parent().expect("a folder")] {
        let found = sources.find(path.to_str().expect("text")).await.expect("found");
        assert_eq!(found.origin, Origin::File { file: file.clone() });
    }
    let error = sources.find("other").await.expect_err("it has another id");
    assert!(matches!(&error, Error::Misplaced { id, .. } if id == "github"), "{error}");
}

#[tokio::test]
async fn what_is_not_there_is_told_from_what_is_wrong() {
    let (folder, sources) = home(&[("mine", "mine")]);
    fs::write(folder.path().join("recipes/mine/recipe.json"), "{}").expect("written");
    let error = sources.find("mine").await.expect_err("it is empty");
    assert!(matches!(&error, Error::Faulty { findings, .. } if !findings.is_empty()), "{error}");
    assert!(!error.is_not_found());
    let error = sources.find("githbu").await.expect_err("misspelt");
    assert!(error.is_not_found());
    let Error::Unknown { nearest, .. } = error else { panic!("{error}") };
    assert_eq!(nearest.first().map(String::as_str), Some("github"));
    for name in ["./nothing", "nothing.json", "..", ".", "", "a/../b"] {
        let error = sources.find(name).await.expect_err("nothing is there");
        assert!(error.is_not_found(), "{name}: {error}");
    }
}
