//! Which URIs a template stands for (RFC 6570). Values may be anything, so that the question is only where the text
//! between the expressions is to be found; an expression of level 1 stands for no `/`, one of another kind for
//! anything.

/// A template, taken apart.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Template {
    text: String,
    parts: Vec<Part>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Part {
    Literal(String),
    /// `{name}`: characters that are not reserved, or escaped.
    Simple,
    /// `{+name}`, `{/name}` and the like: anything, also nothing.
    Free,
}

impl Template {
    /// Reads a template. What is no expression stands for itself.
    pub(super) fn parse(text: &str) -> Self {
        let mut parts = Vec::new();
        let mut rest = text;
        while let Some((before, after)) = rest.split_once('{') {
            let Some((expression, behind)) = after.split_once('}') else { break };
            if !before.is_empty() {
                parts.push(Part::Literal(before.to_owned()));
            }
            let is_simple = !expression.starts_with(['+', '#', '.', '/', ';', '?', '&'])
                && !expression.contains(['*', ',']);
            parts.push(if is_simple { Part::Simple } else { Part::Free });
            rest = behind;
        }
        if !rest.is_empty() {
            parts.push(Part::Literal(rest.to_owned()));
        }
        Self { text: text.to_owned(), parts }
    }

    /// As its server wrote it.
    pub(super) fn text(&self) -> &str {
        &self.text
    }

    /// How much of it stands for nothing but itself, in bytes: the more, the fewer URIs it may stand for.
    pub(super) fn literal(&self) -> usize {
        let literal = |part: &Part| match part {
            Part::Literal(text) => text.len(),
            Part::Simple | Part::Free => 0,
        };
        self.parts.iter().map(literal).sum()
    }

    /// Whether it may stand for this URI. Takes as many steps as both are long together, multiplied by the number of
    /// expressions at most.
    pub(super) fn matches(&self, uri: &str) -> bool {
        // The places that the parts so far can end at.
        let mut ends = vec![false; uri.len() + 1];
        ends[0] = true;
        for part in &self.parts {
            ends = part.ends(uri, &ends);
        }
        ends[uri.len()]
    }
}

impl Part {
    /// Where the part can end that begins at one of these places.
    fn ends(&self, uri: &str, starts: &[bool]) -> Vec<bool> {
        let mut ends = vec![false; starts.len()];
        match self {
            Self::Literal(text) => {
                for at in (0..starts.len()).filter(|at| starts[*at]) {
                    if uri.as_bytes()[at..].starts_with(text.as_bytes()) {
                        ends[at + text.len()] = true;
                    }
                }
            }
            Self::Simple | Self::Free => {
                let mut open = false;
                for (at, end) in ends.iter_mut().enumerate() {
                    let before = at.checked_sub(1).map(|before| uri.as_bytes()[before]);
                    if *self == Self::Simple && before.is_some_and(|byte| b"/?#".contains(&byte)) {
                        open = false;
                    }
                    // A simple one has a value, which may be empty only where the URI ends.
                    *end = open || (starts[at] && (*self == Self::Free || at == uri.len()));
                    open |= starts[at];
                }
            }
        }
        ends
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(template: &str, uri: &str, expected: bool) {
        assert_eq!(Template::parse(template).matches(uri), expected, "{template} {uri}");
    }

    #[test]
    fn templates_stand_for_what_they_expand_to() {
        check("test://template/{id}/data", "test://template/123/data", true);
        check("test://template/{id}/data", "test://template/1/2/data", false);
        check("test://template/{id}/data", "test://template//data", false);
        check("test://template/{id}/data", "test://template/123/other", false);
        check("file:///{+path}", "file:///a/b%20c.txt", true);
        check("file:///{path}", "file:///a/b", false);
        check("{scheme}://x", "s://x", true);
        check("a:{x}{y}", "a:12", true);
        check("a:{x}-{y}", "a:1-2-3", true);
        check("a:{?q}", "a:?q=1", true);
        check("a:{?q}", "a:", true);
        check("a:{x*}", "a:1/2", true);
        check("a:b", "a:b", true);
        check("a:{b", "a:{b", true);
        check("a:{é}", "a:ü", true);
        check("", "", true);
        check("", "a", false);
    }

    #[test]
    fn what_is_literal_counts() {
        let literal = |template| Template::parse(template).literal();
        assert_eq!([literal("{+any}"), literal("a:{x}/b{y}"), literal("a:b")], [0, 4, 3]);
    }

    #[test]
    fn many_expressions_are_no_trap() {
        let template = "a".to_owned() + &"{x}a".repeat(200);
        assert!(!Template::parse(&template).matches(&"a".repeat(5000).replace("aaaaa", "aaaa/")));
    }
}
