//! What is no recipe, and what strangers may put into one.

use proptest::prelude::*;
use serde_json::{Value, json};

use super::fixtures::{FULL, check_text, least, today, told};
use crate::recipe::{self, MAX_BYTES};

#[test]
fn what_is_no_recipe_is_a_finding() {
    check_text("", &["error: the file is empty"]);
    check_text("[]", &["error: the file holds a list where an object `{…}` belongs"]);
    check_text(
        "{\n\"a\": 1,}",
        &[
            "error: line 2: this is no JSON: a comma before `}` or `]` has nothing to separate; remove it (column 8)",
        ],
    );
    check_text(
        b"{\n\"\xFF\"}",
        &[
            "error: line 2: this is no JSON: the file is not UTF-8; save it in that encoding (column 2)",
        ],
    );
    check_text(
        format!("{{\"a\": {}", "[".repeat(200)),
        &[
            "error: line 1: this is no JSON: objects and lists are nested more than 127 levels deep (column 133)",
        ],
    );
    check_text(
        vec![b' '; MAX_BYTES + 1],
        &["error: the file has 262145 bytes, of which a recipe may have 262144"],
    );
    let least = least().to_string();
    check_text(
        format!("{},\n\"id\": \"other\"}}", &least[..least.len() - 1]),
        &["error: `/id` (line 2): this key stands twice in its object; keep one"],
    );
    check_text(
        least.replace("\"schemaVersion\":2", "\"schemaVersion\":3"),
        &[
            "error: `/schemaVersion` (line 1): `schemaVersion` must be a whole number from 1 to 2, not `3`",
        ],
    );
}

#[test]
fn endless_findings_have_an_end() {
    let mut recipe = least();
    recipe["auth"] = json!({"envVars": vec![1; 10_000]});
    let checked = recipe::check(recipe.to_string().as_bytes(), today());
    let told = told(&checked);
    assert_eq!(told.len(), 201);
    assert_eq!(told.last().map(String::as_str), Some("error: 9800 more findings are not shown"));
}

proptest! {
    /// Whatever stands in place of a value: no panic, and what passes reads the same again.
    #[test]
    fn one_value_of_many(at in 0_usize..200, with in 0_usize..9, key in "[a-z]{0,3}") {
        let values = [json!(null), json!(true), json!(1), json!(-1.5e300), json!(""), json!("${A"), json!([]), json!({}), json!({key: [1.5]})];
        let mut recipe: Value = serde_json::from_str(FULL).expect("JSON");
        replace(&mut recipe, &mut { at }, &values[with]);
        let checked = recipe::check(recipe.to_string().as_bytes(), today());
        if let Some(recipe) = checked.recipe {
            let again = recipe::check(recipe.to_json().to_string().as_bytes(), today());
            prop_assert_eq!(again.recipe, Some(recipe));
        }
    }
}

/// Puts `with` in the place of the value that is the `left`th, counted with all that hold others.
fn replace(value: &mut Value, left: &mut usize, with: &Value) {
    if *left == 0 {
        *value = with.clone();
    }
    let Some(rest) = left.checked_sub(1) else {
        *left = usize::MAX;
        return;
    };
    *left = rest;
    match value {
        Value::Array(items) => items.iter_mut().for_each(|item| replace(item, left, with)),
        Value::Object(members) => {
            members.values_mut().for_each(|member| replace(member, left, with));
        }
        _ => {}
    }
}
