//! What there is beside tools with `--rich`: prompts, resources, completions and logs.

use std::borrow::Cow;

use serde::Deserialize;
use serde_json::value::RawValue;
use serde_json::{Value, json};

use crate::arguments::CallParams;
use crate::calls::arguments;
use crate::server::{Server, write_answer};

/// What the tools are named and described as.
pub(crate) const TOOLS: [(&str, &str); 5] = [
    ("touch", "Says that the resource at `uri` has changed, if somebody subscribed to it."),
    ("change", "Says that the list of `what` has changed."),
    ("log", "Writes a log message of each of the levels debug, info and error."),
    ("level", "Says which level of logs was set, and what is subscribed to."),
    ("release", "Sends the answers that the script holds."),
];

#[derive(Deserialize)]
struct Uri<'a> {
    #[serde(borrow)]
    uri: Cow<'a, str>,
}

#[derive(Deserialize)]
struct What<'a> {
    #[serde(borrow)]
    what: Cow<'a, str>,
}

impl Server {
    pub(crate) fn rich_capabilities(&self, capabilities: &mut Value) {
        if self.options.rich {
            capabilities["prompts"] = json!({"listChanged": true});
            capabilities["resources"] = json!({"listChanged": true, "subscribe": true});
            capabilities["completions"] = json!({});
        }
    }

    /// Answers a request; false if it is none of these.
    pub(crate) fn rich(&mut self, id: &RawValue, method: &str, params: Option<&RawValue>) -> bool {
        if !self.options.rich {
            return false;
        }
        let text = params.map_or("{}", RawValue::get).to_owned();
        let params: Value = serde_json::from_str(&text).unwrap_or_default();
        let name = self.options.name.clone();
        let uri = params["uri"].as_str().unwrap_or_default().to_owned();
        match method {
            "prompts/list" => self.answer(id, PROMPTS),
            "prompts/get" if params["name"] == "greet" || params["name"] == "odd.one" => {
                let message = json!({"role": "user", "content": {"type": "text", "text": text}});
                let result = json!({"description": name, "messages": [message], "x-last": [1.50]});
                self.answer(id, &result.to_string());
            }
            "prompts/get" => self.refuse(id, -32602, "unknown prompt"),
            "resources/list" if params["cursor"] == "2" => {
                let shared = json!({"uri": "test://shared", "name": "shared", "x-of": name});
                self.answer(id, &json!({"resources": [shared]}).to_string());
            }
            "resources/list" => {
                let own = format!(
                    r#"{{ "uri":"test://{name}/text","name":"text","x-more":{{"z":1.50,"a":1e3}}}}"#
                );
                self.answer(id, &format!(r#"{{"resources":[{own}],"nextCursor":"2"}}"#));
            }
            "resources/templates/list" => {
                let template = json!({
                    "uriTemplate": format!("test://{name}/item/{{id}}"), "name": "item",
                });
                self.answer(id, &json!({"resourceTemplates": [template]}).to_string());
            }
            "resources/read" => self.read(id, &uri),
            "resources/subscribe" if self.has(&uri) => {
                self.subscribed.push(uri);
                self.answer(id, "{}");
            }
            "resources/subscribe" => self.refuse(id, -32002, "Resource not found"),
            "resources/unsubscribe" => {
                self.subscribed.retain(|subscribed| *subscribed != uri);
                self.answer(id, "{}");
            }
            "completion/complete" => {
                let values = json!([name, params["ref"].to_string()]);
                self.answer(id, &json!({"completion": {"values": values}}).to_string());
            }
            "logging/setLevel" => {
                self.level = params["level"].clone();
                self.answer(id, "{}");
            }
            _ => return false,
        }
        true
    }

    fn has(&self, uri: &str) -> bool {
        let own = format!("test://{}/", self.options.name);
        uri == "test://shared" || uri.starts_with(&own)
    }

    fn read(&mut self, id: &RawValue, uri: &str) {
        if self.has(uri) {
            let text = format!("{} has {uri}", self.options.name);
            let uri = json!(uri);
            let result = format!(
                r#"{{"contents":[{{"uri":{uri},"text":{},"x-more":1.50}}],"x-last":{{}}}}"#,
                json!(text)
            );
            return self.answer(id, &result);
        }
        let error = json!({"code": -32002, "message": "Resource not found", "data": {"uri": uri}});
        self.batch.message(|body| write_answer(body, id.get(), "error", &error.to_string()));
    }

    /// Does what one of [`TOOLS`] is for.
    pub(crate) fn rich_call(&mut self, id: &RawValue, call: &CallParams) -> Option<()> {
        match &*call.name {
            "touch" => {
                let uri = arguments::<Uri<'_>>(call)?.uri.into_owned();
                if self.subscribed.contains(&uri) {
                    self.notify("notifications/resources/updated", &json!({"uri": uri}));
                }
                self.text(id, "touched");
            }
            "change" => {
                let what = arguments::<What<'_>>(call)?.what;
                self.notify(&format!("notifications/{what}/list_changed"), &json!({}));
                self.text(id, "changed");
            }
            "release" => {
                self.release();
                self.text(id, "released");
            }
            "log" => {
                for level in ["debug", "info", "error"] {
                    let params = json!({"level": level, "data": format!("a message: {level}")});
                    self.notify("notifications/message", &params);
                }
                self.text(id, "logged");
            }
            "level" => {
                let said = json!({"level": self.level, "subscribed": self.subscribed});
                self.text(id, &said.to_string());
            }
            _ => return None,
        }
        Some(())
    }

    fn notify(&mut self, method: &str, params: &Value) {
        let text = json!({"jsonrpc": "2.0", "method": method, "params": params}).to_string();
        self.batch.message(|body| body.extend_from_slice(text.as_bytes()));
    }
}

const PROMPTS: &str = r#"{"prompts":[{"x-first":[],"name":"greet","title":"Greet","arguments":[{"name":"who","required":true}],"x-more":{"z":1.50}},{"name":"odd.one"}],"_meta":{}}"#;
