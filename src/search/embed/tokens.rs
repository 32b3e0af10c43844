//! Texts cut into the tokens of a model.

use std::cmp::Ordering;

use rten_text::Tokenizer;
use serde::Deserialize;

use crate::base::unicode;

/// More bytes than this many for each token are not looked at: a text may be as long as its author likes.
pub(super) const BYTES_PER_TOKEN: usize = 64;

/// A tokenizer and how many tokens of a text it gives.
pub(super) struct Tokens {
    tokenizer: Tokenizer,
    limit: usize,
    clean: bool,
    split_ideographs: bool,
}

/// The part of `tokenizer.json` that the library does not act upon.
#[derive(Deserialize)]
struct Json {
    normalizer: Option<Normalizer>,
}

#[derive(Deserialize)]
struct Normalizer {
    #[serde(default)]
    clean_text: bool,
    #[serde(default)]
    handle_chinese_chars: bool,
}

impl Tokens {
    /// From the text of a `tokenizer.json`; at most `limit` tokens a text.
    pub(super) fn parse(json: &str, limit: usize) -> Result<Self, String> {
        let tokenizer = Tokenizer::from_json(json).map_err(|error| error.to_string())?;
        let normalizer =
            serde_json::from_str::<Json>(json).map_err(|error| error.to_string())?.normalizer;
        let flag = |of: fn(&Normalizer) -> bool| normalizer.as_ref().is_some_and(of);
        let clean = flag(|normalizer| normalizer.clean_text);
        let split_ideographs = flag(|normalizer| normalizer.handle_chinese_chars);
        Ok(Self { tokenizer, limit, clean, split_ideographs })
    }

    /// The tokens of a text with those that frame it. What is too long loses its end, not the token that closes it.
    pub(super) fn of(&self, text: &str) -> Result<Vec<i32>, String> {
        let text = &text[..text.floor_char_boundary(self.limit * BYTES_PER_TOKEN)];
        let text = self.prepared(text);
        let encoded =
            self.tokenizer.encode(text.as_str(), None).map_err(|error| error.to_string())?;
        let mut tokens = encoded
            .token_ids()
            .iter()
            .map(|token| i32::try_from(*token).map_err(|_| format!("token {token} is too large")))
            .collect::<Result<Vec<_>, _>>()?;
        if let (Ordering::Greater, Some(last)) =
            (tokens.len().cmp(&self.limit), tokens.last().copied())
        {
            tokens.truncate(self.limit - 1);
            tokens.push(last);
        }
        Ok(tokens)
    }

    /// What BERT's normaliser does before case and accents: controls out, white space to spaces, ideographs apart.
    fn prepared(&self, text: &str) -> String {
        let mut prepared = String::with_capacity(text.len());
        for letter in text.chars() {
            match letter {
                _ if self.clean && letter.is_whitespace() => prepared.push(' '),
                '\u{fffd}' if self.clean => {}
                _ if self.clean && unicode::unseen(letter) && !unicode::selector(letter) => {}
                _ if self.split_ideographs && is_ideograph(letter) => {
                    prepared.extend([' ', letter, ' ']);
                }
                _ => prepared.push(letter),
            }
        }
        prepared
    }
}

/// The blocks of unified ideographs, which are written without spaces.
fn is_ideograph(letter: char) -> bool {
    matches!(letter,
        '\u{3400}'..='\u{4dbf}' | '\u{4e00}'..='\u{9fff}' | '\u{f900}'..='\u{faff}'
        | '\u{20000}'..='\u{2a6df}' | '\u{2a700}'..='\u{2ceaf}' | '\u{2f800}'..='\u{2fa1f}')
}

#[cfg(test)]
mod tests {
    use super::*;

    const WORDS: [&str; 8] = ["[CLS]", "[SEP]", "[UNK]", "read", "##er", "file", "文", "字"];

    /// A tokenizer that knows these words, each by its place, and gives five tokens at most.
    fn tokens() -> Tokens {
        let vocabulary: serde_json::Map<_, _> =
            WORDS.iter().enumerate().map(|(at, word)| ((*word).to_owned(), at.into())).collect();
        let json = serde_json::json!({
            "normalizer": {"type": "BertNormalizer", "clean_text": true, "handle_chinese_chars": true,
                "strip_accents": null, "lowercase": true},
            "pre_tokenizer": {"type": "BertPreTokenizer"},
            "model": {"type": "WordPiece", "vocab": vocabulary},
        });
        Tokens::parse(&json.to_string(), 5).expect("a tokenizer")
    }

    #[test]
    fn texts_become_tokens() {
        let tokens = tokens();
        let check = |text: &str, expected: &[&str]| {
            let words: Vec<&str> = tokens
                .of(text)
                .expect("tokens")
                .into_iter()
                .map(|token| WORDS[usize::try_from(token).expect("a place")])
                .collect();
            assert_eq!(words, expected, "{text:?}");
        };
        check("", &["[CLS]", "[SEP]"]);
        check("Réader", &["[CLS]", "read", "##er", "[SEP]"]);
        check("read\tfile\u{0}", &["[CLS]", "read", "file", "[SEP]"]);
        check("re\u{200b}ad", &["[CLS]", "read", "[SEP]"]);
        check("文字", &["[CLS]", "文", "字", "[SEP]"]);
        check("read read read read", &["[CLS]", "read", "read", "read", "[SEP]"]);
        check(&"file ".repeat(100_000), &["[CLS]", "file", "file", "file", "[SEP]"]);
        // What closes a text does so only where the tokenizer puts it.
        check("[SEP]", &["[CLS]", "[UNK]", "[UNK]", "[UNK]", "[SEP]"]);
    }

    #[test]
    fn nonsense_is_no_tokenizer() {
        let check = |json: &str| assert!(Tokens::parse(json, 8).is_err(), "{json:.40}");
        check("");
        check("{}");
        check(r#"{"model": {"type": "WordPiece"}}"#);
        check(&"[".repeat(1_000_000));
        check(r#"{"model": {"type": "WordPiece", "vocab": {"a": -1}}}"#);
    }
}
