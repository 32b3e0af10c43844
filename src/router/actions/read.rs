//! `read`: on in a result that was too long, or a part of it that a filter picks.

use std::sync::Arc;

use crate::cache::{document, page};
use crate::config::Trust;
use crate::protocol::outcome::Facts;
use crate::router::answer::{self, Read};
use crate::router::invocation::{Answered, Notes};
use crate::router::marks::Marks;
use crate::router::routing::{Found, Router};
use crate::router::shape::{Form, off_thread};
use crate::router::{Error, value};
use crate::telemetry::logging::excerpt;

/// Characters of one part where the config sets no limit.
const USUAL_PAGE: usize = 20_000;

/// One part of a kept result, or what a filter makes of the whole.
pub(in crate::router) async fn run(
    router: &Router,
    id: &str,
    offset: usize,
    select: Option<&str>,
) -> Result<Box<str>, Error> {
    let (found, whole) = whole(router, id).await?;
    if let Some(picked) = router.picked(found, &whole, select, Some(id)).await? {
        let answered =
            Answered { result: (*whole).into(), facts: Facts::UNKNOWN, notes: Notes::default() };
        let shaped = router.shape(found, answered, Some(picked), Form::Plain).await;
        let (result, _) = shaped.into_parts(found.name.as_str());
        let (action, next_offset, original_length, offset) = ("read", None, None, None);
        return Ok(answer::result(&Read {
            action,
            id,
            offset,
            next_offset,
            original_length,
            result,
        }));
    }
    let (length, guard) = (whole.len(), found.settings.guard.clone());
    let max = found.settings.max_result_chars.unwrap_or(USUAL_PAGE);
    let part = move || {
        // The whole is cleaned each time: what was cut in two would be found in neither part.
        let clean = guard.result(&whole, false);
        let document = document(&clean.json);
        let page = page(&document, offset, max);
        let marks = Marks {
            untrusted: guard.trust() == Trust::Untrusted,
            sanitized: Some(clean.found).filter(|found| !found.is_empty()),
            ..Marks::default()
        };
        (value::raw(serde_json::json!(page.text).to_string()), page.next, page.total, marks)
    };
    let (text, next_offset, total, marks) = off_thread(length, part).await;
    let (result, _) = marks.enclose(text, found.name.as_str());
    Ok(answer::result(&Read {
        action: "read",
        id,
        offset: Some(offset),
        next_offset,
        original_length: Some(total),
        result,
    }))
}

/// The kept result with its server, whose guard treats it.
async fn whole<'a>(router: &'a Router, id: &str) -> Result<(Found<'a>, Arc<str>), Error> {
    let short = excerpt(id.as_bytes(), 40);
    let kept = router.kept.read(id).await.map_err(|error| Error::NotFound {
        what: format!("the result `{short}` cannot be read: {error}"),
        hint: None,
    })?;
    let (server, whole) = kept.ok_or_else(|| Error::NotFound {
        what: format!("there is no kept result `{short}`"),
        hint: Some("results are kept for a day: make the call again".to_owned()),
    })?;
    Ok((router.find(&server)?, whole))
}
