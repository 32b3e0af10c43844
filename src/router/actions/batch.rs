//! `batch`: several calls at once, some of them with the results of others as arguments.

use std::sync::{Arc, Mutex, PoisonError};

use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use serde_json::json;
use tokio::sync::Semaphore;

use super::which::{self, Purpose, Which};
use crate::base::json::{Strict, is_object, member, members, replace};
use crate::config::{CallFormat, ServerName, Trust};
use crate::protocol::method;
use crate::router::answer::{self, Batch, Slot};
use crate::router::attempt::Attempt;
use crate::router::caller::{Caller, Notify};
use crate::router::item::{Item, Reference};
use crate::router::request::progress_token;
use crate::router::routing::{Found, Router, unknown_tool};
use crate::router::shape::{Form, off_thread};
use crate::router::{Error, value};

/// Bytes of the arguments of one call: references can multiply what they stand for.
const MAX_PARAMS: usize = 16 * 1024 * 1024;
/// Calls of one batch to one server at a time.
const PER_SERVER: usize = 3;

/// The calls, and what they share.
struct Run<'a> {
    router: &'a Router,
    items: &'a [Item<'a>],
    caller: &'a Caller,
    meta: Option<String>,
    /// One for each server, in the order of the config.
    places: Vec<Semaphore>,
    /// Images and sounds, which stand behind the text of the answer.
    media: Mutex<Vec<String>>,
}

/// What came of one call.
struct Ended {
    slot: Slot,
    /// What takes the place of references to it; nothing when it failed.
    value: Option<Value>,
}

/// What a call gave, and which server said so.
#[derive(Clone)]
struct Value {
    text: Arc<str>,
    server: ServerName,
}

/// Runs the calls, side by side as far as they do not wait for each other. One that fails fails those that refer to
/// it, and no other.
pub(in crate::router) async fn run(
    router: &Router,
    items: &[Item<'_>],
    meta: Option<&str>,
    caller: &Caller,
) -> Result<Box<str>, Error> {
    check_filters(router, items).await?;
    let token = meta.and_then(progress_token);
    let run = Run {
        router,
        items,
        caller,
        meta: meta.map(without_token),
        places: router.pool.iter().map(|_| Semaphore::new(PER_SERVER)).collect(),
        media: Mutex::default(),
    };
    let mut ended: Vec<Option<Ended>> = items.iter().map(|_| None).collect();
    let mut started = vec![false; items.len()];
    let mut running = FuturesUnordered::new();
    let mut done = 0;
    loop {
        for (index, item) in items.iter().enumerate() {
            let ready = |needed: &Reference| ended[needed.item].is_some();
            if !started[index] && item.references.iter().all(ready) {
                started[index] = true;
                let needed = needed(items, item, &ended);
                let run = &run;
                running.push(async move { (index, run.one(item, needed).await) });
            }
        }
        let Some((index, outcome)) = running.next().await else { break };
        done += 1;
        if let Some(token) = token {
            tell(&caller.notify, token, done, items.len());
        }
        ended[index] = Some(outcome);
    }
    drop(running);
    let slots = ended.into_iter().flatten().map(|ended| ended.slot).collect();
    let media = std::mem::take(&mut *run.media.lock().unwrap_or_else(PoisonError::into_inner));
    Ok(answer::result_with(&Batch { action: "batch", results: slots }, &media))
}

/// Nothing runs where a filter cannot be read.
async fn check_filters(router: &Router, items: &[Item<'_>]) -> Result<(), Error> {
    for (index, item) in items.iter().enumerate() {
        let of_references = item.references.iter().map(|reference| reference.select.as_deref());
        for filter in of_references.chain([item.select.as_deref()]) {
            router.check_filter(filter).await.map_err(|error| {
                Error::invalid(format!("`calls[{index}]`: {error}")).with_hint_of(&error)
            })?;
        }
    }
    Ok(())
}

/// A value and the filter for it, for each reference; or the name of the first call that has none.
type Needed = Result<Vec<(Value, Option<String>)>, String>;

fn needed(items: &[Item<'_>], item: &Item<'_>, ended: &[Option<Ended>]) -> Needed {
    let value = |reference: &Reference| {
        let ended = ended[reference.item].as_ref();
        match ended.and_then(|ended| ended.value.clone()) {
            Some(value) => Ok((value, reference.select.clone())),
            None => Err(items[reference.item].id.as_deref().unwrap_or_default().to_owned()),
        }
    };
    item.references.iter().map(value).collect()
}

impl Run<'_> {
    async fn one(&self, item: &Item<'_>, needed: Needed) -> Ended {
        let mut slot = Slot::new(item);
        let outcome = match needed {
            Ok(needed) => self.call(item, needed, &mut slot).await,
            Err(id) => Err(Error::Dependency { id }),
        };
        match outcome {
            Ok(value) => Ended { slot, value },
            Err(error) => {
                slot.fail(&error);
                Ended { slot, value: None }
            }
        }
    }

    /// Calls the tool; the value for those who refer to it.
    async fn call(
        &self,
        item: &Item<'_>,
        needed: Vec<(Value, Option<String>)>,
        slot: &mut Slot,
    ) -> Result<Option<Value>, Error> {
        let router = self.router;
        let params = self.fill(item, needed).await?;
        let purpose = Purpose::Calling { params: &params };
        let found = match which::server(router, item.server.as_deref(), &item.tool, purpose).await?
        {
            Which::Found(found) => found,
            Which::Ambiguous(question) => {
                slot.ask(question);
                return Ok(None);
            }
        };
        slot.server = Some(found.name.to_string());
        let place = router.pool.place(found.name.as_str()).and_then(|place| self.places.get(place));
        let _place = match place {
            Some(place) => place.acquire().await.ok(),
            None => None,
        };
        let tools = router.tools_of(found).await?;
        let Some(tool) = tools.get(&item.tool) else {
            return Err(unknown_tool(found.name, &tools, &item.tool));
        };
        let (meta, caller) = (self.meta.as_deref(), self.caller);
        let attempt = Attempt { found, tool, params: &params, meta, caller, whole: None };
        let answered = attempt.answered(router).await?;
        let select = item.select.as_deref();
        let picked = router.picked(found, &answered.result, select, None).await?;
        let value = if answered.facts.is_error || !self.is_wanted(item) {
            None
        } else {
            Some(self.value(found, &answered.result, picked.as_deref()).await)
        };
        let mut shaped = router.shape(found, answered, picked, Form::Slot).await;
        if router.settings.call_format == CallFormat::Content {
            let mut media = self.media.lock().unwrap_or_else(PoisonError::into_inner);
            // The first block is the text of the answer.
            let next = media.len() + 1;
            media.extend(shaped.lift(next));
        }
        slot.fill(shaped.into_parts(found.name.as_str()));
        Ok(value)
    }

    /// What others get of a result, cleaned as its server's trust demands: it is not to get around that by way of
    /// another server.
    async fn value(&self, found: Found<'_>, result: &str, picked: Option<&str>) -> Value {
        let guard = found.settings.guard.clone();
        let text: Arc<str> = if guard.trust() == Trust::Trusted {
            picked.map_or_else(|| Arc::from(value::of(result)), Arc::from)
        } else {
            let is_picked = picked.is_some();
            let json = picked.unwrap_or(result).to_owned();
            let clean = move || {
                let clean = guard.result(&json, false).json;
                if is_picked { Arc::from(clean) } else { Arc::from(value::of(&clean)) }
            };
            off_thread(result.len(), clean).await
        };
        Value { text, server: found.name.clone() }
    }

    /// Whether another call refers to this one.
    fn is_wanted(&self, item: &Item<'_>) -> bool {
        let refers =
            |reference: &Reference| std::ptr::eq(&raw const self.items[reference.item], item);
        self.items.iter().any(|other| other.references.iter().any(refers))
    }

    /// The arguments with what they refer to.
    async fn fill(
        &self,
        item: &Item<'_>,
        needed: Vec<(Value, Option<String>)>,
    ) -> Result<String, Error> {
        let mut values = Vec::with_capacity(needed.len());
        for (value, select) in needed {
            values.push(match select {
                None => value.text,
                Some(filter) => {
                    let Value { text, server } = &value;
                    Arc::from(self.router.select(&filter, text, Some(server)).await?)
                }
            });
        }
        let length = item.filled_length(&values);
        if length > MAX_PARAMS {
            return Err(Error::invalid(format!(
                "`params` with the results in them have {length} bytes, at most {MAX_PARAMS} are sent"
            ))
            .with_hint("pick what is needed with the `select` of the reference"));
        }
        let params = item.filled(&values);
        // Values may be nested as deeply as messages, and stand deep in the arguments.
        if !values.is_empty()
            && let Err(fault) = Strict::new().check(params.as_bytes())
        {
            return Err(Error::invalid(format!("`params` with the results in them: {fault}")));
        }
        if !is_object(&params) {
            let reason = "`params` must be an object, and the result in their place is none";
            return Err(Error::invalid(reason));
        }
        Ok(params)
    }
}

/// Metadata for the servers: the token is for the batch as a whole.
fn without_token(meta: &str) -> String {
    let kept = members(meta).filter(|member| member.name() != "progressToken");
    let kept = kept.map(|member| format!("{}:{}", json!(member.name()), member.value));
    format!("{{{}}}", kept.collect::<Vec<_>>().join(","))
}

/// Says how many calls have ended (specification, Progress).
fn tell(notify: &Notify, token: &str, done: usize, total: usize) {
    let params = json!({ "progressToken": null, "progress": done, "total": total }).to_string();
    if let Some(null) = member(&params, "progressToken")
        && let Some(params) = replace(&params, null, token)
    {
        notify.send(method::PROGRESS, &params);
    }
}
