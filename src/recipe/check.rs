//! From bytes to a recipe, or to everything that is wrong with them.

use std::path::Path;
use std::time::SystemTime;

use super::legacy;
use super::spec::{self, Recipe};
use crate::base::sorting;
use crate::config::document::Document;
use crate::config::finding::{Finding, Report, Severity};
use crate::config::reader::Reader;

/// Recipes take a few kilobytes. Longer files are not looked at.
pub const MAX_BYTES: usize = 256 * 1024;

/// Nobody reads more findings about one file.
const MAX_FINDINGS: usize = 200;

/// What a check brought.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Checked {
    /// The recipe; none if there is an error.
    pub recipe: Option<Recipe>,
    /// The version in which it is written, 1 or 2; what has none that is known is most likely meant as the present one.
    pub version: u64,
    /// What there is to say, in the order of the file.
    pub findings: Vec<Finding>,
}

/// Reads and checks a recipe of either version. `now` is what ages are measured by.
pub fn check(bytes: &[u8], now: SystemTime) -> Checked {
    let document = match parse(bytes) {
        Ok(document) => document,
        Err(finding) => {
            return Checked { recipe: None, version: spec::VERSION, findings: vec![*finding] };
        }
    };
    let report = Report::top();
    for pointer in document.lines.repeated() {
        report.error(pointer, "this key stands twice in its object; keep one");
    }
    let mut top = Reader::new(&document.object, "", &report);
    let version = spec::version(&mut top).unwrap_or(spec::VERSION);
    let recipe = match version {
        1 => legacy::read(&document.object, &mut top),
        _ => Recipe::read(&document.object, &mut top, now),
    };
    top.finish();
    let recipe = recipe.filter(|_| !report.has_errors());
    Checked { recipe, version, findings: in_order(report.into_findings(&document.lines)) }
}

fn parse(bytes: &[u8]) -> Result<Document, Box<Finding>> {
    let whole = |line, message: String| {
        let mut finding = Report::top().finding(Severity::Error, "", message);
        finding.line = line;
        Box::new(finding)
    };
    if bytes.len() > MAX_BYTES {
        let message =
            format!("the file has {} bytes, of which a recipe may have {MAX_BYTES}", bytes.len());
        return Err(whole(None, message));
    }
    if bytes.trim_ascii().is_empty() {
        return Err(whole(None, "the file is empty".to_owned()));
    }
    Document::parse(Path::new(""), bytes).map_err(|fault| match fault {
        crate::config::Error::NotJson { line, column, reason, .. } => {
            whole(Some(line), format!("this is no JSON: {reason} (column {column})"))
        }
        crate::config::Error::NotAnObject { found, .. } => {
            whole(None, format!("the file holds {found} where an object `{{…}}` belongs"))
        }
        other => whole(None, other.to_string()),
    })
}

/// As people read along in the file; what was found on one line keeps its order. What is too much is counted.
fn in_order(mut findings: Vec<Finding>) -> Vec<Finding> {
    sorting::sort_by_key(&mut findings, |finding| finding.line);
    if findings.len() > MAX_FINDINGS {
        let rest = findings.split_off(MAX_FINDINGS);
        let severity = rest.iter().map(|finding| finding.severity).max();
        let message = format!("{} more findings are not shown", rest.len());
        let severity = severity.unwrap_or(Severity::Warning);
        findings.push(Report::top().finding(severity, "", message));
    }
    findings
}
