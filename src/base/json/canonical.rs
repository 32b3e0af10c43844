//! The canonical form of JSON (RFC 8785), over which signatures are made.
//!
//! Numbers are read from their digits: a parser that builds values may have rounded them.

use super::cut::{elements, members, string};

/// The canonical form of a text that [`super::Strict`] has passed. Nothing where there is none: for strings that stand
/// for no text, and numbers that are too great for a double.
pub fn canonical(text: &str) -> Option<String> {
    let mut form = String::with_capacity(text.len());
    write(text.trim(), &mut form)?;
    Some(form)
}

fn write(value: &str, form: &mut String) -> Option<()> {
    match value.as_bytes().first()? {
        b'{' => {
            form.push('{');
            write_members(value, form)?;
            form.push('}');
        }
        b'[' => {
            form.push('[');
            for (index, element) in elements(value).enumerate() {
                if index > 0 {
                    form.push(',');
                }
                write(element.trim(), form)?;
            }
            form.push(']');
        }
        b'"' => write_string(&string(value)?, form),
        b't' | b'f' | b'n' => form.push_str(value),
        _ => write_number(value.parse().ok()?, form)?,
    }
    Some(())
}

/// Members stand in the order of their names as UTF-16 code units (section 3.2.3).
fn write_members(object: &str, form: &mut String) -> Option<()> {
    let mut sorted = Vec::new();
    for member in members(object) {
        let name = string(member.key())?;
        let units: Vec<u16> = name.encode_utf16().collect();
        sorted.push((units, name, member.value));
    }
    sorted.sort_unstable_by(|(one, ..), (other, ..)| one.cmp(other));
    for (index, (_, name, value)) in sorted.into_iter().enumerate() {
        if index > 0 {
            form.push(',');
        }
        write_string(&name, form);
        form.push(':');
        write(value.trim(), form)?;
    }
    Some(())
}

/// `serde_json` escapes exactly what section 3.2.2.2 wants escaped, and as it wants it.
fn write_string(text: &str, form: &mut String) {
    form.push_str(&serde_json::to_string(text).expect("text is always JSON"));
}

/// As ECMAScript writes numbers (section 3.2.2.3): the shortest digits that read back as the same double, with an exponent
/// from 10^21 and below 10^-6.
fn write_number(number: f64, form: &mut String) -> Option<()> {
    if !number.is_finite() {
        return None;
    }
    if number == 0.0 {
        form.push('0');
        return Some(());
    }
    let (digits, point) = shortest(number.abs())?;
    if number < 0.0 {
        form.push('-');
    }
    let count = i32::try_from(digits.len()).ok()?;
    let zeros = |count: i32| "0".repeat(usize::try_from(count).unwrap_or_default());
    if (count..=21).contains(&point) {
        form.extend([digits.as_str(), &zeros(point - count)]);
    } else if (1..=21).contains(&point) {
        let (before, after) = digits.split_at(usize::try_from(point).ok()?);
        form.extend([before, ".", after]);
    } else if (-5..=0).contains(&point) {
        form.extend(["0.", &zeros(-point), &digits]);
    } else {
        let (first, rest) = digits.split_at(1);
        let dot = if rest.is_empty() { "" } else { "." };
        let exponent = point - 1;
        let sign = if exponent < 0 { "-" } else { "+" };
        form.extend([first, dot, rest, "e", sign, &exponent.unsigned_abs().to_string()]);
    }
    Some(())
}

/// The fewest digits that read back as this number, the nearest to it of several and the even one of two that are equally
/// near, and how many of them stand before the point. `serde_json` finds them so; `{:e}` takes the greater of two.
fn shortest(number: f64) -> Option<(String, i32)> {
    let text = serde_json::to_string(&number).ok()?;
    let (mantissa, exponent) = text.split_once('e').unwrap_or((&text, "0"));
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let all = [whole, fraction].concat();
    let digits = all.trim_start_matches('0');
    let leading = i32::try_from(all.len() - digits.len()).ok()?;
    let exponent: i32 = exponent.parse().ok()?;
    let point = i32::try_from(whole.len()).ok()? + exponent - leading;
    Some((digits.trim_end_matches('0').to_owned(), point))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_examples_of_the_standard() {
        let check = |text: &str, expected: &str| {
            assert_eq!(canonical(text).as_deref(), Some(expected), "{text}");
        };
        // Section 3.2.2.
        check(
            r#"{
                "numbers": [333333333.33333329, 1E30, 4.50, 2e-3, 0.000000000000000000000000001],
                "string": "\u20ac$\u000F\u000aA'\u0042\u0022\u005c\\\"\/",
                "literals": [null, true, false]
            }"#,
            r#"{"literals":[null,true,false],"numbers":[333333333.3333333,1e+30,4.5,0.002,1e-27],"string":"€$\u000f\nA'B\"\\\\\"/"}"#,
        );
        // Section 3.2.3.
        check(
            r#"{"\u20ac": "Euro Sign", "\r": "Carriage Return", "\ufb33": "Hebrew Letter Dalet With Dagesh", "1": "One",
                "\ud83d\ude00": "Emoji: Grinning Face", "\u0080": "Control", "\u00f6": "Latin Small Letter O With Diaeresis"}"#,
            "{\"\\r\":\"Carriage Return\",\"1\":\"One\",\"\u{80}\":\"Control\",\"ö\":\"Latin Small Letter O With Diaeresis\",\
             \"€\":\"Euro Sign\",\"😀\":\"Emoji: Grinning Face\",\"\u{fb33}\":\"Hebrew Letter Dalet With Dagesh\"}",
        );
        check(" [ ] ", "[]");
        check("{ }", "{}");
        check(
            r#"{"b":{"d":1,"c":[{"f":2,"e":"\u007f\u2028"}]},"a":-0}"#,
            "{\"a\":0,\"b\":{\"c\":[{\"e\":\"\u{7f}\u{2028}\",\"f\":2}],\"d\":1}}",
        );
    }

    #[test]
    fn numbers_of_the_standard() {
        // Appendix B.
        let check = |bits: u64, expected: &str| {
            let mut form = String::new();
            let written = write_number(f64::from_bits(bits), &mut form);
            assert_eq!(
                (written.is_some(), form.as_str()),
                (!expected.is_empty(), expected),
                "{bits:x}"
            );
        };
        check(0x0000_0000_0000_0000, "0");
        check(0x8000_0000_0000_0000, "0");
        check(0x0000_0000_0000_0001, "5e-324");
        check(0x8000_0000_0000_0001, "-5e-324");
        check(0x7fef_ffff_ffff_ffff, "1.7976931348623157e+308");
        check(0xffef_ffff_ffff_ffff, "-1.7976931348623157e+308");
        check(0x4340_0000_0000_0000, "9007199254740992");
        check(0xc340_0000_0000_0000, "-9007199254740992");
        check(0x4430_0000_0000_0000, "295147905179352830000");
        check(0x7fff_ffff_ffff_ffff, "");
        check(0x7ff0_0000_0000_0000, "");
        check(0x44b5_2d02_c7e1_4af5, "9.999999999999997e+22");
        check(0x44b5_2d02_c7e1_4af6, "1e+23");
        check(0x44b5_2d02_c7e1_4af7, "1.0000000000000001e+23");
        check(0x444b_1ae4_d6e2_ef4e, "999999999999999700000");
        check(0x444b_1ae4_d6e2_ef4f, "999999999999999900000");
        check(0x444b_1ae4_d6e2_ef50, "1e+21");
        check(0x3eb0_c6f7_a0b5_ed8c, "9.999999999999997e-7");
        check(0x3eb0_c6f7_a0b5_ed8d, "0.000001");
        check(0x41b3_de43_5555_5553, "333333333.3333332");
        check(0x41b3_de43_5555_5554, "333333333.33333325");
        check(0x41b3_de43_5555_5555, "333333333.3333333");
        check(0x41b3_de43_5555_5556, "333333333.3333334");
        check(0x41b3_de43_5555_5557, "333333333.33333343");
        check(0xbecb_f647_612f_3696, "-0.0000033333333333333333");
        check(0x4314_3ff3_c1cb_0959, "1424953923781206.2");
    }

    #[test]
    fn what_has_no_form_is_told() {
        for text in ["1e999", r#""\ud800""#, r#"{"\udc00":1}"#, "", r#"[1,{"a":-1e400}]"#] {
            assert_eq!(canonical(text), None, "{text}");
        }
    }

    proptest! {
        #[test]
        fn numbers_read_back(bits: u64) {
            let number = f64::from_bits(bits);
            let mut form = String::new();
            prop_assert_eq!(write_number(number, &mut form).is_some(), number.is_finite());
            if number.is_finite() {
                prop_assert_eq!(form.parse::<f64>(), Ok(number));
            }
        }

        #[test]
        fn a_form_is_its_own(names in proptest::collection::vec(".{0,4}", 0..6)) {
            let object: serde_json::Map<_, _> = names.iter().map(|name| (name.clone(), name.clone().into())).collect();
            let text = serde_json::Value::Object(object).to_string();
            let once = canonical(&text).expect("it has a form");
            prop_assert_eq!(canonical(&once), Some(once.clone()));
            prop_assert_eq!(
                serde_json::from_str::<serde_json::Value>(&once).ok().map(|value| value == serde_json::from_str::<serde_json::Value>(&text).expect("JSON")),
                Some(true)
            );
        }
    }
}
