//! Members set and left out by their names, in objects that travel: all other bytes stay.

use std::borrow::Cow;

use super::cut::{member, members, replace};
use super::splice::{Place, insert, remove};

/// `object` with the member of this name set to `value`, which is JSON: in its old place, or behind all others.
/// Nothing if `object` is none.
pub fn set(object: &str, name: &str, value: &str) -> Option<String> {
    if let Some(old) = member(object, name) {
        return replace(object, old, value);
    }
    if super::is_object(object) && members(object).next().is_none() {
        let name = serde_json::to_string(name).ok()?;
        return Some(format!("{{{name}:{value}}}"));
    }
    insert(object, object, Place::Last, name, value)
}

/// `object` without the members whose names are `unwanted`; the text itself where it has none of them.
pub fn without(object: &str, unwanted: impl Fn(&str) -> bool) -> Cow<'_, str> {
    let mut left = Cow::Borrowed(object);
    loop {
        let index = members(&left).position(|member| unwanted(&member.name()));
        let Some(shorter) = index.and_then(|index| remove(&left, &left, index)) else {
            return left;
        };
        left = Cow::Owned(shorter);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_member_is_set_in_its_place_or_behind_the_others() {
        let check = |object: &str, expected: Option<&str>| {
            assert_eq!(set(object, "n", "[7]").as_deref(), expected, "{object}");
        };
        check("{}", Some(r#"{"n":[7]}"#));
        check(" { } ", Some(r#"{"n":[7]}"#));
        check(r#"{"a": 1}"#, Some(r#"{"a": 1, "n": [7]}"#));
        check(r#"{"n" : {} ,"a":1}"#, Some(r#"{"n" : [7] ,"a":1}"#));
        check("[1]", None);
        check("7", None);
    }

    #[test]
    fn members_are_left_out_by_name() {
        let check = |object: &str, expected: &str| {
            assert_eq!(without(object, |name| name == "n" || name == "m"), expected, "{object}");
        };
        check(r#"{"n":1,"a" : 2,"\u006d":3}"#, r#"{"a" : 2}"#);
        check(r#"{"n":1,"m":2}"#, "{}");
        check("[\"n\"]", "[\"n\"]");
        assert!(matches!(without("{\"a\":{\"n\":1}}", |name| name == "n"), Cow::Borrowed(_)));
    }
}
