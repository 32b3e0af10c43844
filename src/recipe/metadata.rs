//! What helps to find a recipe and to judge it.

use std::time::SystemTime;

use indexmap::IndexMap;
use serde::Serialize;
use serde_json::Value;

use super::{choice, date};
use crate::base::locate;
use crate::config::finding::Severity;
use crate::config::reader::Reader;

/// The categories that searches know. The list is open: a recipe of another category is warned about and works.
pub const CATEGORIES: [&str; 15] = [
    "productivity",
    "development",
    "communication",
    "data",
    "database",
    "crm",
    "finance",
    "infrastructure",
    "analytics",
    "content",
    "search",
    "automation",
    "security",
    "ai",
    "other",
];

pub(super) const ORIGINS: [&str; 3] = ["official", "community", "aiwerk"];
pub(super) const AUDIENCES: [&str; 4] = ["developer", "business", "consumer", "general"];
pub(super) const SIDE_EFFECTS: [&str; 3] = ["read-only", "read-write", "billing-impact"];
pub(super) const PRICINGS: [&str; 4] = ["free", "freemium", "paid", "byok"];
const DEPRECATED: &str = "deprecated";
pub(super) const MATURITIES: [&str; 4] = ["experimental", "beta", "stable", DEPRECATED];
pub(super) const OUTCOMES: [&str; 2] = ["pass", "skip"];

/// Servers change; what was tried longer ago may work no more.
const FRESH_DAYS: u64 = 90;

/// Keys that say nothing which the bridge uses or shows.
pub(super) const UNUSED: [&str; 9] = [
    "authSummary",
    "country",
    "firstPublished",
    "language",
    "languages",
    "maintainer",
    "resourceExamples",
    "selfHosted",
    "toolCount",
];

/// `metadata` of a recipe.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Metadata {
    /// Where people read about it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub homepage: Option<String>,
    /// Who wrote it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub author: Option<String>,
    /// The terms of its use.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub license: Option<String>,
    /// What it is about; see [`CATEGORIES`].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub category: Option<String>,
    /// More exactly.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub subcategory: Option<String>,
    /// Words to find it by.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub tags: Vec<String>,
    /// Where it is of use: country codes, or `global`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub countries: Vec<String>,
    /// What kind of server it is.
    #[serde(flatten)]
    pub profile: Profile,
    /// Some of its tools.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub tool_examples: Vec<ToolExample>,
    /// The day on which the recipe was last tried.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_verified: Option<String>,
    /// What trying it showed, step by step: `pass` or `skip`.
    #[serde(skip_serializing_if = "IndexMap::is_empty")]
    pub verification: IndexMap<String, String>,
}

/// What kind of server it is, in words of lists that may grow.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Profile {
    /// Who made it: `official`, `community` or `aiwerk`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub origin: Option<String>,
    /// Whom it is for: `developer`, `business`, `consumer` or `general`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub audience: Option<String>,
    /// What it may do: `read-only`, `read-write` or `billing-impact`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub side_effects: Option<String>,
    /// What it costs: `free`, `freemium`, `paid` or `byok` (bring your own key).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pricing: Option<String>,
    /// How far it has come: `experimental`, `beta`, `stable` or `deprecated`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub maturity: Option<String>,
}

/// One tool that helps to find its server.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ToolExample {
    /// Its name.
    pub name: String,
    /// What it does.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
}

impl Metadata {
    /// `now` is what ages are measured by.
    pub(super) fn read(section: Option<Reader<'_>>, now: SystemTime) -> Self {
        let Some(mut reader) = section else { return Self::default() };
        let metadata = Self {
            homepage: choice::web_address(&mut reader, "homepage"),
            author: reader.string("author"),
            license: reader.string("license"),
            category: choice::open(&mut reader, "category", &CATEGORIES),
            subcategory: reader.filled_string("subcategory"),
            tags: reader.strings("tags").unwrap_or_default(),
            countries: reader.strings("countries").unwrap_or_default(),
            profile: Profile::read(&mut reader),
            tool_examples: read_tool_examples(&mut reader),
            last_verified: read_last_verified(&mut reader, now),
            verification: read_verification(&mut reader),
        };
        reader.skip(&UNUSED);
        reader.finish();
        metadata
    }

    pub(super) fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// Whether people are advised to take another one.
    pub fn is_deprecated(&self) -> bool {
        self.profile.maturity.as_deref() == Some(DEPRECATED)
    }
}

impl Profile {
    fn read(reader: &mut Reader<'_>) -> Self {
        let profile = Self {
            origin: choice::open(reader, "origin", &ORIGINS),
            audience: choice::open(reader, "audience", &AUDIENCES),
            side_effects: choice::open(reader, "sideEffects", &SIDE_EFFECTS),
            pricing: choice::open(reader, "pricing", &PRICINGS),
            maturity: choice::open(reader, "maturity", &MATURITIES),
        };
        if profile.maturity.as_deref() == Some(DEPRECATED) {
            let message = "the recipe is `deprecated`; look for another one";
            reader.report().warning(&reader.at("maturity"), message);
        }
        profile
    }
}

fn read_tool_examples(reader: &mut Reader<'_>) -> Vec<ToolExample> {
    let read = |mut reader: Reader<'_>| {
        let name = reader.required_string("name");
        let description = reader.string("description");
        reader.finish();
        Some(ToolExample { name: name?, description })
    };
    let examples = choice::objects(reader, "toolExamples").unwrap_or_default();
    examples.into_iter().filter_map(read).collect()
}

/// A day that nobody can read is as good as none, so it costs nothing but a warning.
fn read_last_verified(reader: &mut Reader<'_>, now: SystemTime) -> Option<String> {
    const KEY: &str = "lastVerified";
    let text = reader.string(KEY)?;
    let (place, report) = (reader.at(KEY), reader.report());
    let Some(then) = date::moment(&text) else {
        report.warning(&place, "`lastVerified` is no day such as `2026-11-20`");
        return None;
    };
    let days = date::days_since(then, now);
    if days > FRESH_DAYS {
        let message = format!("`lastVerified` is {days} days ago");
        let hint = "try whether the recipe still works, and set it to that day";
        report.add(report.finding(Severity::Warning, &place, message).hint(hint));
    }
    Some(text)
}

/// An object with a member for each step (`tier1`, `tier2`), or one outcome for all.
fn read_verification(reader: &mut Reader<'_>) -> IndexMap<String, String> {
    const KEY: &str = "verification";
    let (place, report) = (reader.at(KEY), reader.report());
    let check = |pointer: &str, value: &Value| {
        if !value.as_str().is_some_and(|outcome| OUTCOMES.contains(&outcome)) {
            let message = "the outcome of a verification is `pass` or `skip`";
            report.warning(pointer, message);
        }
    };
    let mut outcomes = IndexMap::new();
    match reader.value(KEY) {
        None => {}
        Some(value @ Value::String(outcome)) => {
            check(&place, value);
            outcomes.insert("all".to_owned(), outcome.clone());
        }
        Some(Value::Object(members)) => {
            for (name, value) in members {
                if is_outcome(name) {
                    check(&locate::child(&place, name), value);
                }
                // The rest is dates and counts, of which the bridge makes nothing.
                if let Value::String(text) = value {
                    outcomes.insert(name.clone(), text.clone());
                }
            }
        }
        Some(_) => {
            let message = "`verification` is an object with an outcome for each step";
            report.warning(&place, message);
        }
    }
    outcomes
}

fn is_outcome(name: &str) -> bool {
    let tier = name.strip_prefix("tier").unwrap_or_default();
    name == "all" || (!tier.is_empty() && tier.bytes().all(|byte| byte.is_ascii_digit()))
}
