//! Files of TOML.

use serde_json::{Map, Value};
use toml_edit::{Array, DocumentMut, InlineTable, Item, Table, TableLike};

use super::document::Fault;

/// All that the text says.
pub(super) fn value(text: &str) -> Result<Value, Fault> {
    Ok(table(parse(text)?.as_table()))
}

/// The servers under a key, in their order.
pub(super) fn servers(text: &str, section: &str) -> Result<Vec<(String, Value)>, Fault> {
    let document = parse(text)?;
    let Some(servers) = document.get(section) else { return Ok(Vec::new()) };
    let servers = servers.as_table_like().ok_or_else(|| not_a_table(section))?;
    Ok(servers.iter().map(|(name, item)| (name.to_owned(), json(item))).collect())
}

/// The text with a server under its key.
pub(super) fn put(text: &str, section: &str, name: &str, entry: &Value) -> Result<String, Fault> {
    let mut document = parse(text)?;
    if document.get(section).is_none() {
        let mut servers = Table::new();
        // The table of a server says by its name that this one is there.
        servers.set_implicit(true);
        document.insert(section, Item::Table(servers));
    }
    let members = entry.as_object().cloned().unwrap_or_default();
    let members = members.iter().filter_map(|(key, value)| Some((key, toml_value(value)?)));
    match &mut document[section] {
        Item::Table(servers) => {
            let mut server = Table::new();
            server.extend(members);
            if let Some(Item::Table(old)) = servers.get(name) {
                server.set_position(old.position());
                *server.decor_mut() = old.decor().clone();
            } else if !text.trim().is_empty() {
                server.decor_mut().set_prefix("\n");
            }
            servers.insert(name, Item::Table(server));
        }
        other => {
            let servers = other.as_table_like_mut().ok_or_else(|| not_a_table(section))?;
            // The blank before the closing bracket belongs to the last value, which is not the last any more.
            if let Some((_, Item::Value(last))) = servers.iter_mut().last() {
                last.decor_mut().set_suffix("");
            }
            let server: InlineTable = members.collect();
            servers.insert(name, toml_edit::value(server));
        }
    }
    Ok(with_line_ends_of(text, document.to_string()))
}

/// The text without the server of this name, and without the comment right above it.
pub(super) fn take(text: &str, section: &str, name: &str) -> Result<String, Fault> {
    let mut document = parse(text)?;
    let Some(servers) = document.get_mut(section) else { return Ok(text.to_owned()) };
    let servers = servers.as_table_like_mut().ok_or_else(|| not_a_table(section))?;
    if let Some(Item::Table(gone)) = servers.remove(name) {
        keep_comments(&mut document, &gone);
    }
    Ok(with_line_ends_of(text, document.to_string()))
}

/// Comments that an empty line sets apart from a table are not about it: they go to the one behind it.
fn keep_comments(document: &mut DocumentMut, gone: &Table) {
    let prefix = gone.decor().prefix().and_then(|prefix| prefix.as_str()).unwrap_or_default();
    let lines = prefix.replace("\r\n", "\n");
    let Some((apart, _)) = lines.rsplit_once("\n\n").filter(|(apart, _)| apart.contains('#'))
    else {
        return;
    };
    let mut behind = Vec::new();
    visit(document.as_table_mut(), &mut |table| behind.extend(table.position()));
    let behind = behind.into_iter().filter(|at| Some(*at) > gone.position()).min();
    if behind.is_none() {
        let rest = document.trailing().as_str().unwrap_or_default().to_owned();
        document.set_trailing(format!("{apart}\n{rest}"));
        return;
    }
    visit(document.as_table_mut(), &mut |table| {
        if table.position() == behind {
            let own = table.decor().prefix().and_then(|prefix| prefix.as_str());
            let all = format!("{apart}\n{}", own.unwrap_or_default());
            table.decor_mut().set_prefix(all);
        }
    });
}

fn visit(table: &mut Table, work: &mut impl FnMut(&mut Table)) {
    work(table);
    for (_, item) in table.iter_mut() {
        if let Item::Table(inner) = item {
            visit(inner, work);
        }
    }
}

fn parse(text: &str) -> Result<DocumentMut, Fault> {
    text.parse::<DocumentMut>().map_err(|fault| {
        let at = fault.span().map_or(0, |span| span.start.min(text.len()));
        let line = memchr::memchr_iter(b'\n', &text.as_bytes()[..at]).count() + 1;
        let reason = fault.message().lines().collect::<Vec<_>>().join("; ");
        Fault::Syntax { line, reason }
    })
}

fn not_a_table(section: &str) -> Fault {
    Fault::NotAnObject { what: format!("`{section}`"), kind: "table" }
}

/// What the library writes ends lines as Unix does.
fn with_line_ends_of(old: &str, new: String) -> String {
    if old.contains("\r\n") { new.replace("\r\n", "\n").replace('\n', "\r\n") } else { new }
}

fn table(table: &dyn TableLike) -> Value {
    Value::Object(table.iter().map(|(key, item)| (key.to_owned(), json(item))).collect())
}

fn json(item: &Item) -> Value {
    match item {
        Item::None => Value::Null,
        Item::Value(value) => json_value(value),
        Item::Table(inner) => table(inner),
        Item::ArrayOfTables(tables) => Value::Array(tables.iter().map(|one| table(one)).collect()),
    }
}

fn json_value(value: &toml_edit::Value) -> Value {
    match value {
        toml_edit::Value::String(text) => Value::from(text.value().as_str()),
        toml_edit::Value::Integer(number) => Value::from(*number.value()),
        toml_edit::Value::Float(number) => Value::from(*number.value()),
        toml_edit::Value::Boolean(value) => Value::from(*value.value()),
        toml_edit::Value::Datetime(time) => Value::from(time.value().to_string()),
        toml_edit::Value::Array(items) => items.iter().map(json_value).collect(),
        toml_edit::Value::InlineTable(inner) => table(inner),
    }
}

/// TOML has no null: what is none is left out.
fn toml_value(value: &Value) -> Option<toml_edit::Value> {
    Some(match value {
        Value::Null => return None,
        Value::Bool(value) => (*value).into(),
        Value::Number(number) => match number.as_i64() {
            Some(whole) => whole.into(),
            None => number.as_f64()?.into(),
        },
        Value::String(text) => text.as_str().into(),
        Value::Array(items) => items.iter().filter_map(toml_value).collect::<Array>().into(),
        Value::Object(members) => inline(members).into(),
    })
}

fn inline(members: &Map<String, Value>) -> InlineTable {
    members.iter().filter_map(|(key, value)| Some((key.as_str(), toml_value(value)?))).collect()
}
