//! Names of files and folders that strangers choose: what stays below a folder on every system.

/// What is permitted, in words.
pub(super) const RULE: &str = "use letters, digits, `.`, `_`, `-`, `+`, `@` and blanks, with `/` between folders, and no `..`";

/// A name that systems refuse is of no use.
pub(super) const MAX_LENGTH: usize = 200;

/// What Windows has in every folder, whatever stands behind a dot.
const DEVICES: [&str; 6] = ["con", "prn", "aux", "nul", "conin$", "conout$"];

/// Whether a file of this name lies below the folder in which it is written, and is called so on every system. Letters
/// that only look like dots and slashes, and what some systems leave out or read otherwise, are not among those that are
/// permitted.
pub(super) fn is_inside(name: &str) -> bool {
    !name.is_empty() && name.len() <= MAX_LENGTH && name.split('/').all(is_part)
}

fn is_part(part: &str) -> bool {
    let plain = |letter: char| letter.is_ascii_alphanumeric() || "._-+@ ".contains(letter);
    // Windows leaves out dots and blanks at the end, which also takes care of `.` and `..`.
    !part.is_empty()
        && part.chars().all(plain)
        && !part.ends_with(['.', ' '])
        && !part.starts_with(' ')
        && !is_device(part)
}

/// Whether Windows takes the name for a device.
pub(super) fn is_device(name: &str) -> bool {
    let stem = name.split('.').next().unwrap_or_default().trim_end().to_ascii_lowercase();
    let port = stem.strip_prefix("com").or_else(|| stem.strip_prefix("lpt"));
    let is_port =
        port.is_some_and(|number| number.len() == 1 && number.as_bytes()[0].is_ascii_digit());
    is_port || DEVICES.contains(&stem.as_str())
}

/// What [`is_inside`] permits but devices, as a pattern for schemas.
pub(super) fn inside_pattern() -> String {
    const PART: &str = "([A-Za-z0-9_+@-]|[A-Za-z0-9._+@-][A-Za-z0-9._+@ -]*[A-Za-z0-9_+@-])";
    format!("^{PART}(/{PART})*$")
}

/// Devices among the parts of a path, as a pattern for schemas.
pub(super) fn devices_pattern() -> String {
    let either = |letter: char| match letter {
        'a'..='z' => format!("[{}{letter}]", letter.to_ascii_uppercase()),
        '$' => r"\$".to_owned(),
        other => other.to_string(),
    };
    let spelled = |name: &&str| name.chars().map(either).collect::<String>();
    let devices = DEVICES.iter().map(spelled).collect::<Vec<_>>().join("|");
    let ports = ["com", "lpt"].iter().map(spelled).collect::<Vec<_>>().join("|");
    format!("(^|/)({devices}|({ports})[0-9]) *(\\.|/|$)")
}

/// Whether two files cannot both be there: some systems do not mind capitals, and none has a folder called as a file.
pub(super) fn collide(one: &str, other: &str) -> bool {
    let (one, other) = (one.to_ascii_lowercase(), other.to_ascii_lowercase());
    let is_below = |inner: &str, outer: &str| {
        inner.strip_prefix(outer).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    };
    is_below(&one, &other) || is_below(&other, &one)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_stay_below_their_folder() {
        let check = |name: &str, expected: bool| assert_eq!(is_inside(name), expected, "{name}");
        for good in
            ["keys.json", "a/b.json", ".hidden", "my file.txt", "a..b", "console", "com10", "a@b+c"]
        {
            check(good, true);
        }
        for bad in [
            "",
            "/",
            "/etc/passwd",
            "..",
            ".",
            "../x",
            "a/../../x",
            "./x",
            "a/./b",
            "a//b",
            "a/",
            "...",
            "C:x",
            "C:\\x",
            "\\\\server\\x",
            "a\\..\\x",
            "a\0b",
            "a\nb",
            "x:y",
            "~/x:",
            "a ",
            "a.",
            " a",
            "a./b",
            "․․/x",
            "．．/x",
            "。。/x",
            "a／b",
            "a∕b",
            "‥/x",
            "a\u{202e}b",
            "a\u{200b}",
            "é",
            "con",
            "NUL",
            "nul.txt",
            "a/aux",
            "COM1",
            "lpt9.log",
            "com1 .txt",
            "CONIN$",
            "a*",
            "a?",
            "a|b",
            "${HOME}",
        ] {
            check(bad, false);
        }
        check(&"a".repeat(MAX_LENGTH), true);
        check(&"a".repeat(MAX_LENGTH + 1), false);
    }

    #[test]
    fn files_do_not_take_each_others_place() {
        let check = |one: &str, other: &str, expected: bool| {
            assert_eq!(collide(one, other), expected, "{one} {other}");
            assert_eq!(collide(other, one), expected, "{other} {one}");
        };
        check("a", "A", true);
        check("a/b", "a", true);
        check("a/b", "a/c", false);
        check("ab", "a", false);
    }
}
