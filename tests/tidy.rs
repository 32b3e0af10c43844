//! The shape of the source tree: rows, sizes, names and words.
//!
//! `docs/ARCHITECTURE.md` draws the rows and CONTRIBUTING.md gives the reasons. Each rule is a function from sources
//! to complaints, so that a test can also show that the rule does find what it looks for.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;
use std::process::Command;

/// The rows from the bottom up: a module uses only modules of lower rows.
const ROWS: [&[&str]; 10] = [
    &["base"],
    &["protocol", "telemetry"],
    &["config"],
    &["recipe", "wire", "guard", "cache", "select"],
    &["catalog", "oauth", "access", "container", "model", "tools", "jobs"],
    &["upstream", "search"],
    &["router"],
    &["downstream", "admin"],
    &["app"],
    &["cli"],
];

const MAX_CODE_LINES: usize = 500;
const MAX_MAIN_LINES: usize = 30;

/// Names that say nothing about what a module holds, so that anything gathers there.
const EMPTY_NAMES: [&str; 8] =
    ["utils", "util", "helpers", "helper", "common", "manager", "misc", "types"];

/// Spelled in halves, so that this file passes its own rule.
const BANNED_WORDS: [&str; 3] = [concat!("TO", "DO"), concat!("FIX", "ME"), concat!("XX", "X")];

/// One file of the tree: its path from the repository root, with `/` between the parts, and its text.
struct Source {
    path: String,
    text: String,
}

impl Source {
    /// Whether the file is the crate root of the library or of the binary, which stand above all rows.
    fn is_root(&self) -> bool {
        self.path == "src/lib.rs" || self.path == "src/main.rs"
    }

    /// The top-level module that the file belongs to; `None` for the crate roots.
    fn module(&self) -> Option<&str> {
        if self.is_root() {
            return None;
        }
        let inside = self.path.strip_prefix("src/")?;
        let first = inside.split('/').next()?;
        Some(first.strip_suffix(".rs").unwrap_or(first))
    }

    /// Whether `super` in this file means the crate root.
    fn is_top_of_module(&self) -> bool {
        let depth = self.path.matches('/').count();
        !self.is_root() && (depth == 1 || (depth == 2 && self.path.ends_with("/mod.rs")))
    }
}

fn row_of(module: &str) -> Option<usize> {
    ROWS.iter().position(|row| row.contains(&module))
}

fn line_of(text: &str, offset: usize) -> usize {
    text[..offset].matches('\n').count() + 1
}

/// How many tests a document names as `module::test` between backticks, and those that are not there.
fn named_tests(document: &str, has: impl Fn(&str, &str) -> bool) -> (usize, Vec<&str>) {
    let words = document.split('`').skip(1).step_by(2);
    let names = words
        .filter(|word| *word != "module::test" && word.chars().all(|c| is_word(c) || c == ':'));
    let named: Vec<_> = names.filter_map(|name| Some((name, name.rsplit_once("::")?))).collect();
    let missing = named.iter().filter(|(_, (module, test))| !has(module, test));
    (named.len(), missing.map(|(name, _)| *name).collect())
}

fn is_word(character: char) -> bool {
    character.is_alphanumeric() || character == '_'
}

/// The text with comments blanked and the inside of literals replaced by `_`, of the same length and lines, so that
/// offsets into it hold for the file and nothing in prose or in a string looks like code.
fn code_only(text: &str) -> String {
    let bytes = text.as_bytes();
    let mut code = bytes.to_vec();
    let mut at = 0;
    while at < bytes.len() {
        let rest = &bytes[at..];
        let (end, filler) = if rest.starts_with(b"//") {
            (end_of_line(bytes, at), b' ')
        } else if rest.starts_with(b"/*") {
            (end_of_block_comment(bytes, at), b' ')
        } else if let Some(end) = end_of_raw_string(bytes, at) {
            (end, b'_')
        } else if bytes[at] == b'"' {
            (end_of_string(bytes, at), b'_')
        } else if let Some(end) = end_of_char(bytes, at) {
            (end, b'_')
        } else {
            at += 1;
            continue;
        };
        for byte in &mut code[at..end] {
            if !byte.is_ascii_whitespace() {
                *byte = filler;
            }
        }
        at = end;
    }
    String::from_utf8(code)
        .expect("whole literals and comments are replaced, never part of a character")
}

fn end_of_line(bytes: &[u8], start: usize) -> usize {
    bytes[start..]
        .iter()
        .position(|byte| *byte == b'\n')
        .map_or(bytes.len(), |length| start + length)
}

/// Block comments nest in Rust.
fn end_of_block_comment(bytes: &[u8], start: usize) -> usize {
    let (mut at, mut depth) = (start, 0);
    while at < bytes.len() {
        if bytes[at..].starts_with(b"/*") {
            depth += 1;
            at += 2;
        } else if bytes[at..].starts_with(b"*/") {
            depth -= 1;
            at += 2;
            if depth == 0 {
                return at;
            }
        } else {
            at += 1;
        }
    }
    bytes.len()
}

fn end_of_string(bytes: &[u8], start: usize) -> usize {
    let mut at = start + 1;
    while at < bytes.len() {
        match bytes[at] {
            b'\\' => at += 2,
            b'"' => return at + 1,
            _ => at += 1,
        }
    }
    bytes.len()
}

/// `r"…"`, `r#"…"#` and so on; the letter of `br` or `cr` before it stays behind, which harms nothing.
fn end_of_raw_string(bytes: &[u8], start: usize) -> Option<usize> {
    let begins_word = start == 0
        || !is_word(char::from(bytes[start - 1]))
        || matches!(bytes[start - 1], b'b' | b'c');
    if bytes[start] != b'r' || !begins_word {
        return None;
    }
    let hashes = bytes[start + 1..].iter().take_while(|byte| **byte == b'#').count();
    let opening = start + 1 + hashes;
    if bytes.get(opening) != Some(&b'"') {
        return None;
    }
    let closing = format!("\"{}", "#".repeat(hashes));
    let length = bytes[opening + 1..]
        .windows(closing.len())
        .position(|window| window == closing.as_bytes())
        .map_or(bytes.len() - opening - 1, |inner| inner + closing.len());
    Some(opening + 1 + length)
}

/// A character literal, told from a lifetime by its closing quote.
fn end_of_char(bytes: &[u8], start: usize) -> Option<usize> {
    if bytes[start] != b'\'' {
        return None;
    }
    if bytes.get(start + 1) == Some(&b'\\') {
        let length = bytes.get(start + 3..)?.iter().position(|byte| *byte == b'\'')?;
        return Some(start + 3 + length + 1);
    }
    let character = std::str::from_utf8(&bytes[start + 1..(start + 5).min(bytes.len())])
        .map_or_else(
            |error| {
                let whole = &bytes[start + 1..start + 1 + error.valid_up_to()];
                std::str::from_utf8(whole).ok().and_then(|text| text.chars().next())
            },
            |text| text.chars().next(),
        )?;
    let quote = start + 1 + character.len_utf8();
    (bytes.get(quote) == Some(&b'\'')).then_some(quote + 1)
}

/// The code without its `#[cfg(test)]` modules; they are blanked, so lines and offsets stay.
fn without_tests(code: &str) -> String {
    let mut kept = code.to_owned();
    let mut from = 0;
    while let Some(found) = kept[from..].find("#[cfg(test)]") {
        let start = from + found;
        from = start + 1;
        let after = &kept[start + "#[cfg(test)]".len()..];
        let Some(brace) = after.find(['{', ';']) else {
            break;
        };
        let is_module = after[..brace].split_whitespace().any(|word| word == "mod");
        if !is_module || !after[brace..].starts_with('{') {
            continue;
        }
        let open = start + "#[cfg(test)]".len() + brace;
        let end = closing_brace(&kept, open);
        let blank: String =
            kept[start..end].chars().map(|c| if c == '\n' { '\n' } else { ' ' }).collect();
        kept.replace_range(start..end, &blank);
    }
    kept
}

/// The offset just behind the brace that closes the one at `open`.
fn closing_brace(code: &str, open: usize) -> usize {
    let mut depth = 0;
    for (at, character) in code[open..].char_indices() {
        match character {
            '{' => depth += 1,
            '}' => depth -= 1,
            _ => {}
        }
        if depth == 0 {
            return open + at + 1;
        }
    }
    code.len()
}

/// The offsets at which `word` stands by itself.
fn words(code: &str, word: &str) -> Vec<usize> {
    code.match_indices(word)
        .map(|(at, _)| at)
        .filter(|at| !code[..*at].ends_with(is_word))
        .filter(|at| !code[at + word.len()..].starts_with(is_word))
        .collect()
}

/// What stands behind `::` at `at`, blanks skipped; `None` when no `::` is there.
fn after_colons(code: &str, at: usize) -> Option<usize> {
    let rest = code[at..].trim_start().strip_prefix("::")?.trim_start();
    Some(code.len() - rest.len())
}

fn word_at(code: &str, at: usize) -> &str {
    let rest = &code[at..];
    &rest[..rest.find(|c| !is_word(c)).unwrap_or(rest.len())]
}

/// Every name that stands directly under `crate::`, also within a group, with its offset.
fn crate_uses(code: &str) -> Vec<(usize, String)> {
    let mut uses = Vec::new();
    for at in words(code, "crate") {
        let Some(path) = after_colons(code, at + "crate".len()) else {
            continue;
        };
        if !code[path..].starts_with('{') {
            let name = word_at(code, path);
            uses.push((at, if name.is_empty() { "*".to_owned() } else { name.to_owned() }));
            continue;
        }
        let end = closing_brace(code, path);
        let (mut depth, mut begins) = (0, false);
        for (inside, character) in code[path..end].char_indices() {
            match character {
                '{' => depth += 1,
                '}' => depth -= 1,
                _ => {}
            }
            if depth == 1 && matches!(character, '{' | ',') {
                begins = true;
            } else if begins && !character.is_whitespace() {
                begins = false;
                let name = word_at(code, path + inside);
                if !name.is_empty() || character == '*' {
                    let name = if name.is_empty() { "*" } else { name };
                    uses.push((path + inside, name.to_owned()));
                }
            }
        }
    }
    uses
}

fn check_every_module_has_a_row(sources: &[Source]) -> Vec<String> {
    let mut unknown: Vec<String> = sources
        .iter()
        .filter_map(|source| Some((source, source.module()?)))
        .filter(|(_, module)| row_of(module).is_none())
        .map(|(source, module)| {
            format!("{}:1: `{module}` stands in no row: give it one in ROWS and in docs/ARCHITECTURE.md", source.path)
        })
        .collect();
    unknown.dedup();
    unknown
}

/// Whether the map in the documents has exactly the modules that there are, each in its row.
fn check_map(map: &Source, sources: &[Source]) -> Vec<String> {
    let mut complaints = Vec::new();
    let mut listed = Vec::new();
    for (number, line) in map.text.lines().enumerate() {
        let mut cells = line.split('|').map(str::trim).skip(1);
        let row = cells.next().and_then(|cell| cell.parse::<usize>().ok());
        let (Some(row), Some(module)) = (row, cells.next()) else { continue };
        let module = module.trim_matches('`');
        let place = format!("{}:{}", map.path, number + 1);
        if row_of(module) != Some(row) {
            complaints.push(format!("{place}: `{module}` does not stand in row {row} of ROWS"));
        }
        if !sources.iter().any(|source| source.module() == Some(module)) {
            complaints.push(format!("{place}: there is no module `{module}`"));
        }
        listed.push(module);
    }
    let modules = sources.iter().filter_map(Source::module).filter(|it| !listed.contains(it));
    let mut missing: Vec<String> =
        modules.map(|module| format!("{}:1: `{module}` is missing in the map", map.path)).collect();
    missing.dedup();
    complaints.extend(missing);
    complaints
}

fn check_rows(sources: &[Source]) -> Vec<String> {
    let mut complaints = Vec::new();
    for source in sources {
        let Some((module, row)) = source.module().and_then(|m| Some((m, row_of(m)?))) else {
            continue;
        };
        let code = code_only(&source.text);
        let mut complain = |at: usize, what: String| {
            complaints.push(format!("{}:{}: {what}", source.path, line_of(&source.text, at)));
        };
        for (at, used) in crate_uses(&code) {
            match row_of(&used) {
                _ if used == module => {}
                None => complain(
                    at,
                    format!(
                        "`crate::{used}` is no module with a row: name the module that owns it"
                    ),
                ),
                Some(other) if other < row => {}
                Some(other) => complain(
                    at,
                    format!(
                        "`{module}` (row {row}) uses `{used}` (row {other}), but a module uses only rows below its own: \
                         move what both need further down, or have `{module}` take it as a value"
                    ),
                ),
            }
        }
        if source.is_top_of_module() {
            let code = without_tests(&code);
            for at in
                words(&code, "super").into_iter().filter(|at| after_colons(&code, at + 5).is_some())
            {
                complain(
                    at,
                    "`super` is the crate root here: write `crate::` and the module".to_owned(),
                );
            }
        }
    }
    complaints
}

fn check_no_super_super(sources: &[Source]) -> Vec<String> {
    let mut complaints = Vec::new();
    for source in sources {
        let code = code_only(&source.text);
        for at in words(&code, "super") {
            let next = after_colons(&code, at + "super".len());
            if next.is_some_and(|next| word_at(&code, next) == "super") {
                let line = line_of(&source.text, at);
                complaints.push(format!(
                    "{}:{line}: `super::super` hides where a path leads: write it from `crate::`",
                    source.path
                ));
            }
        }
    }
    complaints
}

fn check_sizes(sources: &[Source]) -> Vec<String> {
    let mut complaints = Vec::new();
    for source in sources {
        let code = without_tests(&code_only(&source.text));
        let lines = code.lines().filter(|line| !line.trim().is_empty()).count();
        if lines > MAX_CODE_LINES {
            complaints.push(format!(
                "{}:1: {lines} code lines, at most {MAX_CODE_LINES}: split it by subject into files of 80 to 250",
                source.path
            ));
        }
        let all = source.text.lines().count();
        if source.path == "src/main.rs" && all > MAX_MAIN_LINES {
            complaints.push(format!(
                "src/main.rs:1: {all} lines, at most {MAX_MAIN_LINES}: move the rest into `cli`"
            ));
        }
    }
    complaints
}

fn check_mod_files(sources: &[Source]) -> Vec<String> {
    let mut complaints = Vec::new();
    for source in sources.iter().filter(|source| source.path.ends_with("/mod.rs")) {
        let code = code_only(&source.text);
        let mut at = 0;
        while let Some(skipped) = code[at..].find(|c: char| !c.is_whitespace()) {
            at += skipped;
            if code[at..].starts_with('#') {
                let length = code[at..]
                    .find('[')
                    .map_or(1, |open| open + closing_bracket(&code[at + open..]));
                at += length;
                continue;
            }
            if !is_declaration(&code[at..]) {
                complaints.push(format!(
                    "{}:{}: only docs, `mod`, `use` and attributes stand in a mod.rs: move this into a file of its own",
                    source.path,
                    line_of(&source.text, at)
                ));
                break;
            }
            at += code[at..].find(';').map_or(code.len() - at, |end| end + 1);
        }
    }
    complaints
}

/// The length of what the bracket at the start of `code` encloses, both brackets included.
fn closing_bracket(code: &str) -> usize {
    let mut depth = 0;
    for (at, character) in code.char_indices() {
        match character {
            '[' => depth += 1,
            ']' => depth -= 1,
            _ => {}
        }
        if depth == 0 {
            return at + 1;
        }
    }
    code.len()
}

/// Whether the code begins with `mod name;` or `use …;`, public in whatever degree or not at all.
fn is_declaration(code: &str) -> bool {
    let mut rest = code;
    if word_at(rest, 0) == "pub" {
        rest = rest["pub".len()..].trim_start();
        if rest.starts_with('(') {
            rest = rest.split_once(')').map_or("", |(_, behind)| behind).trim_start();
        }
    }
    match word_at(rest, 0) {
        "use" => true,
        "mod" => rest.find(['{', ';']).is_some_and(|end| rest[end..].starts_with(';')),
        _ => false,
    }
}

fn check_module_docs(sources: &[Source]) -> Vec<String> {
    sources
        .iter()
        .filter(|source| !source.text.starts_with("//!"))
        .map(|source| {
            format!(
                "{}:1: begin the file with a `//!` doc that says what it holds and why",
                source.path
            )
        })
        .collect()
}

fn check_module_names(sources: &[Source]) -> Vec<String> {
    let mut complaints = Vec::new();
    for source in sources {
        let mut complain = |line: usize, name: &str| {
            complaints.push(format!(
                "{}:{line}: `{name}` says nothing about what is inside: name the module after its subject",
                source.path
            ));
        };
        let parts = source.path.split('/').map(|part| part.strip_suffix(".rs").unwrap_or(part));
        for part in parts.filter(|part| EMPTY_NAMES.contains(part)) {
            complain(1, part);
        }
        let code = code_only(&source.text);
        for at in words(&code, "mod") {
            let name = word_at(code[at + "mod".len()..].trim_start(), 0);
            if EMPTY_NAMES.contains(&name) {
                complain(line_of(&source.text, at), name);
            }
        }
    }
    complaints
}

fn check_words(sources: &[Source]) -> Vec<String> {
    let mut complaints = Vec::new();
    for source in sources {
        for word in BANNED_WORDS {
            for at in words(&source.text, word) {
                let line = line_of(&source.text, at);
                complaints.push(format!(
                    "{}:{line}: `{word}`: do it now or file it as an issue",
                    source.path
                ));
            }
        }
    }
    complaints
}

/// A link leads to the first heading of its name, so that each name stands once in a document. What a fence holds is none.
fn check_headings(sources: &[Source]) -> Vec<String> {
    let mut complaints = Vec::new();
    for source in sources.iter().filter(|source| has_extension(&source.path, "md")) {
        let (mut seen, mut is_fenced) = (Vec::new(), false);
        for (line, text) in source.text.lines().enumerate() {
            is_fenced ^= text.starts_with("```");
            let heading = text.trim_start_matches('#').trim();
            if is_fenced || !text.starts_with('#') {
                continue;
            }
            if seen.contains(&heading) {
                complaints.push(format!(
                    "{}:{}: another heading is called `{heading}`",
                    source.path,
                    line + 1
                ));
            }
            seen.push(heading);
        }
    }
    complaints
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// All files below `folder`, in a stable order, paths from the repository root.
fn walk(folder: &Path, paths: &mut Vec<String>) {
    let mut entries: Vec<_> = fs::read_dir(folder)
        .unwrap_or_else(|error| panic!("reading {}: {error}", folder.display()))
        .map(|entry| entry.expect("an entry of a folder that was just opened").path())
        .collect();
    entries.sort();
    for entry in entries {
        if entry.is_dir() {
            walk(&entry, paths);
        } else {
            let path = entry.strip_prefix(root()).expect("the walk starts at the root");
            paths.push(path.to_string_lossy().replace('\\', "/"));
        }
    }
}

fn has_extension(path: &str, extension: &str) -> bool {
    Path::new(path).extension().is_some_and(|found| found == extension)
}

fn sources() -> Vec<Source> {
    let mut paths = Vec::new();
    walk(&root().join("src"), &mut paths);
    let sources: Vec<Source> =
        paths.into_iter().filter(|path| has_extension(path, "rs")).map(read).collect();
    assert!(!sources.is_empty(), "no source file found below src/");
    sources
}

fn read(path: String) -> Source {
    let text = fs::read_to_string(root().join(&path))
        .unwrap_or_else(|error| panic!("reading {path}: {error}"));
    Source { path, text: text.replace("\r\n", "\n") }
}

/// The text files that are under version control; in an unpacked package, which has none, the Rust sources.
fn tracked() -> Vec<Source> {
    let listing = Command::new("git").args(["ls-files", "-z"]).current_dir(root()).output();
    let names = match listing {
        Ok(output) if output.status.success() => {
            String::from_utf8_lossy(&output.stdout).into_owned()
        }
        _ => return sources(),
    };
    names
        .split('\0')
        .filter(|path| !path.is_empty())
        // Lock files are written by tools and full of hashes, in which any word may turn up.
        .filter(|path| !has_extension(path, "lock") && !path.ends_with("-lock.json"))
        .filter_map(|path| Some((path, fs::read(root().join(path)).ok()?)))
        .filter_map(|(path, bytes)| {
            Some(Source { path: path.to_owned(), text: String::from_utf8(bytes).ok()? })
        })
        .collect()
}

fn assert_clean(complaints: &[String]) {
    let mut report = String::new();
    for complaint in complaints {
        let _ = writeln!(report, "  {complaint}");
    }
    assert!(complaints.is_empty(), "\n{report}");
}

#[test]
fn every_module_has_a_row() {
    assert_clean(&check_every_module_has_a_row(&sources()));
}

#[test]
fn the_map_shows_every_module_in_its_row() {
    let map = read("docs/ARCHITECTURE.md".to_owned());
    assert_clean(&check_map(&map, &sources()));
}

#[test]
fn modules_use_only_lower_rows() {
    assert_clean(&check_rows(&sources()));
}

#[test]
fn tests_that_documents_name_are_there() {
    let document = fs::read_to_string("docs/CLAIMS.md").expect("it is part of the repository");
    let has = |module: &str, test: &str| {
        let file = fs::read_to_string(format!("tests/it/{}.rs", module.replace("::", "/")));
        let file = file.unwrap_or_default();
        file.contains(&format!("fn {test}()"))
    };
    let (named, missing) = named_tests(&document, has);
    assert!(named > 0, "the document names tests");
    assert!(missing.is_empty(), "docs/CLAIMS.md names what is not there: {missing:?}");
}

#[test]
fn no_path_climbs_twice() {
    assert_clean(&check_no_super_super(&sources()));
}

#[test]
fn files_are_small() {
    assert_clean(&check_sizes(&sources()));
}

#[test]
fn mod_files_hold_declarations_only() {
    assert_clean(&check_mod_files(&sources()));
}

#[test]
fn every_file_begins_with_its_doc() {
    assert_clean(&check_module_docs(&sources()));
}

#[test]
fn modules_are_named_after_their_subject() {
    assert_clean(&check_module_names(&sources()));
}

#[test]
fn no_unfinished_business_is_left_in_comments() {
    assert_clean(&check_words(&tracked()));
}

#[test]
fn headings_of_a_document_are_unique() {
    let is_document = |source: &Source| source.path.starts_with("docs/");
    assert_clean(&check_headings(&tracked().into_iter().filter(is_document).collect::<Vec<_>>()));
}

/// The rules themselves, on small made-up inputs: each must find what it looks for and nothing else.
mod rules {
    use super::*;

    /// Runs a rule over one file and compares the lines that it complains about.
    #[track_caller]
    fn check(rule: fn(&[Source]) -> Vec<String>, path: &str, text: &str, lines: &[usize]) {
        let complaints = rule(&[Source { path: path.to_owned(), text: text.to_owned() }]);
        let found: Vec<usize> = complaints
            .iter()
            .map(|complaint| {
                let rest = complaint.strip_prefix(path).expect("a complaint begins with the path");
                rest.split(':')
                    .nth(1)
                    .and_then(|line| line.parse().ok())
                    .expect("then comes the line")
            })
            .collect();
        assert_eq!(found, lines, "{complaints:#?}");
    }

    #[test]
    fn tests_that_are_not_there_are_found() {
        let has = |module: &str, test: &str| (module, test) == ("a", "is_there");
        let text = "| x | `a::is_there`, `just bench` | `a::is_gone`; `b::is_there` |\n`module::test` `plain`";
        assert_eq!(named_tests(text, has), (3, vec!["a::is_gone", "b::is_there"]));
    }

    #[test]
    fn a_module_without_a_row_is_found() {
        check(check_every_module_has_a_row, "src/gadgets/mod.rs", "", &[1]);
        check(check_every_module_has_a_row, "src/gadgets.rs", "", &[1]);
        check(check_every_module_has_a_row, "src/router/gadgets.rs", "", &[]);
        check(check_every_module_has_a_row, "src/main.rs", "", &[]);
    }

    #[test]
    fn a_map_that_is_wrong_is_found() {
        let source =
            |path: &str, text: &str| Source { path: path.to_owned(), text: text.to_owned() };
        let check = |rows: &str, expected: &[&str]| {
            let map = source("a.md", &format!("| row | module | what |\n|---|---|---|\n{rows}"));
            let sources = [source("src/base/a.rs", ""), source("src/cli/a.rs", "")];
            assert_eq!(check_map(&map, &sources), expected, "{rows}");
        };
        check("| 9 | `cli` | words |\n| 0 | `base` | all else |\n", &[]);
        check("| 9 | `cli` | words |\n", &["a.md:1: `base` is missing in the map"]);
        check(
            "| 8 | `cli` | words |\n| 0 | `base` | all else |\n",
            &["a.md:3: `cli` does not stand in row 8 of ROWS"],
        );
        check(
            "| 9 | `cli` | words |\n| 8 | `app` | parts |\n| 0 | `base` | all else |\n",
            &["a.md:4: there is no module `app`"],
        );
    }

    #[test]
    fn uses_that_do_not_go_down_are_found() {
        let rows = |path, text, lines: &[usize]| check(check_rows, path, text, lines);
        rows("src/router/a.rs", "use crate::config::Config;\nuse crate::router::b;", &[]);
        rows("src/router/a.rs", "use crate::app::App;", &[1]);
        rows("src/admin/a.rs", "\nuse crate::downstream::Session;", &[2]);
        rows("src/config/a.rs", "fn f() {\n    crate::router::run();\n}", &[2]);
        rows("src/config/a.rs", "use crate::{base, base::fs, router::{base, run}};", &[1]);
        rows(
            "src/tools/a.rs",
            "use crate::{\n    base::{fs, json},\n    app::App,\n    search,\n};",
            &[3, 4],
        );
        rows("src/base/a.rs", "use crate :: {self, config};", &[1, 1]);
        rows("src/base/a.rs", "use crate::*;", &[1]);
        rows("src/base/a.rs", "macro_rules! m { () => { $crate::cli::run() } }", &[1]);
        rows(
            "src/base/a.rs",
            "// crate::app\n/* crate::app /* x */ crate::app */ let s = \"crate::app\";",
            &[],
        );
        rows(
            "src/base/a.rs",
            "let s = r#\"\" crate::app \"#; let c = '\"'; crate::app::run();",
            &[1],
        );
        rows("src/base/a.rs", "fn f<'a>(x: &'a str) {} use crate::app::X;", &[1]);
        rows("src/base/a.rs", "use crate::Root;", &[1]);
        rows("src/base/a.rs", "#[cfg(test)]\nmod tests {\n    use crate::app::App;\n}", &[3]);
        rows("src/base/a.rs", "pub(crate) fn mycrate() { notcrate::app(); }", &[]);
        rows("src/main.rs", "use mcp_bridge::cli;", &[]);
        rows("src/lib.rs", "use crate::cli;", &[]);
    }

    #[test]
    fn super_out_of_a_top_level_module_is_found() {
        check(check_rows, "src/config/mod.rs", "pub use super::router::Router;", &[1]);
        check(check_rows, "src/config.rs", "#[cfg(test)]\nmod tests {\n    use super::*;\n}", &[]);
        check(check_rows, "src/config/load.rs", "use super::Config;", &[]);
        check(check_rows, "src/router/actions/mod.rs", "pub use super::Action;", &[]);
    }

    #[test]
    fn climbing_twice_is_found() {
        check(check_no_super_super, "src/router/a.rs", "use super::x;\nuse super::super::y;", &[2]);
        check(check_no_super_super, "src/router/a.rs", "use super :: super :: y;", &[1]);
        check(
            check_no_super_super,
            "src/router/a.rs",
            "//! super::super\nlet s = \"super::super\";",
            &[],
        );
    }

    #[test]
    fn files_that_are_too_long_are_found() {
        let code = "let a = 1;\n".repeat(MAX_CODE_LINES);
        let tests = format!("#[cfg(test)]\nmod tests {{\n{code}}}\n");
        check(check_sizes, "src/router/a.rs", &code, &[]);
        check(check_sizes, "src/router/a.rs", &format!("{code}let b = 2;\n"), &[1]);
        check(
            check_sizes,
            "src/router/a.rs",
            &format!("//! Doc.\n\n/*\n{code}*/\n{code}{tests}"),
            &[],
        );
        check(check_sizes, "src/router/a.rs", &format!("{code}#[cfg(test)]\nfn f() {{}}\n"), &[1]);
        check(check_sizes, "src/main.rs", &"// Line.\n".repeat(MAX_MAIN_LINES), &[]);
        check(check_sizes, "src/main.rs", &"// Line.\n".repeat(MAX_MAIN_LINES + 1), &[1]);
    }

    #[test]
    fn logic_in_a_mod_file_is_found() {
        let good = "//! Doc.\n\nmod a;\npub mod b;\n#[cfg(unix)]\npub(crate) mod c;\n\
                    pub use a::{\n    One,\n    Two,\n};\nuse b::Three;\n";
        let mod_file =
            |text: &str, lines: &[usize]| check(check_mod_files, "src/router/mod.rs", text, lines);
        mod_file(good, &[]);
        mod_file("#![allow(dead_code, reason = \"[\")]\nmod a;", &[]);
        mod_file(&format!("{good}\npub fn run() {{}}\n"), &[13]);
        mod_file("mod a {\n}\n", &[1]);
        mod_file("pub struct A;\n", &[1]);
        mod_file("pub const A: u8 = 1;\n", &[1]);
        check(check_mod_files, "src/router/a.rs", "pub struct A;\n", &[]);
    }

    #[test]
    fn a_missing_doc_is_found() {
        check(check_module_docs, "src/router/a.rs", "//! Doc.\n", &[]);
        check(check_module_docs, "src/router/a.rs", "// Comment.\n", &[1]);
        check(check_module_docs, "src/router/a.rs", "", &[1]);
    }

    #[test]
    fn empty_names_are_found() {
        check(check_module_names, "src/router/utils.rs", "", &[1]);
        check(check_module_names, "src/common/mod.rs", "", &[1]);
        check(check_module_names, "src/router/a.rs", "\nmod helpers {}\n", &[2]);
        check(check_module_names, "src/router/a.rs", "mod types_of_tea {} // mod utils", &[]);
    }

    #[test]
    fn banned_words_are_found() {
        let [first, second, third] = BANNED_WORDS;
        check(check_words, "README.md", &format!("fine\n{first}: later\n{second}\n"), &[2, 3]);
        check(check_words, "src/a.rs", &format!("// {third}"), &[1]);
        check(check_words, "src/a.rs", &format!("let {first}S = MY{first};"), &[]);
    }

    #[test]
    fn equal_headings_are_found() {
        let text = "# One\n## Two\n```sh\n# One\n```\n### Two\n## Three\nTwo\n## Two\n";
        check(check_headings, "docs/a.md", text, &[6, 9]);
    }
}
