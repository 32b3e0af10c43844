//! What clients see.

use super::edited::{Edited, Target};
use super::entries::one_member;
use super::error::Error;
use crate::base::json::{self, Place};
use crate::config::Mode;

const KEY: &str = "mode";

/// Sets `mode`.
pub fn set_mode(target: &Target<'_>, mode: Mode) -> Result<Edited, Error> {
    let value = serde_json::to_string(mode.name()).expect("a string serialises");
    let (edited, ()) = target.edit_config(|text| {
        let new = match one_member(text, text, KEY, &target.source.config)? {
            // Letters may be spelt as escapes.
            Some((_, old)) if json::string(old).as_deref() == Some(mode.name()) => {
                Some(text.to_owned())
            }
            Some((_, old)) => json::replace(text, old, &value),
            None => json::insert(text, text, Place::First, KEY, &value),
        };
        Ok((new.expect("the document is an object, and a member a part of it"), ()))
    })?;
    Ok(edited)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::edit::edited::scratch;

    #[test]
    fn sets_the_mode_and_nothing_else() {
        #[track_caller]
        fn check(before: &str, mode: Mode, after: &str) {
            let (edited, config, _) = scratch::change(before, "", |target| set_mode(target, mode));
            assert_eq!(config, after);
            assert_eq!(edited.expect("set").changed, before != after);
        }
        check("{}", Mode::Direct, "{\"mode\": \"direct\"}");
        check("{\"debug\":true}", Mode::Auto, "{\"mode\":\"auto\",\"debug\":true}");
        check(
            "\u{FEFF}{\r\n\t\"servers\" : { },\r\n\t\"mode\" : \"router\"\r\n}\r\n",
            Mode::Direct,
            "\u{FEFF}{\r\n\t\"servers\" : { },\r\n\t\"mode\" : \"direct\"\r\n}\r\n",
        );
        check(
            "{\n    \"servers\": {\n    },\n    \"x\": 1.50e2\n}\n",
            Mode::Router,
            "{\n    \"mode\": \"router\",\n    \"servers\": {\n    },\n    \"x\": 1.50e2\n}\n",
        );
        check("{\"mode\": \"rout\\u0065r\"}", Mode::Router, "{\"mode\": \"rout\\u0065r\"}");
        // A faulty mode is mended.
        check("{\"mode\": \"ruoter\"}", Mode::Router, "{\"mode\": \"router\"}");
    }

    #[test]
    fn refuses_what_is_not_clear() {
        for config in ["{\"mode\": 1,\n\"mode\": 2}", "[]", "{,}", ""] {
            let (edited, after, _) =
                scratch::change(config, "", |target| set_mode(target, Mode::Auto));
            let fault = edited.expect_err("it is not clear");
            assert!(matches!(fault, Error::Repeated { .. } | Error::Config(_)), "{fault}");
            assert_eq!(after, config);
        }
    }
}
