//! The server: one value per session, or per request where requests stand alone.
#![expect(deprecated, reason = "logging and subscribing are what the suite of 2025-11-25 asks for")]

use std::borrow::Cow;
use std::collections::hash_map::RandomState;
use std::hash::BuildHasher as _;
use std::sync::{Arc, Mutex, PoisonError};

use rmcp::model::{
    CallToolRequestParams, CallToolResponse, CancelTaskParams, CompleteRequestParams,
    CompleteResult, CompletionInfo, GetPromptRequestParams, GetPromptResponse, GetPromptResult,
    GetTaskParams, GetTaskResult, Implementation, ListPromptsResult, ListResourceTemplatesResult,
    ListResourcesResult, ListToolsResult, LoggingLevel, PaginatedRequestParams, Prompt,
    PromptMessage, ProtocolVersion, ReadResourceRequestParams, ReadResourceResponse,
    RequestStateCodec, Role, ServerCapabilities, ServerConfig, SetLevelRequestParams,
    SubscribeRequestParams, SubscriptionFilter, Tool, UnsubscribeRequestParams, UpdateTaskParams,
};
use rmcp::service::{NotificationContext, RequestContext, SubscriptionContext};
use rmcp::task_manager::TaskManager;
use rmcp::transport::streamable_http_server::session::local::LocalSessionManager;
use rmcp::{ErrorData, RoleServer, ServerHandler};

use crate::asking::{self, Call, Outcome};
use crate::changes::{self, Changes, Watched};
use crate::era::Era;
use crate::lists::Lists;
use crate::{calls, content};

/// What all sessions share.
pub struct Shared {
    era: Era,
    lists: Lists,
    /// Lists and resources that change.
    pub changes: Changes,
    /// Tasks outlive the request that began them.
    pub tasks: TaskManager,
    /// Seals the state that clients keep for us.
    pub codec: RequestStateCodec,
    /// The sessions of the HTTP transport; empty on stdio.
    pub sessions: Arc<LocalSessionManager>,
}

impl Shared {
    /// A server of this era.
    pub fn new(era: Era, sessions: Arc<LocalSessionManager>) -> Self {
        Self {
            era,
            lists: Lists::new(),
            changes: Changes::new(),
            tasks: TaskManager::new(),
            codec: RequestStateCodec::new(key()),
            sessions,
        }
    }

    /// The tools that are there now.
    fn tools(&self) -> Vec<Tool> {
        let there = self.lists.tools.len() - usize::from(!self.changes.has_extra_tool());
        self.lists.tools[..there].to_vec()
    }

    /// The prompts that are there now.
    fn prompts(&self) -> Vec<Prompt> {
        let there = self.lists.prompts.len() - usize::from(!self.changes.has_extra_prompt());
        self.lists.prompts[..there].to_vec()
    }

    /// The tool of that name, if it is there now.
    pub fn tool(&self, name: &str) -> Option<Tool> {
        self.tools().into_iter().find(|tool| tool.name == name)
    }
}

/// A key that another run does not share, from what the standard library seeds its maps with.
fn key() -> Vec<u8> {
    (0..4_u8).flat_map(|part| RandomState::new().hash_one(part).to_le_bytes()).collect()
}

/// One session, or one request that stands alone.
pub struct Server {
    /// What all sessions share.
    pub shared: Arc<Shared>,
    level: Mutex<Option<LoggingLevel>>,
    watched: Watched,
}

impl Server {
    /// A session that has not begun.
    pub fn new(shared: Arc<Shared>) -> Self {
        Self { shared, level: Mutex::default(), watched: Watched::default() }
    }

    /// The level that `logging/setLevel` asked for.
    pub fn level(&self) -> Option<LoggingLevel> {
        *self.level.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl ServerHandler for Server {
    fn get_info(&self) -> ServerConfig {
        let capabilities = ServerCapabilities::builder()
            .enable_completions()
            .enable_logging()
            .enable_prompts()
            .enable_prompts_list_changed()
            .enable_resources()
            .enable_resources_subscribe()
            .enable_tools()
            .enable_tool_list_changed()
            .enable_tasks()
            .build();
        ServerConfig::new(capabilities)
            .with_server_info(Implementation::new("reference-server", "1.0.0"))
            .with_instructions("Everything that the conformance suite asks for.")
    }

    fn supported_protocol_versions(&self) -> Cow<'static, [ProtocolVersion]> {
        Cow::Owned(self.shared.era.versions())
    }

    async fn on_initialized(&self, context: NotificationContext<RoleServer>) {
        let changes = self.shared.changes.listen();
        tokio::spawn(changes::tell_session(context.peer, changes, Arc::clone(&self.watched)));
    }

    async fn set_level(
        &self,
        request: SetLevelRequestParams,
        _context: RequestContext<RoleServer>,
    ) -> Result<(), ErrorData> {
        *self.level.lock().unwrap_or_else(PoisonError::into_inner) = Some(request.level);
        Ok(())
    }

    async fn complete(
        &self,
        request: CompleteRequestParams,
        _context: RequestContext<RoleServer>,
    ) -> Result<CompleteResult, ErrorData> {
        let values = ["test", "tested", "tester"]
            .into_iter()
            .filter(|value| value.starts_with(&request.argument.value))
            .map(ToOwned::to_owned)
            .collect();
        let completion =
            CompletionInfo::new(values).map_err(|error| ErrorData::internal_error(error, None))?;
        Ok(CompleteResult::new(completion))
    }

    async fn list_tools(
        &self,
        _request: Option<PaginatedRequestParams>,
        _context: RequestContext<RoleServer>,
    ) -> Result<ListToolsResult, ErrorData> {
        Ok(ListToolsResult::with_all_items(self.shared.tools()))
    }

    fn get_tool(&self, name: &str) -> Option<Tool> {
        self.shared.tool(name)
    }

    async fn call_tool(
        &self,
        request: CallToolRequestParams,
        context: RequestContext<RoleServer>,
    ) -> Result<CallToolResponse, ErrorData> {
        calls::run(self, request, &context).await
    }

    async fn list_prompts(
        &self,
        _request: Option<PaginatedRequestParams>,
        _context: RequestContext<RoleServer>,
    ) -> Result<ListPromptsResult, ErrorData> {
        Ok(ListPromptsResult::with_all_items(self.shared.prompts()))
    }

    async fn get_prompt(
        &self,
        request: GetPromptRequestParams,
        context: RequestContext<RoleServer>,
    ) -> Result<GetPromptResponse, ErrorData> {
        let arguments = request.arguments.unwrap_or_default();
        if let Some(prompt) = content::of_prompt(&request.name, &arguments) {
            return Ok(prompt.into());
        }
        if !self.shared.prompts().iter().any(|prompt| prompt.name == request.name) {
            let message = format!("Unknown prompt: {}", request.name);
            return Err(ErrorData::invalid_params(message, None));
        }
        let answers = request.input_responses.unwrap_or_default();
        let call = Call { name: request.name, arguments, answers, state: request.request_state };
        match asking::run(call, &context, &self.shared.codec).await? {
            Some(Outcome::Done(text)) => {
                Ok(GetPromptResult::new(vec![PromptMessage::new_text(Role::User, text)]).into())
            }
            Some(Outcome::InputRequired(questions)) => Ok(questions.into()),
            None => Err(ErrorData::internal_error("The prompt is only listed", None)),
        }
    }

    async fn list_resources(
        &self,
        _request: Option<PaginatedRequestParams>,
        _context: RequestContext<RoleServer>,
    ) -> Result<ListResourcesResult, ErrorData> {
        Ok(ListResourcesResult::with_all_items(self.shared.lists.resources.clone()))
    }

    async fn list_resource_templates(
        &self,
        _request: Option<PaginatedRequestParams>,
        _context: RequestContext<RoleServer>,
    ) -> Result<ListResourceTemplatesResult, ErrorData> {
        Ok(ListResourceTemplatesResult::with_all_items(self.shared.lists.templates.clone()))
    }

    async fn read_resource(
        &self,
        request: ReadResourceRequestParams,
        _context: RequestContext<RoleServer>,
    ) -> Result<ReadResourceResponse, ErrorData> {
        content::of_resource(&request.uri).map(Into::into)
    }

    async fn subscribe(
        &self,
        request: SubscribeRequestParams,
        _context: RequestContext<RoleServer>,
    ) -> Result<(), ErrorData> {
        content::of_resource(&request.uri)?;
        self.watched.lock().unwrap_or_else(PoisonError::into_inner).insert(request.uri);
        Ok(())
    }

    async fn unsubscribe(
        &self,
        request: UnsubscribeRequestParams,
        _context: RequestContext<RoleServer>,
    ) -> Result<(), ErrorData> {
        self.watched.lock().unwrap_or_else(PoisonError::into_inner).remove(&request.uri);
        Ok(())
    }

    fn accepted_subscription_filter(
        &self,
        requested: &SubscriptionFilter,
    ) -> Option<SubscriptionFilter> {
        Some(requested.clone())
    }

    async fn listen(&self, subscription: SubscriptionContext) -> Result<(), ErrorData> {
        changes::tell_subscription(subscription, self.shared.changes.listen()).await;
        Ok(())
    }

    async fn get_task(
        &self,
        request: GetTaskParams,
        _context: RequestContext<RoleServer>,
    ) -> Result<GetTaskResult, ErrorData> {
        self.shared.tasks.get_task(&request.task_id).map(GetTaskResult::new)
    }

    async fn update_task(
        &self,
        request: UpdateTaskParams,
        _context: RequestContext<RoleServer>,
    ) -> Result<(), ErrorData> {
        self.shared.tasks.update_task(&request.task_id, request.input_responses)
    }

    async fn cancel_task(
        &self,
        request: CancelTaskParams,
        _context: RequestContext<RoleServer>,
    ) -> Result<(), ErrorData> {
        self.shared.tasks.cancel_task(&request.task_id)
    }
}
