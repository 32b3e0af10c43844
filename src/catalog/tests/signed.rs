//! Recipes as the owner of a catalog signs them.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use ring::signature::{Ed25519KeyPair, KeyPair};
use serde_json::{Value, json};

use crate::base::json::canonical;
use crate::base::secret::Secret;
use crate::config::{PublicKey, RemoteCatalog};

/// The key pair of this number.
pub(super) fn pair(number: u8) -> Ed25519KeyPair {
    Ed25519KeyPair::from_seed_unchecked(&[number; 32]).expect("any seed makes a pair")
}

pub(super) fn public_key(pair: &Ed25519KeyPair) -> PublicKey {
    PublicKey::parse(&STANDARD.encode(pair.public_key())).expect("32 bytes")
}

/// A recipe that was last tried on this day.
pub(super) fn recipe(id: &str, day: &str) -> Value {
    json!({
        "schemaVersion": 2, "id": id, "name": id, "description": "Does what it is asked",
        "repository": "https://example.com",
        "transports": [{ "type": "streamable-http", "url": "https://example.com/mcp" }],
        "metadata": { "lastVerified": day, "tags": ["größer", "\u{fb33}"] },
    })
}

/// The recipe with the signature of this pair.
pub(super) fn sign(mut recipe: Value, pair: &Ed25519KeyPair) -> Value {
    let form = canonical(&recipe.to_string()).expect("it has a canonical form");
    let value = STANDARD.encode(pair.sign(form.as_bytes()));
    recipe["signature"] = json!({ "algorithm": "ed25519", "keyId": "test", "value": value });
    recipe
}

pub(super) fn document(recipes: &[Value]) -> String {
    json!({ "catalogVersion": 1, "name": "Test", "recipes": recipes }).to_string()
}

/// An entry of the config.
pub(super) fn catalog(key: Option<&Ed25519KeyPair>, require_signature: bool) -> RemoteCatalog {
    RemoteCatalog {
        url: Secret::from("https://catalog.example/c.json".to_owned()),
        name: "catalog.example/c.json".to_owned(),
        public_key: key.map(public_key),
        require_signature,
    }
}
