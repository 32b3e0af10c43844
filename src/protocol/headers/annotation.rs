//! Arguments of tools that travel in headers as well: what `x-mcp-header` in an `inputSchema` says, and whether it may say
//! so (revision 2026-07-28, Streamable HTTP, Custom Headers from Tool Parameters).

use std::borrow::Cow;

use super::value::encode;
use crate::base::json::{elements, is_object, member, members, string};

/// The keyword of a schema that says in which header an argument travels.
pub const KEYWORD: &str = "x-mcp-header";

/// The greatest integer up to which every one has a double of its own.
const SAFE: i64 = (1 << 53) - 1;

/// One annotated argument.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Annotation {
    /// The last part of the header's name, behind `Mcp-Param-`.
    pub header: Box<str>,
    /// The names that lead to the argument.
    pub path: Vec<Box<str>>,
    /// What the argument is.
    pub kind: Kind,
}

/// The types that an annotated argument may have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// `string`
    String,
    /// `integer`
    Integer,
    /// `boolean`
    Boolean,
}

/// The annotations of a tool.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Annotations(Vec<Annotation>);

/// Why a tool has to be left out of lists.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AnnotationFault {
    /// Not the text of a header's name.
    #[error("`x-mcp-header` of `{0}` is no name for a header")]
    Name(String),
    /// Two arguments would have the same header.
    #[error("two arguments have the `x-mcp-header` `{0}`")]
    Twice(String),
    /// Only simple values fit into a header.
    #[error("`{0}` has an `x-mcp-header`, but is no string, integer or boolean")]
    Kind(String),
    /// Where the argument lies depends on the call.
    #[error("an `x-mcp-header` stands where `properties` alone do not lead")]
    Place,
}

impl Annotations {
    /// Reads the annotations of an `inputSchema`.
    pub fn parse(schema: &str) -> Result<Self, AnnotationFault> {
        let mut found = Self::default();
        found.walk(schema, &mut Vec::new(), true)?;
        Ok(found)
    }

    /// Each of them.
    pub fn iter(&self) -> impl Iterator<Item = &Annotation> {
        self.0.iter()
    }

    fn walk(
        &mut self,
        schema: &str,
        path: &mut Vec<Box<str>>,
        reachable: bool,
    ) -> Result<(), AnnotationFault> {
        for entry in members(schema) {
            match &*entry.name() {
                KEYWORD if reachable && !path.is_empty() => {
                    self.enter(entry.value, schema, path)?;
                }
                KEYWORD => return Err(AnnotationFault::Place),
                "properties" => {
                    for property in members(entry.value) {
                        path.push(property.name().into());
                        self.walk(property.value, path, reachable)?;
                        path.pop();
                    }
                }
                // They hold schemas by names, which may be anything.
                "$defs" | "definitions" | "dependentSchemas" | "patternProperties" => {
                    for named in members(entry.value) {
                        self.walk(named.value, path, false)?;
                    }
                }
                // They hold values, which may be anything.
                "const" | "default" | "enum" | "examples" => {}
                _ if is_object(entry.value) => self.walk(entry.value, path, false)?,
                _ => {
                    for element in elements(entry.value) {
                        self.walk(element, path, false)?;
                    }
                }
            }
        }
        Ok(())
    }

    fn enter(
        &mut self,
        name: &str,
        schema: &str,
        path: &[Box<str>],
    ) -> Result<(), AnnotationFault> {
        let argument = || path.join(".");
        let header = string(name)
            .filter(|name| !name.is_empty() && name.bytes().all(is_token))
            .ok_or_else(|| AnnotationFault::Name(argument()))?;
        if self.0.iter().any(|known| known.header.eq_ignore_ascii_case(&header)) {
            return Err(AnnotationFault::Twice(header.into_owned()));
        }
        let kind = match member(schema, "type").and_then(string).as_deref() {
            Some("string") => Kind::String,
            Some("integer") => Kind::Integer,
            Some("boolean") => Kind::Boolean,
            _ => return Err(AnnotationFault::Kind(argument())),
        };
        self.0.push(Annotation { header: header.into(), path: path.to_vec(), kind });
        Ok(())
    }
}

impl Annotation {
    /// The value that the arguments have for it, as text; nothing if there is none, or none that fits into a header.
    pub fn value<'a>(&self, arguments: &'a str) -> Option<Cow<'a, str>> {
        let value = self.path.iter().try_fold(arguments, |object, name| member(object, name))?;
        match value.bytes().next()? {
            b'"' => string(value),
            b't' | b'f' => Some(Cow::Borrowed(value)),
            b'-' | b'0'..=b'9' => {
                let number = integer(value).filter(|_| self.kind == Kind::Integer);
                Some(number.map_or(Cow::Borrowed(value), |number| Cow::Owned(number.to_string())))
            }
            _ => None,
        }
    }

    /// The value as the header carries it.
    pub fn header_value(&self, arguments: &str) -> Option<String> {
        self.value(arguments).map(|value| encode(&value).into_owned())
    }

    /// Whether a header, decoded, says the same as the arguments. Integers are compared as numbers, however they are
    /// spelt (revision 2026-07-28, Streamable HTTP, Server Validation).
    pub fn is_same(&self, header: &str, value: &str) -> bool {
        header == value
            || (self.kind == Kind::Integer
                && integer(header).is_some_and(|number| integer(value) == Some(number)))
    }
}

/// The integer that a JSON number stands for, if every reader takes it for the same one.
fn integer(json: &str) -> Option<i64> {
    let exact = json.parse::<i64>().ok();
    let number = exact.or_else(|| {
        let number = json.parse::<f64>().ok().filter(|number| number.fract() == 0.0)?;
        // Written out, it has all its digits, and too many of them do not parse.
        format!("{number:.0}").parse().ok()
    })?;
    (-SAFE..=SAFE).contains(&number).then_some(number)
}

/// Characters of a header's name (RFC 9110, section 5.6.2).
fn is_token(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn schema(properties: &str) -> String {
        format!(r#"{{"type":"object","properties":{properties}}}"#)
    }

    #[test]
    fn annotations_are_found_wherever_properties_lead() {
        let check = |properties: &str, expected: &[(&str, &str, Kind)]| {
            let found = Annotations::parse(&schema(properties)).expect(properties);
            let found: Vec<_> =
                found.iter().map(|it| (it.path.join("."), &*it.header, it.kind)).collect();
            let expected: Vec<_> = expected
                .iter()
                .map(|(path, name, kind)| ((*path).to_owned(), *name, *kind))
                .collect();
            assert_eq!(found, expected, "{properties}");
        };
        check("{}", &[]);
        check(r#"{"a":{"type":"string","default":{"x-mcp-header":"not one"}}}"#, &[]);
        check(r#"{"x-mcp-header":{"type":"string"}}"#, &[]);
        check(
            r#"{"a":{"type":"string","x-mcp-header":"A"},"b":{"type":"object","properties":{"c":{"x-mcp-header":"C-1","type":"integer"},"d":{"type":"boolean","x-mcp-header":"D"}}}}"#,
            &[("a", "A", Kind::String), ("b.c", "C-1", Kind::Integer), ("b.d", "D", Kind::Boolean)],
        );
    }

    #[test]
    fn annotations_that_may_not_be_are_faults() {
        use AnnotationFault as Fault;
        let check = |schema: &str, expected: Fault| {
            assert_eq!(Annotations::parse(schema), Err(expected), "{schema}");
        };
        let of = |property: &str| schema(&format!(r#"{{"a":{property}}}"#));
        let name = || Fault::Name("a".to_owned());
        check(&of(r#"{"type":"string","x-mcp-header":""}"#), name());
        check(&of(r#"{"type":"string","x-mcp-header":"a b"}"#), name());
        check(&of(r#"{"type":"string","x-mcp-header":"a\r\nb"}"#), name());
        check(&of(r#"{"type":"string","x-mcp-header":"é"}"#), name());
        check(&of(r#"{"type":"string","x-mcp-header":true}"#), name());
        check(&of(r#"{"type":"number","x-mcp-header":"A"}"#), Fault::Kind("a".to_owned()));
        check(&of(r#"{"type":"object","x-mcp-header":"A"}"#), Fault::Kind("a".to_owned()));
        check(&of(r#"{"x-mcp-header":"A"}"#), Fault::Kind("a".to_owned()));
        check(
            &schema(
                r#"{"a":{"type":"string","x-mcp-header":"Same"},"b":{"type":"string","x-mcp-header":"sAME"}}"#,
            ),
            Fault::Twice("sAME".to_owned()),
        );
        check(r#"{"type":"object","x-mcp-header":"A"}"#, Fault::Place);
        let inner = r#"{"type":"string","x-mcp-header":"A"}"#;
        for keyword in ["items", "not", "if", "additionalProperties", "contains", "x-other"] {
            check(&of(&format!(r#"{{"{keyword}":{inner}}}"#)), Fault::Place);
        }
        for keyword in ["oneOf", "anyOf", "allOf", "prefixItems"] {
            check(&of(&format!(r#"{{"{keyword}":[{inner}]}}"#)), Fault::Place);
        }
        check(&format!(r#"{{"$defs":{{"d":{inner}}}}}"#), Fault::Place);
        let nested = schema(&format!(r#"{{"a":{inner}}}"#));
        check(&format!(r#"{{"allOf":[{nested}]}}"#), Fault::Place);
    }

    #[test]
    fn values_are_taken_from_the_arguments() {
        let check = |arguments: &str, expected: Option<&str>| {
            let annotation = Annotation {
                header: "A".into(),
                path: vec!["a".into(), "b".into()],
                kind: Kind::Integer,
            };
            assert_eq!(annotation.value(arguments).as_deref(), expected, "{arguments}");
        };
        check(r#"{"a":{"b":"x\n"}}"#, Some("x\n"));
        check(r#"{"a":{"b":true}}"#, Some("true"));
        check(r#"{"a":{"b":-7}}"#, Some("-7"));
        check(r#"{"a":{"b":42.0}}"#, Some("42"));
        check(r#"{"a":{"b":1e3}}"#, Some("1000"));
        check(r#"{"a":{"b":9007199254740993}}"#, Some("9007199254740993"));
        check(r#"{"a":{"b":0.5}}"#, Some("0.5"));
        check(r#"{"a":{"b":null}}"#, None);
        check(r#"{"a":{"b":[1]}}"#, None);
        check(r#"{"a":{}}"#, None);
        check(r#"{"b":1}"#, None);
        check("{}", None);
    }

    #[test]
    fn integers_are_compared_as_numbers() {
        let check = |kind, header: &str, value: &str, expected| {
            let annotation = Annotation { header: "A".into(), path: Vec::new(), kind };
            assert_eq!(annotation.is_same(header, value), expected, "{header} {value}");
        };
        check(Kind::Integer, "42.0", "42", true);
        check(Kind::Integer, "42", "43", false);
        check(Kind::Integer, "9007199254740993", "9007199254740992", false);
        check(Kind::Integer, "x", "x", true);
        check(Kind::String, "42.0", "42", false);
        check(Kind::Boolean, "true", "true", true);
        check(Kind::Boolean, "True", "true", false);
    }
}
