//! One recipe and where it is from.

use std::path::PathBuf;

use sha2::{Digest, Sha256};

use crate::base::text::hex;
use crate::config::Finding;
use crate::recipe::{AuthKind, Checked, Recipe};

/// A recipe without errors, by whatever name it was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// The recipe.
    pub recipe: Recipe,
    /// Where it is from.
    pub origin: Origin,
    /// SHA-256 of its text in small hexadecimal digits: of the file as it is, or of the canonical JSON (RFC 8785) of a
    /// recipe from a remote catalog, without its signature.
    pub sha256: String,
    /// Warnings about it.
    pub findings: Vec<Finding>,
}

/// Where a recipe is from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Origin {
    /// The program brought it along.
    BuiltIn,
    /// The user keeps it in the home folder.
    Home {
        /// Its file.
        file: PathBuf,
        /// There is a built-in recipe of this id too, which does not count.
        hides_built_in: bool,
    },
    /// The user named it by its path.
    File {
        /// Its file.
        file: PathBuf,
    },
    /// A catalog that the config names.
    Remote {
        /// The catalog's URL, without what may be secret in it.
        catalog: String,
        /// The key whose signature was verified, as the first 16 hexadecimal digits of its SHA-256; none where the
        /// recipe is not signed.
        signed_by: Option<String>,
    },
}

impl Entry {
    /// The recipe in `text`, or the findings if it has errors.
    pub(super) fn new(checked: Checked, text: &[u8], origin: Origin) -> Result<Self, Vec<Finding>> {
        let Checked { recipe, findings, .. } = checked;
        let Some(recipe) = recipe else { return Err(findings) };
        Ok(Self { recipe, origin, sha256: hex(&Sha256::digest(text)), findings })
    }

    /// What the server is about; `other` where the recipe does not say.
    pub fn category(&self) -> &str {
        self.recipe.metadata.category.as_deref().unwrap_or("other")
    }

    /// What somebody has to have before the server is of use.
    pub fn needs(&self) -> Needs {
        let auth = &self.recipe.auth;
        match (auth.kind, auth.required) {
            (Some(AuthKind::OAuth2), _) if auth.env_vars.is_empty() => Needs::Login,
            (_, _) if auth.env_vars.is_empty() && !auth.required => Needs::Nothing,
            (_, false) => Needs::OptionalKey,
            (Some(AuthKind::OAuth2), true) => Needs::Login,
            (_, true) if auth.env_vars.is_empty() => Needs::Setup,
            (_, true) => Needs::Key,
        }
    }
}

/// What somebody has to have before a server is of use.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Needs {
    /// Nothing.
    Nothing,
    /// Values of variables: a key, a token, a name and a password.
    Key,
    /// The same, and without them it is of less use.
    OptionalKey,
    /// A login in a browser.
    Login,
    /// What its instructions say.
    Setup,
}

impl Needs {
    /// In a word or two.
    pub fn name(self) -> &'static str {
        match self {
            Self::Nothing => "nothing",
            Self::Key => "key",
            Self::OptionalKey => "optional key",
            Self::Login => "login",
            Self::Setup => "setup",
        }
    }
}

impl Origin {
    /// In a word.
    pub fn name(&self) -> &'static str {
        match self {
            Self::BuiltIn => "built-in",
            Self::Home { .. } => "home",
            Self::File { .. } => "file",
            Self::Remote { .. } => "remote",
        }
    }
}
