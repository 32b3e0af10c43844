//! The server of the stateless era: it knows no `initialize`, reads who asks from each request, asks back with results
//! and says what belongs to no request on `subscriptions/listen`.

use serde::Deserialize;
use serde_json::value::RawValue;
use serde_json::{Value, json};

use crate::arguments::Envelope;
use crate::server::{Flow, Server};

const REVISION: &str = "2026-07-28";
const VERSION: &str = "io.modelcontextprotocol/protocolVersion";
const CAPABILITIES: &str = "io.modelcontextprotocol/clientCapabilities";
const LOG_LEVEL: &str = "io.modelcontextprotocol/logLevel";
const SUBSCRIPTION: &str = "io.modelcontextprotocol/subscriptionId";

/// The tools that there are only here.
pub(crate) const TOOLS: [&str; 5] = ["rounds", "log", "touch", "streams", "end_streams"];

/// What a server does with a method that it does not know.
#[derive(Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Unknown {
    /// Refuses it.
    Refuse,
    /// Ends.
    Exit,
    /// Leaves it without an answer.
    Ignore,
}

/// A stream of notifications that is open: the id of its request, and what is wanted.
pub(crate) struct Stream {
    id: Value,
    wanted: Value,
}

#[derive(Deserialize)]
struct Rounds {
    /// How often to ask.
    count: u64,
}

impl Server {
    /// Answers a request that only this era has, or refuses one that only the other era has; `None` for all others.
    pub(crate) fn stateless(&mut self, envelope: &Envelope<'_>) -> Option<Flow> {
        let id = envelope.id?;
        let params: Value = envelope
            .params
            .and_then(|params| serde_json::from_str(params.get()).ok())
            .unwrap_or_default();
        let meta = &params["_meta"];
        match &*envelope.method {
            "initialize" | "ping" | "logging/setLevel" | "resources/subscribe" => {
                self.refuse(id, -32601, &format!("method not found: {}", envelope.method));
                if self.options.unknown == Unknown::Exit {
                    return Some(Flow::Exit(1));
                }
            }
            // An answer to a request; there are none in this era.
            "" => return None,
            _ if meta[VERSION] != REVISION => self.refuse(id, -32602, "no revision in `_meta`"),
            _ if !meta[CAPABILITIES].is_object() => {
                self.refuse(id, -32602, "no capabilities in `_meta`");
            }
            "server/discover" => {
                let result = self.discovered().to_string();
                self.answer(id, &result);
            }
            "subscriptions/listen" => self.open_stream(id, &params),
            "tools/call" => return self.special(id, &params),
            _ => return None,
        }
        Some(Flow::Continue)
    }

    fn discovered(&self) -> Value {
        json!({
            "resultType": "complete",
            "supportedVersions": [REVISION],
            "capabilities": {
                "tools": {"listChanged": true},
                "resources": {"subscribe": true},
                "logging": {},
            },
            "instructions": format!("Instructions of {}.", self.options.name),
            "ttlMs": 0,
            "cacheScope": "private",
            "_meta": {"io.modelcontextprotocol/serverInfo": {"name": self.options.name, "version": "1.0.0"}},
        })
    }

    /// The tools that only make sense here.
    fn special(&mut self, id: &RawValue, params: &Value) -> Option<Flow> {
        let arguments = &params["arguments"];
        match params["name"].as_str()? {
            "rounds" => self.rounds(id, params),
            "log" => {
                if let Some(level) = params["_meta"][LOG_LEVEL].as_str() {
                    let params = json!({"level": level, "data": "working"});
                    self.notification("notifications/message", &params);
                }
                self.text(id, "done");
            }
            "touch" => {
                self.tell("notifications/resources/updated", &json!({"uri": arguments["uri"]}));
                self.text(id, "touched");
            }
            "streams" => {
                let wanted: Vec<&Value> =
                    self.streams.iter().map(|stream| &stream.wanted).collect();
                let text = json!(wanted).to_string();
                self.text(id, &text);
            }
            "end_streams" => {
                for Stream { id, .. } in std::mem::take(&mut self.streams) {
                    let result = json!({"resultType": "complete", "_meta": {SUBSCRIPTION: id}});
                    let id = serde_json::value::to_raw_value(&id).expect("an id is JSON");
                    self.answer(&id, &result.to_string());
                }
                self.text(id, "ended");
            }
            _ => return None,
        }
        Some(Flow::Continue)
    }

    /// Asks twice in each of so many rounds, and answers with all that came back in the last one.
    fn rounds(&mut self, id: &RawValue, params: &Value) {
        let Ok(Rounds { count }) = Rounds::deserialize(&params["arguments"]) else {
            return self.refuse(id, -32602, "`count` is missing");
        };
        let done: u64 =
            params["requestState"].as_str().and_then(|state| state.parse().ok()).unwrap_or(0);
        if done == count {
            return self.text(id, &params["inputResponses"].to_string());
        }
        let message = format!("round {}", done + 1);
        let result = json!({
            "resultType": "input_required",
            "requestState": (done + 1).to_string(),
            "inputRequests": {
                "name": {"method": "elicitation/create", "params": {"message": message, "requestedSchema": {"type": "object", "properties": {}}}},
                "folders": {"method": "roots/list"},
            },
        });
        self.answer(id, &result.to_string());
    }

    fn open_stream(&mut self, id: &RawValue, params: &Value) {
        let id: Value = serde_json::from_str(id.get()).expect("an id is JSON");
        let wanted = params["notifications"].clone();
        let params = json!({"notifications": wanted, "_meta": {SUBSCRIPTION: id}});
        self.notification("notifications/subscriptions/acknowledged", &params);
        self.streams.push(Stream { id, wanted });
    }

    /// Sends a notification on every stream that wants it.
    pub(crate) fn tell(&mut self, method: &str, params: &Value) {
        let wants = |stream: &&Stream| match method {
            "notifications/tools/list_changed" => stream.wanted["toolsListChanged"] == true,
            _ => stream.wanted["resourceSubscriptions"]
                .as_array()
                .is_some_and(|uris| uris.contains(&params["uri"])),
        };
        let ids: Vec<Value> =
            self.streams.iter().filter(wants).map(|stream| stream.id.clone()).collect();
        for id in ids {
            let mut params = params.clone();
            params["_meta"][SUBSCRIPTION] = id;
            self.notification(method, &params);
        }
    }

    /// Ends the stream of this request.
    pub(crate) fn close_stream(&mut self, id: &str) {
        let id: Value = serde_json::from_str(id).unwrap_or_default();
        self.streams.retain(|stream| stream.id != id);
    }

    fn notification(&mut self, method: &str, params: &Value) {
        let message = json!({"jsonrpc": "2.0", "method": method, "params": params}).to_string();
        self.batch.message(|body| body.extend_from_slice(message.as_bytes()));
    }
}
