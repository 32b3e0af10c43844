//! The texts, and which of them belong together.

use std::fs;
use std::io;
use std::path::Path;

use serde::Deserialize;

/// One text with what is known of it.
#[derive(Debug, Deserialize)]
pub(crate) struct Row {
    pub(crate) text: String,
    pub(crate) category: String,
    pub(crate) surface: String,
    #[serde(default)]
    pub(crate) obfuscation: Option<String>,
    #[serde(default)]
    pub(crate) directive: Option<String>,
    #[serde(default)]
    pub(crate) payload: Option<String>,
    #[serde(default)]
    pub(crate) injected: Option<String>,
}

/// All of them.
pub(crate) struct Corpus {
    pub(crate) attacks: Vec<Row>,
    pub(crate) benign: Vec<Row>,
}

/// Groups of attacks that have a target of their own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Class {
    /// An invisible or control channel, whatever goes through it.
    Channel,
    /// Plain words that tell to disregard what came before.
    Override,
    /// Encoded, or spelt with other letters.
    Encoded,
    /// Another marker: roles, addresses, hidden places, misspellings, images that carry data away.
    Marker,
    /// Descriptions of tools.
    Description,
    /// Published prompts of attack without any of these.
    Prompt,
    /// The same in other languages.
    Language,
    /// Goals in plain words.
    Goal,
}

pub(crate) const CLASSES: [(Class, &str, Option<f64>); 8] = [
    (Class::Channel, "hidden channel", Some(0.98)),
    (Class::Override, "override phrase", Some(0.98)),
    (Class::Encoded, "encoded or in other letters", Some(0.95)),
    (Class::Marker, "any other marker", Some(0.80)),
    (Class::Description, "tool descriptions", Some(0.70)),
    (Class::Prompt, "attack prompts, mostly plain words", None),
    (Class::Language, "attack prompts in other languages", None),
    (Class::Goal, "goal in plain words", None),
];

/// Channels, by what the data calls them.
pub(crate) const CHANNELS: [&str; 5] =
    ["unicode_tags", "variation_selector", "zero_width", "bidi", "ansi"];

const ENCODED: [&str; 10] = [
    "base64_bare",
    "base64_directed",
    "hex",
    "percent",
    "rot13",
    "html_entities",
    "json_unicode_escape",
    "fullwidth",
    "math_alnum",
    "homoglyph",
];

impl Row {
    /// The channel that something is hidden in.
    pub(crate) fn channel(&self) -> Option<&str> {
        self.obfuscation.as_deref().filter(|obfuscation| CHANNELS.contains(obfuscation))
    }

    /// The group that an attack belongs to.
    pub(crate) fn class(&self) -> Class {
        let obfuscation = self.obfuscation.as_deref().unwrap_or("none");
        match self.category.as_str() {
            _ if CHANNELS.contains(&obfuscation) => Class::Channel,
            _ if self.surface == "tool_description" => Class::Description,
            _ if ENCODED.contains(&obfuscation) => Class::Encoded,
            "override" => Class::Override,
            "goal_only" => Class::Goal,
            category if category.starts_with("multilingual") => Class::Language,
            category if category.starts_with("cse_") => Class::Prompt,
            _ => Class::Marker,
        }
    }

    /// Whether the text is made to look like an attack.
    pub(crate) fn is_hard(&self) -> bool {
        self.category.starts_with("hard_negative")
    }
}

impl Corpus {
    pub(crate) fn load(folder: &Path) -> io::Result<Self> {
        Ok(Self {
            attacks: rows(&folder.join("attacks.jsonl"))?,
            benign: rows(&folder.join("benign.jsonl"))?,
        })
    }
}

fn rows(file: &Path) -> io::Result<Vec<Row>> {
    let text = fs::read_to_string(file)?;
    text.lines().map(|line| serde_json::from_str(line).map_err(io::Error::other)).collect()
}
