//! Those who call: what they ask for, and whether what comes back is theirs.

use std::time::Duration;

use serde_json::{Value, json};
use tokio::time::Instant;

use super::line::{Era, Line};
use super::plan::Chance;
use super::record::End;
use super::storm::{ENDED, Storm};
use super::web;
use crate::support::{Client, json_of};

/// Within this time each call has ended, however often it was tried.
pub(super) const DEADLINE: Duration = Duration::from_secs(45);
/// Calls that a client on stdio has under way.
const AT_ONCE: usize = 4;

/// Servers, and what may go wrong with their answers. To `calm` nothing happens, so that all its calls must succeed.
pub(super) const SERVERS: [(&str, &[&str]); 5] = [
    ("calm", &["none"]),
    ("first", &PIPE_FAULTS),
    ("second", &PIPE_FAULTS),
    ("remote", &["twice", "exit", "half"]),
    ("web", &web::FAULTS),
];
const PIPE_FAULTS: [&str; 8] =
    ["junk", "strange_ids", "twice", "trickle", "exit", "half", "close_stdout", "huge"];
/// After these nothing comes until the bridge gives up, so they are rare.
const SILENCE: [&str; 2] = ["never", "close_stdin"];

/// One call.
struct Call {
    id: u64,
    nonce: String,
    server: &'static str,
    fault: &'static str,
    may_repeat: bool,
    /// Those of `mcp`, a JSON text.
    arguments: String,
}

impl Call {
    /// All callers count from 1, so that their ids collide all the time.
    fn any(id: u64, caller: &str, chance: &mut Chance) -> Self {
        let (server, faults) = *chance.of_these(&SERVERS);
        let mut tool = *chance.of_these(&["mark", "mark", "mark_read", "mark_again"]);
        let mut fault = if chance.one_in(5) { *chance.of_these(faults) } else { "none" };
        if fault == "huge" && !chance.one_in(4) {
            fault = "none";
        }
        if matches!(server, "first" | "second") && chance.one_in(150) {
            (tool, fault) = ("mark", *chance.of_these(&SILENCE));
        }
        let nonce = format!("{caller}-{id}");
        let ms = if chance.one_in(4) { chance.below(60) } else { 0 };
        let params = json!({"nonce": nonce, "ms": ms, "fault": fault});
        let arguments = json!({"server": server, "tool": tool, "params": params}).to_string();
        Self { id, nonce, server, fault, may_repeat: tool != "mark", arguments }
    }

    /// Looks whether the answer, a whole message, belongs to the call and ends it as calls may end.
    fn end(&self, answer: &Value) -> Result<End, String> {
        let wrong = |what: &str| Err(format!("`{}` got {what}: {answer}", self.nonce));
        let result = &answer["result"];
        if answer["id"] != self.id {
            return wrong("the answer to another id");
        }
        if result["isError"] == true {
            let error = json_of(result);
            let kind = error["error"].as_str().unwrap_or_default().to_owned();
            return match &*kind {
                _ if self.server == "calm" => wrong("an error though nothing is wrong"),
                "connection_failed" | "timed_out" | "mcp_error" => Ok(End::Error(kind)),
                _ => wrong("an error of another kind"),
            };
        }
        if result["content"][0]["text"] != *self.nonce {
            return wrong("what is not its own");
        }
        Ok(End::Result)
    }

    fn note(&self, storm: &Storm, end: Result<End, String>) {
        let end = end.unwrap_or_else(|fault| {
            storm.complain(fault);
            End::Error("fault".to_owned())
        });
        storm.record.ended(&self.nonce, self.may_repeat, (self.server, self.fault), end);
    }
}

/// Calls until the storm is over. Half of the sessions are ended then, and the others left to themselves.
pub(super) fn over_http(storm: &Storm, port: u16, number: u64) -> Option<Line> {
    let era = if number.is_multiple_of(2) { Era::Session } else { Era::Stateless };
    let mut chance = Chance::of(storm.plan.seed, number);
    let mut line = Line::open(port, era, DEADLINE).expect("the bridge answers");
    let caller = format!("http{number}");
    for id in 1.. {
        if Instant::now() >= storm.end {
            break;
        }
        let call = Call::any(id, &caller, &mut chance);
        let message = line.call(call.id, &call.arguments);
        if chance.one_in(40) {
            let end = line.leave(&message, chance.millis_below(20)).map(|()| End::Left);
            call.note(
                storm,
                end.map_err(|error| format!("`{}` cannot be sent: {error}", call.nonce)),
            );
        } else {
            let begun = Instant::now();
            let end = match line.exchange(&message) {
                Err(error) => Err(format!("`{}` is lost: {error}: {}", call.nonce, call.arguments)),
                Ok(answer) if begun.elapsed() > DEADLINE => {
                    Err(format!("`{}` took {:?}: {}", call.nonce, begun.elapsed(), answer.message))
                }
                Ok(answer) => match serde_json::from_str(&answer.message) {
                    Ok(message) if answer.status == 200 => call.end(&message),
                    _ => Err(format!("`{}` got {answer:?}", call.nonce)),
                },
            };
            call.note(storm, end);
        }
        std::thread::sleep(chance.millis_below(storm.plan.pause_ms));
    }
    if number.is_multiple_of(4) {
        match line.end() {
            Ok(ENDED) => {}
            other => storm.complain(format!("the session of {caller} ends with {other:?}")),
        }
        return None;
    }
    line.hang_up();
    (era == Era::Session).then_some(line)
}

/// The same on stdio, with several calls under way.
pub(super) fn over_stdio(storm: &Storm, client: &mut Client, number: u64) {
    let mut chance = Chance::of(storm.plan.seed, 1000 + number);
    let caller = format!("stdio{number}");
    let mut id = 0;
    while Instant::now() < storm.end {
        let calls: Vec<Call> = (0..AT_ONCE)
            .map(|_| {
                id += 1;
                let mut call = Call::any(id, &caller, &mut chance);
                let arguments = serde_json::from_str(&call.arguments).expect("it is JSON");
                call.id = client.start_mcp(&arguments);
                call
            })
            .collect();
        for call in calls {
            let begun = Instant::now();
            let answer = client.answer_within(call.id, DEADLINE);
            let late = || format!("`{}` has no answer after {:?}", call.nonce, begun.elapsed());
            call.note(storm, answer.ok_or_else(late).and_then(|answer| call.end(&answer)));
        }
        std::thread::sleep(chance.millis_below(storm.plan.pause_ms));
    }
}
