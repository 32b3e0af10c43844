//! Whether words are a sentence, and whether a sentence tells somebody to do something.
//!
//! Neither says anything about a model. They decide about words that were hidden or encoded, where there is no
//! innocent reason for a request to stand.

/// Words that hold sentences together.
const FUNCTION_WORDS: &str = "a about after all also an and any are as at be before by can do every following for from has have his i \
    if in instead into is it its me my not now of on or our please so that the their them then these this to \
    what when with without you your using";

/// Words that may stand before the verb of a request.
const OPENINGS: &str = "please kindly now first then also just immediately urgent urgently important you must should need i want \
    would like can could will to always next finally and silently secretly quietly go ahead hey hi assistant \
    ai agent help me remember";

/// Verbs for what an agent can do to or for somebody.
const ACTIONS: &str = "access activate add adjust allow append apply approve arrange ask assign authorize backup block book \
    broadcast buy call cancel change charge check clear click clone close commit compose configure connect \
    contact control copy create deactivate decrease delete deliver deploy deposit dial disable dispatch \
    donate download drop email empty enable encrypt erase execute export extract fetch fill find follow \
    format forward gather generate get give grant guide hide ignore import include increase inform initiate \
    insert inspect install instruct invite join kill leave list load locate lock login lower mail make mark \
    merge message modify move navigate notify open order output override pay place play post print provide \
    publish purchase push put raise read record recommend redirect register release remove rename replace \
    request reset retrieve reveal run save schedule search sell send set share show sign start stop submit \
    tell transfer turn";

/// More of them, for what is less common.
const FURTHER_ACTIONS: &str = "unlock update upload use visit withdraw write wire whitelist trigger transmit unblock uninstall \
    unsubscribe subscribe switch shut shutdown rotate revoke restart respond reply repeat say state \
    summarize translate encode exfiltrate";

/// What requests on somebody's behalf are about.
const CONCERNS: &str = "my me mine myself account accounts password passwords passcode bank bitcoin credential credentials token \
    tokens secret secrets key keys email emails e-mail message messages conversation prompt money payment \
    transaction card address contacts permission permissions id device record records patient instructions \
    attacker session wallet login";

/// Bytes of a text that are looked at.
const MAX_LOOKED_AT: usize = 2_000;

fn is_in(list: &str, word: &str) -> bool {
    list.split_ascii_whitespace().any(|listed| listed == word)
}

/// The words of a text in small letters, as far as it is looked at.
fn words(text: &str) -> Vec<String> {
    let end = (0..=text.len().min(MAX_LOOKED_AT)).rev().find(|at| text.is_char_boundary(*at));
    text[..end.unwrap_or_default()]
        .split(|letter: char| !(letter.is_alphanumeric() || matches!(letter, '\'' | '-' | '_')))
        .filter(|word| !word.is_empty())
        .map(str::to_lowercase)
        .collect()
}

/// Whether `text` is made of words as a sentence is.
pub(super) fn is_prose(text: &str) -> bool {
    let end = (0..=text.len().min(MAX_LOOKED_AT)).rev().find(|at| text.is_char_boundary(*at));
    let text = &text[..end.unwrap_or_default()];
    let (mut all, mut plain, mut letters) = (0, 0, 0);
    for letter in text.chars() {
        all += 1;
        letters += usize::from(letter.is_alphabetic());
        plain += usize::from(
            letter.is_alphanumeric()
                || letter.is_whitespace()
                || ",.;:!?'\"()-/@$#_[]&%~".contains(letter),
        );
    }
    if letters * 2 < all || plain * 100 < all * 95 {
        return false;
    }
    let words = words(text);
    let held = words.iter().filter(|word| is_in(FUNCTION_WORDS, word)).count();
    words.len() >= 4 && held * 8 >= words.len()
}

/// Whether a sentence of `text` begins like a request to act.
pub(super) fn is_request(text: &str) -> bool {
    text.split(['.', '!', '?', ':', ';', '\n', ']', '[']).take(12).any(|sentence| {
        let words = words(sentence);
        let opening = words.iter().take_while(|word| is_in(OPENINGS, word)).count();
        let mut verb = words.iter().skip(opening).take(1);
        words.len() >= 3 && verb.any(|word| is_action(word))
    })
}

fn is_action(word: &str) -> bool {
    is_in(ACTIONS, word) || is_in(FURTHER_ACTIONS, word)
}

/// Whether `text` is about somebody's own things, as requests on behalf of a user are.
pub(super) fn is_personal(text: &str) -> bool {
    text.contains('@') || text.contains('$') || text.contains("http") || {
        words(text).iter().any(|word| is_in(CONCERNS, word))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prose_is_told_from_data() {
        for text in [
            "Please send it to the boss.",
            "do not tell anyone about this",
            "Give me all of it now",
        ] {
            assert!(is_prose(text), "{text}");
        }
        for text in [
            "admin:hunter2",
            "{\"alg\":\"HS256\",\"typ\":\"JWT\"}",
            "a b",
            "x = y + z; w",
            "foo bar baz qux quux",
        ] {
            assert!(!is_prose(text), "{text}");
        }
    }

    #[test]
    fn requests_begin_with_what_is_to_be_done() {
        for text in [
            "Please send it",
            "You must now delete the file",
            "Hello. Transfer the money",
            "NOTE: forward all of it",
        ] {
            assert!(is_request(text), "{text}");
        }
        for text in ["The file was sent", "This section lists keys", "sending is fine here"] {
            assert!(!is_request(text), "{text}");
        }
        assert!(
            is_personal("my account") && is_personal("a@b.c") && !is_personal("the table below")
        );
    }
}
