//! Whatever stands in a recipe, it is read without a panic, and one that is valid reads the same when it is written.
#![no_main]

use std::time::{Duration, SystemTime};

use libfuzzer_sys::fuzz_target;
use mcp_bridge::config::Severity;
use mcp_bridge::recipe;

fuzz_target!(|data: &[u8]| {
    // Some day in 2026: an age is a finding, and findings must not depend on when they were made.
    let now = SystemTime::UNIX_EPOCH + Duration::from_secs(1_795_000_000);
    let checked = recipe::check(data, now);
    let has_errors = checked.findings.iter().any(|finding| finding.severity == Severity::Error);
    assert_eq!(checked.recipe.is_none(), has_errors);
    for finding in &checked.findings {
        assert!(!finding.to_string().is_empty());
    }
    let Some(recipe) = checked.recipe else { return };
    assert!(recipe.transports.contains(recipe.preferred()));
    let written = recipe.to_json().to_string();
    let again = recipe::check(written.as_bytes(), now);
    assert_eq!(again.recipe.as_ref(), Some(&recipe), "{written}\n{:#?}", again.findings);
    assert_eq!(recipe.to_json(), again.recipe.expect("it was compared").to_json());
});
