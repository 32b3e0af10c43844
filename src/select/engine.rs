//! Running a jq filter in this very process: no bound but that of the output holds here.

use std::ops::Range;

use jaq_core::load::parse::Expect;
use jaq_core::load::{self, Arena, File, Loader, lex};
use jaq_core::{Ctx, Vars, compile, data};
use jaq_json::{Val, read};

use super::fault::{Fault, Position};
use super::output::{Ends, Outputs, Unwritable};
use super::surrogates;
use crate::base::json::MAX_DEPTH;

/// Values are jq's, and filters have nothing else to look at.
type Data = data::JustLut<Val>;
type Filter = jaq_core::Filter<Data>;

/// What jq has and filters must not reach: the process's environment and files of the system.
const WITHHELD: [&str; 3] = ["env", "localtime", "strflocaltime"];
/// How many characters of a filter's part are quoted.
const EXCERPT: usize = 60;
/// A filter is not taken apart further to find the part that fails.
const MAX_PARTS: usize = 32;

/// Applies a filter to a JSON text that has passed [`crate::base::json::Strict`].
///
/// The result is compact JSON on one line: `null` if the filter gives nothing, its output if it gives one, an array if
/// it gives several. `limit` bounds its bytes; time and memory are for the caller to bound. Where there is no input, the
/// filter is only looked at. Of a filter that fails, [`place`] tells the part.
pub fn run(filter: &str, input: &str, limit: usize) -> Result<String, Fault> {
    let compiled = compile(filter)?;
    if input.is_empty() {
        return Ok("null".to_owned());
    }
    let mut outputs = Outputs::new(limit);
    // What the filter alone holds it can change in place.
    match feed(&compiled, parse(input)?, &mut |output| outputs.push(output)) {
        Ok(()) => Ok(outputs.finish()),
        Err(Stopped::Unwritable(Unwritable::TooLong)) => Err(Fault::OutputTooLong { limit }),
        Err(Stopped::Unwritable(Unwritable::TooDeep)) => {
            Err(Fault::OutputTooDeep { limit: MAX_DEPTH })
        }
        Err(Stopped::Unwritable(Unwritable::NotJson(what))) => {
            Err(failed(filter, 0..filter.len(), format!("it gives {what}, which is no JSON")))
        }
        Err(Stopped::Failed(message)) => Err(failed(filter, 0..filter.len(), message)),
    }
}

/// The fault of a filter that fails, with the part that does. To find it the filter is run again piece by piece, which may
/// take longer than the filter took: what was not needed before may be worked out now.
pub fn place(fault: Fault, filter: &str, input: &str) -> Fault {
    match (fault, parse(input)) {
        (Fault::Failed { message, .. }, Ok(input)) => {
            failed(filter, failing_part(filter, &input), message)
        }
        (fault, _) => fault,
    }
}

fn parse(input: &str) -> Result<Val, Fault> {
    read::parse_single(&surrogates::to_bytes(input))
        .map_err(|error| Fault::Input { message: error.to_string() })
}

enum Stopped {
    Failed(String),
    Unwritable(Unwritable),
}

/// Runs a filter and hands its outputs on.
fn feed(
    filter: &Filter,
    input: Val,
    take: &mut dyn FnMut(&Val) -> Result<(), Unwritable>,
) -> Result<(), Stopped> {
    let context = Ctx::<Data>::new(&filter.lut, Vars::new([]));
    for output in filter.id.run((context, input)) {
        match output {
            Ok(value) => take(&value).map_err(Stopped::Unwritable)?,
            Err(exception) => {
                return match exception.get_err().map_err(jaq_core::Exn::get_halt) {
                    Ok(error) => Err(Stopped::Failed(plain(Ends::of(error)))),
                    // `halt` ends the outputs.
                    Err(Ok(0)) => Ok(()),
                    Err(Ok(code)) => Err(Stopped::Failed(format!("it halts with code {code}"))),
                    Err(Err(_)) => Err(Stopped::Failed("it breaks out of itself".to_owned())),
                };
            }
        }
    }
    Ok(())
}

/// The message of `error("…")` comes as JSON.
fn plain(message: String) -> String {
    serde_json::from_str(&message).unwrap_or(message)
}

fn failed(filter: &str, part: Range<usize>, message: String) -> Fault {
    let text = &filter[part.clone()];
    let start = part.start + (text.len() - text.trim_start().len());
    Fault::Failed { position: Position::of(filter, start), part: excerpt(text), message }
}

/// The part between two outermost pipes in which a filter fails, which jaq does not tell: the one that the shortest
/// beginning of the filter that fails as well ends with.
fn failing_part(filter: &str, input: &Val) -> Range<usize> {
    let mut start = 0;
    for pipe in pipes(filter) {
        // What ends in the midst of a definition or a binding is no filter.
        let Ok(beginning) = compile(&filter[..pipe]) else {
            continue;
        };
        if matches!(feed(&beginning, input.clone(), &mut |_| Ok(())), Err(Stopped::Failed(_))) {
            return start..pipe;
        }
        start = pipe + 1;
    }
    start..filter.len()
}

/// The byte offsets of the outermost pipes.
fn pipes(filter: &str) -> Vec<usize> {
    let tokens = load::Lexer::new(filter).lex().unwrap_or_default();
    tokens
        .iter()
        .map(lex::Token::as_str)
        .filter(|token| *token == "|")
        .map(|token| load::span(filter, token).start)
        .take(MAX_PARTS)
        .collect()
}

fn compile(filter: &str) -> Result<Filter, Fault> {
    let fault = |part: &str, message| Fault::Syntax {
        position: Position::of(filter, load::span(filter, part).start),
        message,
    };
    let unexpected = |part: &str, expected: &str| {
        let found = match part.chars().next() {
            None => "the end of the filter".to_owned(),
            Some(_) => format!("`{}`", excerpt(part)),
        };
        fault(part, format!("unexpected {found}, expected {expected}"))
    };
    let no_files = |part: &str| fault(part, "modules and files cannot be read here".to_owned());
    let own = load::parse(include_str!("definitions.jq"), |parser| parser.defs());
    let definitions = jaq_core::defs()
        .chain(jaq_std::defs())
        .chain(jaq_json::defs())
        .chain(own.expect("a test uses each of them"));
    let arena = Arena::default();
    let modules = Loader::new(definitions)
        .load(&arena, File { code: filter, path: () })
        .map_err(|errors| match errors.into_iter().next().map(|(_, error)| error) {
            Some(load::Error::Lex(found)) => first(found, |(expected, part): lex::Error<&str>| {
                unexpected(first_word(part), expected.as_str())
            }),
            Some(load::Error::Parse(found)) => {
                first(found, |(expected, part): load::parse::Error<&str>| {
                    unexpected(part, &wanted(&expected))
                })
            }
            Some(load::Error::Io(found)) => first(found, |(part, _)| no_files(part)),
            None => None,
        })
        .map_err(|fault| fault.unwrap_or_else(|| unexpected(filter, "a filter")))?;
    load::import(&modules, |import| Err(import.path.to_string())).map_err(|errors| {
        let found = errors.into_iter().find_map(|(_, error)| match error {
            load::Error::Io(found) => first(found, |(part, _)| no_files(part)),
            _ => None,
        });
        found.unwrap_or_else(|| no_files(filter))
    })?;
    let functions = jaq_core::funs::<Data>()
        .chain(jaq_std::funs::<Data>())
        .chain(jaq_json::funs::<Data>())
        .filter(|(name, ..)| !WITHHELD.contains(name));
    jaq_core::Compiler::default().with_funs(functions).compile(modules).map_err(|errors| {
        let found = errors.into_iter().find_map(|(_, found)| {
            first(found, |(part, what): compile::Error<&str>| fault(part, undefined(part, &what)))
        });
        found.unwrap_or_else(|| unexpected(filter, "a filter"))
    })
}

fn first<T>(found: Vec<T>, tell: impl FnOnce(T) -> Fault) -> Option<Fault> {
    found.into_iter().next().map(tell)
}

/// The head of a part, on one line.
pub(super) fn excerpt(part: &str) -> String {
    let part = part.trim();
    let short: String = part.chars().take(EXCERPT).collect();
    let more = if short.len() < part.len() { "…" } else { "" };
    short.split_whitespace().collect::<Vec<_>>().join(" ") + more
}

/// The lexer hands out all the rest.
fn first_word(rest: &str) -> &str {
    let end = rest.char_indices().find(|(at, next)| *at > 0 && !next.is_alphanumeric());
    &rest[..end.map_or(rest.len(), |(at, _)| at)]
}

fn wanted(expected: &Expect<&str>) -> String {
    match expected {
        Expect::Just(text) => format!("`{text}`"),
        Expect::Nothing => "an operator such as `|`, or the end".to_owned(),
        Expect::Term => "a filter such as `.` or `.name`".to_owned(),
        other => other.as_str().to_owned(),
    }
}

fn undefined(name: &str, what: &compile::Undefined) -> String {
    match what {
        compile::Undefined::Filter(count) => {
            let arguments = if *count == 1 { "argument" } else { "arguments" };
            format!("there is no filter `{name}` with {count} {arguments}")
        }
        other => format!("there is no {} `{name}`", other.as_str()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMIT: usize = 10_000;

    #[track_caller]
    fn check(filter: &str, input: &str, expected: &str) {
        match run(filter, input, LIMIT) {
            Ok(output) => assert_eq!(output, expected, "{filter} on {input}"),
            Err(fault) => panic!("{filter} on {input}: {fault}"),
        }
    }

    #[track_caller]
    fn check_fault(filter: &str, input: &str, expected: &[&str]) {
        match run(filter, input, LIMIT) {
            Ok(output) => panic!("{filter} on {input} gave {output}"),
            Err(fault) => {
                let told = place(fault, filter, input).to_string();
                for part in expected {
                    assert!(told.contains(part), "{filter}: `{part}` is missing in: {told}");
                }
            }
        }
    }

    #[test]
    fn the_number_of_outputs_decides_the_form() {
        check("empty", "1", "null");
        check(".", "1", "1");
        check(".[]", "[7]", "7");
        check(".[]", "[7,8]", "[7,8]");
        check("[.[]]", "[7]", "[7]");
        check("first(.[])", "[7,8]", "7");
        check("1, halt, 2", "0", "1");
    }

    #[test]
    fn what_passes_unchanged_keeps_its_spelling() {
        let same = |json: &str| check(".", json, json);
        same(r#"{"z":1.0,"a":{"y":1e400,"x":12345678901234567890123},"":[]}"#);
        same(r"[-0.0,1E5,0.10,1e-7,100000000000000000000]");
        same(r#"["\\ud800","\ud800\ud800","é😀","\"\n\t\u0001"]"#);
        check(".", r#" { "a" : [ ] } "#, r#"{"a":[]}"#);
        check(".", r#""\u00e9\/\ud83d\ude00""#, r#""é/😀""#);
        check(".a + .b", r#"{"a":"\ud83d","b":"\ude00"}"#, r#""\ud83d\ude00""#);
    }

    #[test]
    fn computed_numbers_are_written_as_jq_does() {
        check("[. / 2, . * 0.5, . + 0.5]", "4", "[2,2,4.5]");
        let most = "1.7976931348623157e308";
        check("[nan, infinite, -infinite]", "0", &format!("[null,{most},-{most}]"));
        check(". + 1", "9223372036854775807", "9223372036854775808");
    }

    #[test]
    fn faults_of_syntax_are_placed() {
        check_fault(".a | | .b", "1", &["at character 6", "`|`", "a filter such as"]);
        check_fault("", "1", &["at character 1", "end of the filter"]);
        check_fault(".a |", "1", &["at character 5", "end of the filter"]);
        check_fault("[.a", "1", &["at character 4", "closing bracket"]);
        check_fault(".a ]", "1", &["at character 4", "`]`"]);
        check_fault(".é", "1", &["at character 2", "`é`"]);
        check_fault(".a | foo(1; 2)", "1", &["character 6", "no filter `foo` with 2 arguments"]);
        check_fault(".\n| $x", "1", &["line 2, character 3", "no variable `$x`"]);
        check_fault("\"abc", "1", &["closing quote"]);
    }

    #[test]
    fn failures_name_the_part_that_fails() {
        check_fault(".a.b", r#"{"a":1}"#, &["at character 1", "in `.a.b`", "cannot index 1"]);
        check_fault(
            ".a | .b | length as $x | $x.c | 1",
            r#"{"a":{"b":[1]}}"#,
            &["at character 11", "in `length as $x | $x.c`", "cannot index 1 with \"c\""],
        );
        check_fault("def f: .a | .b; . | f", "{\"a\":[]}", &["at character 21", "in `f`"]);
        check_fault(".[] | (.a | .b)", "[{\"a\":1}]", &["at character 7", "in `(.a | .b)`"]);
        check_fault("error(\"no such thing\")", "1", &["`: no such thing"]);
        check_fault("halt_error", "1", &["halts with code 5"]);
        let long = format!("[\"{}\"]", "x".repeat(100_000));
        check_fault(".a", &long, &["cannot index", " … ", "with \"a\""]);
        assert!(run(".a", &long, LIMIT).expect_err("it fails").to_string().len() < 600);
    }

    #[test]
    fn what_jq_has_and_jaq_lacks_is_defined() {
        check("[toarray, ([1] | toarray)]", "7", "[[7],[1]]");
        check("[leaf_paths]", r#"{"a":[1,{"b":2}]}"#, r#"[["a",0],["a",1,"b"]]"#);
        check(r#"trimstr("a")"#, r#""abca""#, r#""bc""#);
        check("ascii", "65", r#""A""#);
        check("[IN(1, 2), IN(3), IN(.; 1)]", "1", "[true,false,true]");
        check("INDEX(.id) | map_values(.v)", r#"[{"id":1,"v":2}]"#, r#"{"1":2}"#);
        check("@csv", r#"["a\"b,",1.50,null,true,""]"#, r#""\"a\"\"b,\",1.50,,true,\"\"""#);
        check("@tsv", r#"["a\tb\\",1,null,"x\ny"]"#, r#""a\\tb\\\\\t1\t\tx\\ny""#);
        check_fault("@csv", "[[1]]", &["only strings"]);
        check("pick(.a[1])", r#"{"a":[1,2,3],"b":4}"#, r#"{"a":[null,2]}"#);
        check(
            "pick(.b, .a[0].x, .n.m)",
            r#"{"a":[{"x":1,"y":2}],"b":false}"#,
            r#"{"b":false,"a":[{"x":1}],"n":{"m":null}}"#,
        );
        check("pick(.[2], .[0])", "[1,2,3]", "[1,null,3]");
        check("pick(first)", "[1,2]", "[1]");
        check_fault("pick(.[-1])", "[1,2]", &["from the beginning"]);
    }

    #[test]
    fn nothing_but_the_input_can_be_reached() {
        let names = ["env", "$ENV", "input", "inputs", "input_filename", "localtime", "$__loc__"];
        for filter in names {
            check_fault(filter, "1", &["at character 1", "there is no"]);
        }
        for filter in [
            "import \"a\" as a; .",
            "include \"a\"; .",
            "import \"/etc/passwd\" as $a; $a",
            "import \"a\" as $a; .",
        ] {
            check_fault(filter, "1", &["cannot be read here"]);
        }
        check("debug | stderr", "1", "1");
    }

    #[test]
    fn outputs_are_bounded_and_json() {
        check_fault("repeat(.)", "\"abc\"", &["more than 10000 bytes"]);
        check_fault("[range(100000)]", "1", &["more than 10000 bytes"]);
        check_fault("reduce range(200) as $i (.; [.])", "1", &["127 levels deep"]);
        check_fault("tobytes", "\"a\"", &["no JSON", "tobytes"]);
        check_fault("{(1): 2}", "1", &["key that is no string"]);
        let deep = format!("{}{}", "[".repeat(127), "]".repeat(127));
        check(".", &deep, &deep);
        check_fault("., .", &deep, &["127 levels deep"]);
        check_fault("[.]", &deep, &["127 levels deep"]);
    }
}
