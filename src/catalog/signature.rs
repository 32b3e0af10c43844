//! Signatures of recipes: Ed25519 over the canonical JSON (RFC 8785) of the recipe without its `signature`.

use ring::signature::{ED25519, UnparsedPublicKey};
use sha2::{Digest, Sha256};

use crate::base::json::{member, string};
use crate::base::text::hex;
use crate::config::PublicKey;
use crate::config::catalogs::bytes_of;

/// The member that holds it.
pub(super) const MEMBER: &str = "signature";
const ALGORITHM: &str = "ed25519";
/// Characters by which a key is told from others.
const SHORT: usize = 16;

/// Whether `signature`, the JSON of that member, is one of the owner of this key over these bytes.
pub(super) fn is_valid(signature: &str, key: &PublicKey, signed: &str) -> bool {
    let text = |name: &str| string(member(signature, name)?);
    let is_known = text("algorithm").is_some_and(|name| name.eq_ignore_ascii_case(ALGORITHM));
    let value: Option<[u8; 64]> = text("value").and_then(|value| bytes_of(&value));
    let key = UnparsedPublicKey::new(&ED25519, key.bytes());
    is_known && value.is_some_and(|value| key.verify(signed.as_bytes(), &value).is_ok())
}

/// A name for a key: the beginning of its SHA-256.
pub(super) fn fingerprint(key: &PublicKey) -> String {
    let mut name = hex(&Sha256::digest(key.bytes()));
    name.truncate(SHORT);
    name
}
