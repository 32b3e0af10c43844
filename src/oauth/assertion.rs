//! How the bridge proves who it is by a key: it signs what it says of itself, for one request at a time (RFC 7523, Sections
//! 2.2 and 3). The key says which algorithm it is for.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::rand::SystemRandom;
use ring::signature::{
    ECDSA_P256_SHA256_FIXED_SIGNING, ECDSA_P384_SHA384_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair,
    RSA_PKCS1_SHA256, RsaKeyPair,
};
use rustls::pki_types::PrivateKeyDer;
use rustls::pki_types::pem::PemObject;
use serde_json::json;

use crate::base::secret::Secret;

/// What kind of statement it is.
pub(super) const TYPE: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";
/// How long it is good, in seconds; it is sent at once.
const LIFETIME: u64 = 60;

/// Why nothing can be signed with a key. No variant holds a part of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum KeyError {
    /// It is no text of a key.
    #[error(
        "it is not the text of a private key, which begins with `-----BEGIN PRIVATE KEY-----`; on one line, it has `\\n` \
         between its lines"
    )]
    NotPem,
    /// It is of a kind or in a form that is not known here.
    #[error(
        "it is no key for P-256, P-384, Ed25519 or RSA (of 2048 to 4096 bits) in the form that `openssl pkcs8 -topk8 -nocrypt` writes"
    )]
    Unknown,
    /// The system could not.
    #[error("nothing can be signed with it")]
    NotSigned,
}

enum Key {
    Ecdsa(EcdsaKeyPair, &'static str),
    Ed25519(Ed25519KeyPair),
    Rsa(RsaKeyPair),
}

impl Key {
    fn read(text: &Secret) -> Result<Self, KeyError> {
        // A variable of `.env` is one line.
        let text = Secret::from(text.expose().replace("\\n", "\n"));
        let der = PrivateKeyDer::from_pem_slice(text.expose().as_bytes());
        let der = match der.map_err(|_| KeyError::NotPem)? {
            PrivateKeyDer::Pkcs8(der) => der,
            PrivateKeyDer::Pkcs1(der) => {
                let key = RsaKeyPair::from_der(der.secret_pkcs1_der());
                return key.map(Self::Rsa).map_err(|_| KeyError::Unknown);
            }
            _ => return Err(KeyError::Unknown),
        };
        let der = der.secret_pkcs8_der();
        let curves = [
            (&ECDSA_P256_SHA256_FIXED_SIGNING, "ES256"),
            (&ECDSA_P384_SHA384_FIXED_SIGNING, "ES384"),
        ];
        for (curve, name) in curves {
            if let Ok(key) = EcdsaKeyPair::from_pkcs8(curve, der, &SystemRandom::new()) {
                return Ok(Self::Ecdsa(key, name));
            }
        }
        // Most programs write no public key beside it.
        if let Ok(key) = Ed25519KeyPair::from_pkcs8_maybe_unchecked(der) {
            return Ok(Self::Ed25519(key));
        }
        RsaKeyPair::from_pkcs8(der).map(Self::Rsa).map_err(|_| KeyError::Unknown)
    }

    /// The name of its algorithm (RFC 7518, Section 3.1; RFC 8037, Section 3.1).
    fn algorithm(&self) -> &'static str {
        match self {
            Self::Ecdsa(_, name) => name,
            Self::Ed25519(_) => "EdDSA",
            Self::Rsa(_) => "RS256",
        }
    }

    fn sign(&self, text: &str) -> Result<Vec<u8>, KeyError> {
        let (random, text) = (SystemRandom::new(), text.as_bytes());
        match self {
            Self::Ecdsa(key, _) => {
                let signed = key.sign(&random, text).map_err(|_| KeyError::NotSigned)?;
                Ok(signed.as_ref().to_vec())
            }
            Self::Ed25519(key) => Ok(key.sign(text).as_ref().to_vec()),
            Self::Rsa(key) => {
                let mut signed = vec![0; key.public().modulus_len()];
                let done = key.sign(&RSA_PKCS1_SHA256, &random, text, &mut signed);
                done.map_err(|_| KeyError::NotSigned).map(|()| signed)
            }
        }
    }
}

/// That the client of this id speaks, towards this authorization server and a minute from `now` on, in seconds since 1970.
pub(super) fn sign(
    key: &Secret,
    client: &str,
    audience: &str,
    now: u64,
) -> Result<Secret, KeyError> {
    let key = Key::read(key)?;
    let mut random = [0; 16];
    getrandom::fill(&mut random).map_err(|_| KeyError::NotSigned)?;
    let head = json!({ "alg": key.algorithm(), "typ": "JWT" });
    let claims = json!({
        "iss": client,
        "sub": client,
        "aud": audience,
        "iat": now,
        "exp": now + LIFETIME,
        "jti": URL_SAFE_NO_PAD.encode(random),
    });
    let [head, claims] = [head, claims].map(|part| URL_SAFE_NO_PAD.encode(part.to_string()));
    let text = format!("{head}.{claims}");
    let signed = URL_SAFE_NO_PAD.encode(key.sign(&text)?);
    Ok(format!("{text}.{signed}").into())
}

#[cfg(test)]
mod tests {
    use base64::engine::general_purpose::STANDARD;
    use ring::signature::{
        ECDSA_P256_SHA256_FIXED, ECDSA_P384_SHA384_FIXED, ED25519, KeyPair,
        RSA_PKCS1_2048_8192_SHA256, UnparsedPublicKey, VerificationAlgorithm,
    };
    use serde_json::Value;

    use super::*;

    const RSA: &str = include_str!("tests/rsa.pem");

    fn pem(kind: &str, der: &[u8]) -> String {
        let text = STANDARD.encode(der);
        format!("-----BEGIN {kind}-----\n{text}\n-----END {kind}-----\n")
    }

    /// Signs with a key, and gives the claims once the signature is that of the public key.
    #[track_caller]
    fn claims(
        text: &str,
        (public, by): (&[u8], &'static dyn VerificationAlgorithm),
        algorithm: &str,
    ) -> Value {
        let signed = sign(&text.into(), "client", "https://issuer.example", 1000).expect("signed");
        let (said, signature) = signed.expose().rsplit_once('.').expect("three parts");
        let bytes = |part: &str| URL_SAFE_NO_PAD.decode(part).expect("base64");
        let public = UnparsedPublicKey::new(by, public);
        public.verify(said.as_bytes(), &bytes(signature)).expect("the key's own signature");
        let (head, claims) = said.split_once('.').expect("two parts");
        let read = |part: &str| serde_json::from_slice::<Value>(&bytes(part)).expect("JSON");
        assert_eq!(read(head), json!({ "alg": algorithm, "typ": "JWT" }));
        read(claims)
    }

    #[test]
    fn keys_say_what_they_sign_with() {
        let random = SystemRandom::new();
        let kind = "PRIVATE KEY";
        for (curve, by, name) in [
            (
                &ECDSA_P256_SHA256_FIXED_SIGNING,
                &ECDSA_P256_SHA256_FIXED as &dyn VerificationAlgorithm,
                "ES256",
            ),
            (&ECDSA_P384_SHA384_FIXED_SIGNING, &ECDSA_P384_SHA384_FIXED, "ES384"),
        ] {
            let der = EcdsaKeyPair::generate_pkcs8(curve, &random).expect("a key");
            let key = EcdsaKeyPair::from_pkcs8(curve, der.as_ref(), &random).expect("a key");
            let public = key.public_key().as_ref();
            claims(&pem(kind, der.as_ref()), (public, by), name);
        }
        let der = Ed25519KeyPair::generate_pkcs8(&random).expect("a key");
        let key = Ed25519KeyPair::from_pkcs8(der.as_ref()).expect("a key");
        let text = pem(kind, der.as_ref());
        let first = claims(&text, (key.public_key().as_ref(), &ED25519), "EdDSA");
        let line = text.replace('\n', "\\n");
        let second = claims(&line, (key.public_key().as_ref(), &ED25519), "EdDSA");
        assert_ne!(first["jti"], second["jti"]);
        for claims in [first, second] {
            assert_eq!((&claims["iss"], &claims["sub"]), (&json!("client"), &json!("client")));
            assert_eq!(claims["aud"], "https://issuer.example");
            assert_eq!((&claims["iat"], &claims["exp"]), (&json!(1000), &json!(1060)));
        }
    }

    #[test]
    fn rsa_keys_are_read_in_either_form() {
        let text = RSA.lines().filter(|line| !line.starts_with('-')).collect::<String>();
        let der = STANDARD.decode(text).expect("base64");
        let key = RsaKeyPair::from_pkcs8(&der).expect("a key");
        let public = (key.public().as_ref(), &RSA_PKCS1_2048_8192_SHA256 as &_);
        claims(RSA, public, "RS256");
        // The older form stands at the end of the newer one, behind 26 bytes that say what it is.
        claims(&pem("RSA PRIVATE KEY", &der[26..]), public, "RS256");
    }

    #[test]
    fn what_is_no_key_is_told_without_a_word_of_it() {
        let check = |text: &str, expected: KeyError| {
            let error = sign(&text.into(), "client", "https://issuer.example", 1000);
            assert_eq!(error, Err(expected), "{text}");
        };
        check("planted", KeyError::NotPem);
        check("-----BEGIN PRIVATE KEY-----\nplanted\n", KeyError::NotPem);
        check(&pem("PUBLIC KEY", b"planted"), KeyError::NotPem);
        check(&pem("PRIVATE KEY", b"planted"), KeyError::Unknown);
        check(&pem("RSA PRIVATE KEY", b"planted"), KeyError::Unknown);
        check(&pem("EC PRIVATE KEY", b"planted"), KeyError::Unknown);
    }
}
