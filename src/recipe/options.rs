//! Arguments of programs, taken apart as the programs themselves do it: options with their values, and where the first
//! argument stands that is none.

/// Which options of a program have a value.
#[derive(Debug, Clone, Copy)]
pub(super) struct Syntax {
    /// Long names without their dashes.
    long: Names,
    /// Letters of short options that have a value.
    short: &'static str,
}

#[derive(Debug, Clone, Copy)]
enum Names {
    /// These have one, all others none.
    Valued(&'static [&'static str]),
    /// These have none, those one. Of all others it is not known, so that what begins with `-` is no value of theirs.
    Known { bare: &'static [&'static str], valued: &'static [&'static str] },
}

/// One option as it was given.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Choice<'a> {
    /// Its name with its dashes: `--volume`, or `-v` also where it stands in `-itv`.
    pub(super) name: String,
    /// Its value, where it has one.
    pub(super) value: Option<&'a str>,
    /// Which argument it stands in.
    pub(super) at: usize,
    /// Over how many arguments it goes: 2 where its value is one of its own.
    pub(super) length: usize,
}

impl Syntax {
    /// A program of whose options these have a value.
    pub(super) const fn valued(long: &'static [&'static str], short: &'static str) -> Self {
        Self { long: Names::Valued(long), short }
    }

    /// A program of whose long options these have no value, and those one.
    pub(super) const fn known(
        bare: &'static [&'static str],
        valued: &'static [&'static str],
        short: &'static str,
    ) -> Self {
        Self { long: Names::Known { bare, valued }, short }
    }

    fn has_value(&self, long: &str, next: Option<&str>) -> bool {
        match self.long {
            Names::Valued(names) => names.contains(&long),
            Names::Known { bare, valued } => {
                let may_be_one = next.is_some_and(|next| !next.starts_with('-'));
                valued.contains(&long) || !bare.contains(&long) && may_be_one
            }
        }
    }
}

/// The options from `from` on, and which argument is the first that is none.
pub(super) fn scan<'a>(args: &[&'a str], from: usize, syntax: &Syntax) -> (Vec<Choice<'a>>, usize) {
    let mut choices = Vec::new();
    let mut at = from;
    while let Some(arg) = args.get(at) {
        if *arg == "--" {
            return (choices, at + 1);
        }
        let next = args.get(at + 1).copied();
        let length = if let Some(long) = arg.strip_prefix("--") {
            long_option(long, at, next, syntax, &mut choices)
        } else if arg.len() > 1 && arg.starts_with('-') {
            short_options(&arg[1..], at, next, syntax, &mut choices)
        } else {
            break;
        };
        at += length;
    }
    (choices, at)
}

fn long_option<'a>(
    long: &'a str,
    at: usize,
    next: Option<&'a str>,
    syntax: &Syntax,
    choices: &mut Vec<Choice<'a>>,
) -> usize {
    let (name, value, length) = match long.split_once('=') {
        Some((name, value)) => (name, Some(value), 1),
        None if syntax.has_value(long, next) => (long, next, if next.is_some() { 2 } else { 1 }),
        None => (long, None, 1),
    };
    choices.push(Choice { name: format!("--{name}"), value, at, length });
    length
}

/// Several letters may stand together; the rest behind one that has a value is that value.
fn short_options<'a>(
    letters: &'a str,
    at: usize,
    next: Option<&'a str>,
    syntax: &Syntax,
    choices: &mut Vec<Choice<'a>>,
) -> usize {
    for (index, letter) in letters.char_indices() {
        let name = format!("-{letter}");
        if !syntax.short.contains(letter) {
            choices.push(Choice { name, value: None, at, length: 1 });
            continue;
        }
        let rest = &letters[index + letter.len_utf8()..];
        let (value, length) = match rest.strip_prefix('=').unwrap_or(rest) {
            "" => (next, if next.is_some() { 2 } else { 1 }),
            rest => (Some(rest), 1),
        };
        choices.push(Choice { name, value, at, length });
        return length;
    }
    1
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn options_are_told_from_what_follows() {
        let syntax = Syntax::valued(&["volume"], "vp");
        let check = |line: &str, expected: &[&str], rest: usize| {
            let args: Vec<&str> = line.split_whitespace().collect();
            let (choices, first) = scan(&args, 0, &syntax);
            let told = choices.iter().map(|choice| match choice.value {
                Some(value) => {
                    format!("{}={value} at {}+{}", choice.name, choice.at, choice.length)
                }
                None => format!("{} at {}+{}", choice.name, choice.at, choice.length),
            });
            assert_eq!(told.collect::<Vec<_>>(), expected, "{line}");
            assert_eq!(first, rest, "{line}");
        };
        check("", &[], 0);
        check("image -v x", &[], 0);
        check("--rm --volume /a:/b image", &["--rm at 0+1", "--volume=/a:/b at 1+2"], 3);
        check("--volume=/a=b:/c - x", &["--volume=/a=b:/c at 0+1"], 1);
        check("-itv /a:/b image", &["-i at 0+1", "-t at 0+1", "-v=/a:/b at 0+2"], 2);
        check("-iv/a:/b", &["-i at 0+1", "-v=/a:/b at 0+1"], 1);
        check("-v=/a -- --rm", &["-v=/a at 0+1"], 2);
        check("--volume", &["--volume at 0+1"], 1);
        check("-é -v", &["-é at 0+1", "-v at 1+1"], 2);
        let syntax = Syntax::known(&["rm"], &["label"], "");
        let check = |line: &str, expected: &[(&str, Option<&str>)]| {
            let args: Vec<&str> = line.split_whitespace().collect();
            let (choices, _) = scan(&args, 0, &syntax);
            let told: Vec<_> =
                choices.iter().map(|choice| (choice.name.as_str(), choice.value)).collect();
            assert_eq!(told, expected, "{line}");
        };
        check("--rm x", &[("--rm", None)]);
        check("--label --rm", &[("--label", Some("--rm"))]);
        check("--odd --rm x", &[("--odd", None), ("--rm", None)]);
        check("--odd x --rm", &[("--odd", Some("x")), ("--rm", None)]);
    }
}
