//! Documents of remote catalogs: which of their recipes count.

use std::time::{Duration, SystemTime};

use serde_json::{Value, json};

use super::signed::{catalog, document, pair, recipe, sign};
use crate::catalog::Origin;
use crate::catalog::document::{Contents, Fault, Newest, read};
use crate::config::RemoteCatalog;

fn now() -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_secs(1_795_000_000)
}

fn contents(recipes: &[Value], catalog: &RemoteCatalog) -> Contents {
    let text = document(recipes);
    read(text.as_bytes(), catalog, &mut Newest::new(), now()).expect("a catalog")
}

/// The ids that are admitted, and what is said of the others.
fn check(recipes: &[Value], catalog: &RemoteCatalog, ids: &[&str], notes: &[&str]) {
    let contents = contents(recipes, catalog);
    let found: Vec<&str> = contents.entries.iter().map(|entry| entry.recipe.id.as_str()).collect();
    assert_eq!(found, ids);
    let told: Vec<String> = contents.notes.iter().map(ToString::to_string).collect();
    assert_eq!(told.len(), notes.len(), "{told:?}");
    for (told, expected) in told.iter().zip(notes) {
        assert!(told.contains(expected), "{told}");
    }
}

fn one() -> Value {
    recipe("one", "2026-11-20")
}

#[test]
fn what_is_signed_by_the_right_key_is_admitted() {
    let (ours, other) = (pair(1), pair(2));
    let strict = catalog(Some(&ours), true);
    check(&[sign(one(), &ours)], &strict, &["one"], &[]);
    check(&[sign(one(), &other)], &strict, &[], &["recipe `one`"]);
    check(&[sign(one(), &other)], &strict, &[], &["signature does not fit"]);
    check(&[one()], &strict, &[], &["not signed"]);
    let found = contents(&[sign(one(), &ours)], &strict);
    let Origin::Remote { signed_by: Some(key), catalog } = &found.entries[0].origin else {
        panic!("{:?}", found.entries[0].origin)
    };
    assert_eq!((key.len(), catalog.as_str()), (16, "catalog.example/c.json"));
}

#[test]
fn every_change_of_a_signed_recipe_is_noticed() {
    let ours = pair(1);
    let strict = catalog(Some(&ours), true);
    let signed = sign(one(), &ours);
    let changes: [(&str, Value); 5] = [
        ("/transports/0/url", json!("https://evil.example/mcp")),
        ("/id", json!("two")),
        ("/metadata/tags/0", json!("größer ")),
        ("/signature/value", json!("AAAA")),
        ("/signature/algorithm", json!("none")),
    ];
    for (pointer, value) in changes {
        let mut changed = signed.clone();
        *changed.pointer_mut(pointer).expect("it is there") = value;
        check(&[changed], &strict, &[], &["signature does not fit"]);
    }
    let mut added = signed.clone();
    added["auth"] = json!({ "required": false });
    check(&[added], &strict, &[], &["signature does not fit"]);
    for signature in [Value::Null, json!("x"), json!([]), json!({})] {
        let mut changed = signed.clone();
        changed["signature"] = signature;
        check(&[changed], &strict, &[], &["signature does not fit"]);
    }
}

#[test]
fn the_spelling_of_a_signed_recipe_is_free() {
    let ours = pair(1);
    let strict = catalog(Some(&ours), true);
    let signed = sign(one(), &ours);
    let Value::Object(members) = signed else { panic!("an object") };
    let turned: serde_json::Map<_, _> = members.into_iter().rev().collect();
    let text = serde_json::to_string_pretty(&json!({ "recipes": [turned], "catalogVersion": 1 }))
        .expect("JSON")
        .replace("größer", "gr\\u00f6\\u00dfer");
    let found = read(text.as_bytes(), &strict, &mut Newest::new(), now()).expect("a catalog");
    assert_eq!(found.entries.len(), 1, "{:?}", found.notes);
}

#[test]
fn without_a_requirement_the_unsigned_are_told_from_the_signed() {
    let ours = pair(1);
    let (lenient, keyless) = (catalog(Some(&ours), false), catalog(None, false));
    check(&[one()], &lenient, &["one"], &[]);
    check(&[sign(one(), &pair(2))], &lenient, &[], &["signature does not fit"]);
    check(&[sign(one(), &pair(2))], &keyless, &["one"], &[]);
    for (recipe, catalog) in [(one(), &lenient), (sign(one(), &ours), &keyless)] {
        let found = contents(&[recipe], catalog);
        assert!(matches!(found.entries[0].origin, Origin::Remote { signed_by: None, .. }));
    }
}

#[test]
fn one_bad_recipe_costs_itself_only() {
    let keyless = catalog(None, false);
    let mut faulty = recipe("faulty", "2026-11-20");
    faulty["transports"][0]["url"] = json!("file:///etc/passwd");
    let recipes = [one(), faulty, json!(7), json!({}), one(), recipe("three", "2026-11-20")];
    let notes = ["recipe `faulty`", "recipe `2`", "recipe `3`", "recipe `one`"];
    check(&recipes, &keyless, &["one", "three"], &notes);
}

#[test]
fn what_is_beyond_the_bounds_is_told_of() {
    let notes = contents(&vec![json!({}); 5000], &catalog(None, false)).notes;
    assert_eq!(notes.len(), 21);
    let last = notes.last().expect("there are some").to_string();
    assert!(last.contains("3000 recipes more than the 2000"), "{last}");
}

#[test]
fn a_signed_recipe_comes_before_any_that_is_not() {
    let ours = pair(1);
    let lenient = catalog(Some(&ours), false);
    let signed = sign(one(), &ours);
    let hidden = ["there is another of this id"];
    for recipes in [[one(), signed.clone()], [signed, one()]] {
        check(&recipes, &lenient, &["one"], &hidden);
        let origin = &contents(&recipes, &lenient).entries[0].origin;
        assert!(matches!(origin, Origin::Remote { signed_by: Some(_), .. }), "{origin:?}");
    }
}

#[test]
fn of_signed_recipes_of_one_id_the_newest_counts() {
    let ours = pair(1);
    let lenient = catalog(Some(&ours), false);
    let signed = |day: &str| sign(recipe("one", day), &ours);
    let check = |recipes: &[Value], expected: &str| {
        let mut newest = Newest::new();
        let text = document(recipes);
        let found = read(text.as_bytes(), &lenient, &mut newest, now()).expect("a catalog");
        assert_eq!(found.entries.len(), 1);
        let day = found.entries[0].recipe.metadata.last_verified.as_deref();
        assert_eq!(day, Some(expected), "{:?}", found.notes);
        assert_eq!(newest.get("one").map(String::as_str), expected.get(..10));
        assert!(found.notes.iter().all(|note| note.to_string().contains("which comes first")));
        assert_eq!(found.notes.len(), recipes.len() - 1);
    };
    let (old, new) = (signed("2026-10-30"), signed("2026-11-02"));
    check(&[old.clone(), new.clone()], "2026-11-02");
    check(&[new.clone(), old.clone()], "2026-11-02");
    check(&[old.clone(), new, old.clone()], "2026-11-02");
    check(&[signed("2026-11-02T10:00:00Z"), signed("2026-11-02")], "2026-11-02T10:00:00Z");
    // A day that nobody signed makes nothing newer.
    check(&[recipe("one", "2026-11-20"), old], "2026-10-30");
}

#[test]
fn what_is_no_day_is_refused_where_it_is_signed() {
    let ours = pair(1);
    let strict = catalog(Some(&ours), true);
    let words = ["`metadata.lastVerified` is no day"];
    for day in [json!("zzzz-99-99"), json!("2026-13-01"), json!("yesterday")] {
        let mut recipe = one();
        recipe["metadata"]["lastVerified"] = day;
        check(&[sign(recipe.clone(), &ours)], &strict, &[], &words);
        check(&[recipe], &catalog(None, false), &["one"], &[]);
    }
    // An earlier bridge may have noted one.
    let mut newest = Newest::from([("one".to_owned(), "zzzz".to_owned())]);
    let text = document(&[sign(one(), &ours)]);
    let found = read(text.as_bytes(), &strict, &mut newest, now()).expect("a catalog");
    assert_eq!(found.entries.len(), 1, "{:?}", found.notes);
}

#[test]
fn older_recipes_do_not_come_back() {
    let ours = pair(1);
    let strict = catalog(Some(&ours), true);
    let mut newest = Newest::new();
    let mut check = |day: &str, expected: usize| {
        let text = document(&[sign(recipe("one", day), &ours)]);
        let found = read(text.as_bytes(), &strict, &mut newest, now()).expect("a catalog");
        assert_eq!(found.entries.len(), expected, "{day}: {:?}", found.notes);
    };
    check("2026-11-01", 1);
    check("2026-11-01", 1);
    check("2026-10-31", 0);
    check("2026-11-02T10:00:00Z", 1);
    check("2026-11-01", 0);
    // What is not signed proves nothing, also not that others are old.
    let text = document(&[recipe("one", "2030-01-01")]);
    read(text.as_bytes(), &catalog(Some(&ours), false), &mut newest, now()).expect("a catalog");
    assert_eq!(newest.get("one").map(String::as_str), Some("2026-11-02"));
}

#[test]
fn what_is_no_catalog_is_told() {
    let keyless = catalog(None, false);
    let check = |text: &str, words: &str| {
        let fault = read(text.as_bytes(), &keyless, &mut Newest::new(), now()).expect_err(text);
        assert!(fault.to_string().contains(words), "{fault}");
    };
    check("", "no JSON");
    check("<html>", "no JSON");
    check("[]", "no object");
    check("{}", "`catalogVersion` is missing");
    check(r#"{"catalogVersion":1}"#, "`recipes` is no list");
    check(r#"{"catalogVersion":1,"recipes":{}}"#, "`recipes` is no list");
    check(r#"{"catalogVersion":1,"recipes":[],"recipes":[]}"#, "no JSON");
    check(r#"{"catalogVersion":2,"recipes":[]}"#, "version 2");
    let fault = read(b"\xff", &keyless, &mut Newest::new(), now()).expect_err("no text");
    assert!(matches!(fault, Fault::NotJson(_)));
}
