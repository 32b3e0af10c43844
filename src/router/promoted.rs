//! Promoted tools as clients see them: beside `mcp`, under a name that tells their server.

use std::borrow::Cow;

use serde_json::{Value, json};
use tokio::time::{Instant, sleep_until};

use super::actions::call::Call;
use super::caller::Caller;
use super::request::ToolCall;
use super::routing::Router;
use super::settings::ServerSettings;
use super::shape::Form;
use super::{Error, arguments};
use crate::base::json::Part;
use crate::config::ServerName;
use crate::protocol::outcome::Outcome;
use crate::tools::Tool;
use crate::tools::name::qualified;

impl Router {
    /// The answer to `tools/list`.
    pub fn tool_list(&self) -> Cow<'_, str> {
        let promoted: Vec<String> = self
            .promotion
            .promoted()
            .iter()
            .filter_map(|(server, tool)| {
                let tools = self.registry.reviewed(server)?;
                Some(listed(server, tools.get(tool)?, self.settings.servers.get(server)?))
            })
            .collect();
        match self.tool_list.strip_suffix("]}") {
            Some(open) if !promoted.is_empty() => {
                Cow::Owned(format!("{open},{}]}}", promoted.join(",")))
            }
            _ => Cow::Borrowed(&self.tool_list),
        }
    }

    /// Takes back promotions as they decay and tells when the list of tools is another, for as long as it is polled.
    /// `told` is what it was when that was told last, if it was, under this config or the one before.
    pub(super) async fn watch_promotions(&self, told: &mut Option<String>) {
        if !self.promotion.is_enabled() {
            return;
        }
        let (mut promotions, mut tools) = (self.promotion.changes(), self.registry.changes());
        let told = told.get_or_insert_with(|| self.tool_list().into_owned());
        loop {
            let next = self.promotion.review();
            let list = self.tool_list();
            if *list != **told {
                *told = list.into_owned();
                self.list_changed.send_replace(());
            }
            let decay = async {
                match next {
                    // A call meanwhile makes it later, which the next look shows.
                    Some(end) => sleep_until(end.max(Instant::now())).await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                _ = promotions.changed() => {}
                // A promoted tool may be another one now, or be withheld.
                _ = tools.changed() => {}
                () = decay => {}
            }
        }
    }

    /// Calls a tool by the name under which it is, or lately was, promoted; nothing where there is none. A client may
    /// not have heard yet that it no longer is.
    pub(super) async fn call_promoted(
        &self,
        call: &ToolCall<'_>,
        caller: &Caller,
    ) -> Option<Result<Outcome, Error>> {
        let (server, tool) =
            self.promotion.find(|(server, tool)| qualified(server, tool) == call.name)?;
        let params = match arguments::object("arguments", call.arguments.map(Part::text)) {
            Ok(params) => params,
            Err(error) => return Some(Err(error)),
        };
        let (tool, params, meta) = (&*tool, &*params, call.meta);
        let call = Call { tool, params, select: None, meta, caller, form: Form::Content };
        Some(call.run(self, Some(server.as_str())).await)
    }
}

/// A tool as its server describes it, under its other name. The schema of its result goes where the result may be
/// changed on its way, since clients check one against the other.
fn listed(server: &ServerName, tool: &Tool, settings: &ServerSettings) -> String {
    let definition = &tool.definition;
    let mut listed = json!({ "name": qualified(server, &definition.name) });
    let mut add = |name: &str, value: Option<Value>| {
        if let Some(value) = value {
            listed[name] = value;
        }
    };
    let parsed =
        |json: Option<&str>| json.and_then(|json| serde_json::from_str::<Value>(json).ok());
    add("title", definition.title().map(Value::from));
    add("description", definition.description().map(Value::from));
    let schema = parsed(definition.input_schema()).filter(Value::is_object);
    add("inputSchema", Some(schema.unwrap_or_else(|| json!({ "type": "object" }))));
    if settings.leaves_results_alone() {
        add("outputSchema", parsed(definition.output_schema()).filter(Value::is_object));
    }
    add("annotations", parsed(definition.annotations()).filter(Value::is_object));
    listed.to_string()
}
