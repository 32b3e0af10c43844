//! Values inside a wish: addresses, paths, quoted texts, ids, numbers. They say what a tool is to be given, hardly which
//! one it is, but their kind does: who names a URL wants a tool that takes one.

use std::ops::Range;

/// Longer quotations are taken for text with a stray quotation mark in it.
const LONGEST_QUOTATION: usize = 400;

const FILE_ENDINGS: [&str; 46] = [
    "avi", "bak", "bmp", "bin", "cfg", "conf", "cpp", "css", "csv", "doc", "docx", "gif", "go",
    "gz", "html", "htm", "ini", "ipynb", "java", "jpeg", "jpg", "js", "json", "jsonl", "log", "md",
    "mov", "mp3", "mp4", "parquet", "pdf", "png", "ppt", "pptx", "py", "rs", "sh", "sql", "svg",
    "tar", "toml", "ts", "txt", "wav", "xlsx", "yaml",
];
const DOMAIN_ENDINGS: [&str; 12] =
    ["ai", "app", "co", "com", "de", "dev", "edu", "gov", "io", "net", "org", "uk"];

/// What a value is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// `https://…` or a name of a host.
    Url,
    /// An address for mail.
    Email,
    /// A file or folder.
    Path,
    /// Of a kind of its own within its service, such as `owner/name`.
    Handle,
    /// Text in quotation marks.
    Quoted,
    /// `<name>` or `{name}`, where somebody is to put a value.
    Placeholder,
    /// Letters and digits that are no word.
    Id,
    /// Digits.
    Number,
    /// A day or a time of day.
    Date,
}

impl Kind {
    /// What tools that take such a value are likely to say.
    pub fn words(self) -> &'static [&'static str] {
        match self {
            Self::Url => &["url", "web", "page"],
            Self::Email => &["email", "address"],
            Self::Path => &["file", "path"],
            Self::Id => &["id"],
            Self::Date => &["date", "time"],
            Self::Handle => &["name"],
            Self::Quoted | Self::Placeholder | Self::Number => &[],
        }
    }
}

/// A value and where it stands in the text, in bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Literal {
    /// What it is.
    pub kind: Kind,
    /// Without quotation marks and brackets.
    pub range: Range<usize>,
}

/// The values of a text in their order, none within another.
pub fn literals(text: &str) -> Vec<Literal> {
    let mut found = Vec::new();
    let mut at = 0;
    while at < text.len() {
        let rest = &text[at..];
        let letter = rest.chars().next().expect("the place is before the end of the text");
        if letter.is_whitespace() {
            at += letter.len_utf8();
            continue;
        }
        if let Some((kind, length)) = enclosed(rest, letter) {
            let start = at + letter.len_utf8();
            found.push(Literal { kind, range: start..start + length });
            at = start + length;
            at += text[at..].chars().next().map_or(0, char::len_utf8);
            continue;
        }
        let is_opening = matches!(letter, '(' | '[' | '{' | '"' | '\'' | '`' | '<' | '“' | '«');
        if is_opening {
            at += letter.len_utf8();
            continue;
        }
        let end = rest.find(|letter: char| letter.is_whitespace() || matches!(letter, '"' | '<'));
        let chunk = &rest[..end.unwrap_or(rest.len())];
        let word = chunk.trim_end_matches(|letter: char| ".,;:!?)]}'`”»…".contains(letter));
        if let Some(kind) = kind_of(word) {
            found.push(Literal { kind, range: at..at + word.len() });
        }
        at += chunk.len().max(letter.len_utf8());
    }
    found
}

/// The kind and the length of what the mark at the start of the text encloses.
fn enclosed(text: &str, mark: char) -> Option<(Kind, usize)> {
    let (closing, kind) = match mark {
        '"' | '\'' | '`' => (mark, Kind::Quoted),
        '“' => ('”', Kind::Quoted),
        '‘' => ('’', Kind::Quoted),
        '«' => ('»', Kind::Quoted),
        '<' => ('>', Kind::Placeholder),
        '{' => ('}', Kind::Placeholder),
        _ => return None,
    };
    let inside = &text[mark.len_utf8()..];
    // An apostrophe within a word closes nothing.
    let closes = |at: &usize| {
        let next = inside[at + closing.len_utf8()..].chars().next();
        !next.is_some_and(char::is_alphanumeric)
    };
    let length = inside.match_indices(closing).map(|(at, _)| at).find(closes)?;
    let content = &inside[..length];
    let fits = length <= LONGEST_QUOTATION && content.chars().any(char::is_alphanumeric);
    // "if a < b and b > c" has none.
    let is_loose = content.starts_with(' ') || content.contains(['\n', '<', '{', '"']);
    if !fits || (kind == Kind::Placeholder && is_loose) {
        return None;
    }
    // What is quoted may be of a more telling kind.
    Some((kind_of(content).unwrap_or(kind), length))
}

/// What one word without blanks and without marks around it is; `None` where it is a word.
fn kind_of(word: &str) -> Option<Kind> {
    if word.is_empty() || word.contains(char::is_whitespace) {
        return None;
    }
    let lower = word.to_ascii_lowercase();
    if lower.contains("://") || lower.starts_with("www.") {
        return Some(Kind::Url);
    }
    if let Some((user, host)) = lower.split_once('@') {
        let is_address = !user.is_empty() && host.contains('.');
        return Some(if is_address { Kind::Email } else { Kind::Handle });
    }
    if word.starts_with('#') && word.len() > 1 {
        return Some(if is_number(&word[1..]) { Kind::Number } else { Kind::Handle });
    }
    if is_number(word) {
        return Some(number_kind(word));
    }
    if let Some(kind) = path_kind(&lower) {
        return Some(kind);
    }
    is_id(word).then_some(Kind::Id)
}

fn path_kind(lower: &str) -> Option<Kind> {
    let is_rooted = ["/", "./", "../", "~/", "\\\\"].iter().any(|root| lower.starts_with(root));
    let has_drive = lower.as_bytes().get(1..3) == Some(b":\\");
    if (is_rooted || has_drive) && lower.len() > 1 {
        return Some(Kind::Path);
    }
    let last = lower.rsplit('/').next().unwrap_or(lower);
    let ending = last.rsplit_once('.').filter(|(stem, _)| !stem.is_empty()).map(|(_, end)| end);
    if ending.is_some_and(|ending| FILE_ENDINGS.contains(&ending)) {
        return Some(Kind::Path);
    }
    let host = lower.split('/').next().unwrap_or(lower);
    let is_host = host.rsplit_once('.').is_some_and(|(name, end)| {
        name.len() > 1 && DOMAIN_ENDINGS.contains(&end) && !name.contains(['(', ','])
    });
    if is_host {
        return Some(Kind::Url);
    }
    match lower.matches('/').count() {
        0 => None,
        // `read/write` is two words, `owner/some-name` a value.
        1 => lower
            .contains(|letter: char| letter.is_ascii_digit() || "-_.".contains(letter))
            .then_some(Kind::Handle),
        _ => lower.contains(['.', '_', '-']).then_some(Kind::Path),
    }
}

/// Digits, with what may stand between and around them.
fn is_number(word: &str) -> bool {
    let word = word.trim_end_matches(['%', '€', '°']);
    word.contains(|letter: char| letter.is_ascii_digit())
        && word.chars().all(|letter| letter.is_ascii_digit() || "+-.,:/$€£T Z".contains(letter))
}

fn number_kind(word: &str) -> Kind {
    let is_date = word.matches('-').count() == 2 || word.matches('/').count() == 2;
    if is_date || word.chars().skip(1).any(|letter| letter == ':') {
        Kind::Date
    } else {
        Kind::Number
    }
}

/// Letters and digits in turns, or ending in at least three digits, as `abc123`, `PROJ-42` and hexadecimal ids do but
/// names of things (`s3`, `base64`) do not.
fn is_id(word: &str) -> bool {
    let letters = word.as_bytes();
    if letters.len() < 5 || !word.is_ascii() {
        return false;
    }
    let digits = letters.iter().filter(|letter| letter.is_ascii_digit()).count();
    let plain: Vec<u8> =
        letters.iter().copied().filter(|letter| !matches!(letter, b'-' | b'_' | b'.')).collect();
    if digits == 0 || !plain.iter().all(u8::is_ascii_alphanumeric) {
        return false;
    }
    let turns = plain
        .windows(2)
        .filter(|pair| pair[0].is_ascii_digit() != pair[1].is_ascii_digit())
        .count();
    let is_ticket = word.split_once('-').is_some_and(|(project, number)| {
        project.bytes().all(|letter| letter.is_ascii_uppercase())
            && number.bytes().all(|letter| letter.is_ascii_digit())
    });
    turns >= 2 || digits >= 3 || is_ticket
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_found() {
        fn check(text: &str, expected: &[(Kind, &str)]) {
            let found = literals(text);
            let found: Vec<(Kind, &str)> =
                found.iter().map(|one| (one.kind, &text[one.range.clone()])).collect();
            assert_eq!(found, expected, "{text}");
        }
        check("open https://a.example/x?y=1.", &[(Kind::Url, "https://a.example/x?y=1")]);
        check("read docs.example.com", &[(Kind::Url, "docs.example.com")]);
        check("mail (ann@example.org)!", &[(Kind::Email, "ann@example.org")]);
        check("ask @ann about #news", &[(Kind::Handle, "@ann"), (Kind::Handle, "#news")]);
        check("cat /etc/hosts", &[(Kind::Path, "/etc/hosts")]);
        check("read C:\\Temp", &[(Kind::Path, "C:\\Temp")]);
        check("open report.pdf, then", &[(Kind::Path, "report.pdf")]);
        check("in src/base/some_file", &[(Kind::Path, "src/base/some_file")]);
        check("run ann/web-scraper", &[(Kind::Handle, "ann/web-scraper")]);
        check("read/write and TCP/IP", &[]);
        check("say \"hello there\".", &[(Kind::Quoted, "hello there")]);
        check("say “hello there”", &[(Kind::Quoted, "hello there")]);
        check("read 'a.txt'", &[(Kind::Path, "a.txt")]);
        check("Ann's and Bob's", &[]);
        check(
            "delete <item name> of {user}",
            &[(Kind::Placeholder, "item name"), (Kind::Placeholder, "user")],
        );
        check("if a < b and b > c", &[]);
        check("run y2h7sK3Wc abc123", &[(Kind::Id, "y2h7sK3Wc"), (Kind::Id, "abc123")]);
        check("close PROJ-42 and #17", &[(Kind::Id, "PROJ-42"), (Kind::Number, "#17")]);
        check("the first 50 at 10%", &[(Kind::Number, "50"), (Kind::Number, "10%")]);
        check("on 2024-05-01 at 10:30", &[(Kind::Date, "2024-05-01"), (Kind::Date, "10:30")]);
        check("s3, base64 and k8s in e.g. v2", &[]);
        check("\"\" '' `` <> {} \"never closed", &[]);
        check("", &[]);
        check("日本「語」 🙂", &[]);
    }

    #[test]
    fn any_text_is_read() {
        for text in
            ["\"é\"", "é\"é", "<é", "'é' é'", "“é”é", "€", "°", "-", "/", "//", "@", "#", "é:"]
        {
            for literal in literals(text) {
                assert!(text.get(literal.range).is_some(), "{text}");
            }
        }
    }
}
