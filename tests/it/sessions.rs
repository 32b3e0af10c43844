//! Which sessions with a server there are, for whom, and what they hear: the pool itself, in front of the scripted
//! server.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use futures_util::future::BoxFuture;
use indexmap::IndexMap;
use mcp_bridge::base::environment::Environment;
use mcp_bridge::base::secret::Secret;
use mcp_bridge::config::{
    Framing, Lifecycle, SanitizeAction, SchemaCompression, ServerName, Stdio, Timeouts, ToolFilter,
    Transport, Trust,
};
use mcp_bridge::guard::Guard;
use mcp_bridge::guard::pin::Pins;
use mcp_bridge::protocol::era::Era;
use mcp_bridge::tools::{Registries, Registry, Remembered, Rules};
use mcp_bridge::upstream::changes::Kind;
use mcp_bridge::upstream::follower::Reply;
use mcp_bridge::upstream::pool::Server;
use mcp_bridge::upstream::{
    Declares, Error, Follower, Lease, Pool, Session, Settings, Tenant, Watch,
};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio_util::task::TaskTracker;

use crate::support::{PATIENCE, UPSTREAM, lines_of};

const ASKED: &str = r#"{"elicitation":{},"roots":{}}"#;

/// A pool with one server named `one`.
struct Bench {
    pool: Pool,
    tasks: TaskTracker,
    folder: TempDir,
}

/// A client that notes what it hears and answers every question with its method.
#[derive(Debug)]
struct Client {
    id: u64,
    heard: Mutex<Vec<(String, Value)>>,
    /// Answers to questions wait for it, if it is there.
    gate: Option<Arc<tokio::sync::Notify>>,
}

impl Client {
    fn new(id: u64) -> Arc<Self> {
        Arc::new(Self { id, heard: Mutex::default(), gate: None })
    }

    fn note(&self, method: &str, params: Option<&str>) {
        let params = params.map(|params| serde_json::from_str(params).expect("it is JSON"));
        let mut heard = self.heard.lock().unwrap_or_else(PoisonError::into_inner);
        heard.push((method.to_owned(), params.unwrap_or_default()));
    }

    /// The methods of what it heard since it was asked last.
    fn take(&self) -> Vec<String> {
        let heard = std::mem::take(&mut *self.heard.lock().unwrap_or_else(PoisonError::into_inner));
        heard.into_iter().map(|(method, _)| method).collect()
    }

    fn methods(&self) -> Vec<String> {
        let heard = self.heard.lock().unwrap_or_else(PoisonError::into_inner);
        heard.iter().map(|(method, _)| method.clone()).collect()
    }
}

impl Follower for Client {
    fn client(&self) -> u64 {
        self.id
    }

    fn notified(&self, method: &str, params: &str) {
        self.note(method, Some(params));
    }

    fn asked(&self, method: &str, params: Option<&str>) -> BoxFuture<'static, Reply> {
        self.note(method, params);
        let answer = json!({"action": "accept", "asked": method}).to_string();
        let gate = self.gate.clone();
        Box::pin(async move {
            if let Some(gate) = gate {
                gate.notified().await;
            }
            Ok(answer.into())
        })
    }
}

impl Bench {
    fn new(flags: &[&str]) -> Self {
        Self::with(flags, Timeouts::default(), Lifecycle::default())
    }

    fn with(flags: &[&str], timeouts: Timeouts, lifecycle: Lifecycle) -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder can be made");
        let log = folder.path().join("starts");
        let mut args: Vec<Secret> = flags.iter().map(|&flag| flag.to_owned().into()).collect();
        args.push("--start-log".to_owned().into());
        args.push(log.to_str().expect("the path is UTF-8").to_owned().into());
        let stdio = Stdio {
            command: UPSTREAM.to_owned(),
            args,
            env: IndexMap::new(),
            cwd: None,
            framing: Framing::Auto,
            login: None,
            own_folder: None,
        };
        let name = ServerName::parse("one").expect("a name");
        let guard = Guard::new(&name, Trust::Trusted, SanitizeAction::default());
        let rules = Rules { filter: ToolFilter::default(), guard };
        let registry = Registry::new(
            IndexMap::from([(name.clone(), rules)]),
            SchemaCompression::default(),
            Pins::new(folder.path().join("pins"), HashMap::new()),
            Remembered::new(folder.path().join("lists"), HashMap::new()),
        );
        let tasks = TaskTracker::new();
        let pool = Pool::new(
            vec![Server {
                name,
                transport: Transport::Stdio(stdio),
                secrets: Vec::new(),
                login: None,
            }],
            Settings { timeouts, lifecycle },
            &Arc::new(Environment::of_process()),
            Registries::new(registry),
            tasks.clone(),
        );
        Self { pool, tasks, folder }
    }

    async fn lease(&self, tenant: &Tenant) -> Lease {
        let (_, supervisor) = self.pool.find("one").expect("there is one server");
        self.pool.lease(supervisor, tenant).await.expect("the server can be reached")
    }

    /// How often the server was started.
    fn starts(&self) -> usize {
        lines_of(&self.folder.path().join("starts")).len()
    }

    async fn end(self) {
        self.pool.close();
        self.tasks.close();
        tokio::time::timeout(PATIENCE, self.tasks.wait()).await.expect("all sessions end");
    }
}

fn tenant(client: u64, era: Era, capabilities: &str) -> Tenant {
    Tenant { client, era, capabilities: capabilities.into(), ..Tenant::anybody(era) }
}

async fn call(session: &Session, tool: &str, arguments: Value, watch: Watch<'_>) -> Value {
    let result = try_call(session, tool, arguments, watch).await.expect("the call succeeds");
    serde_json::from_str(&result).expect("a result is JSON")
}

async fn try_call(
    session: &Session,
    tool: &str,
    arguments: Value,
    watch: Watch<'_>,
) -> Result<Box<str>, Error> {
    let params = json!({"name": tool, "arguments": arguments}).to_string();
    let write = |to: &mut Vec<u8>, _| to.extend_from_slice(params.as_bytes());
    session.call_tool(PATIENCE, watch, write).await.map(|outcome| outcome.json)
}

/// Lets so much time pass that nothing of earlier calls can come any more.
async fn rest() {
    pass(Duration::from_secs(3)).await;
}

/// Lets time pass, of which only the clock knows.
async fn pass(time: Duration) {
    tokio::time::pause();
    tokio::time::advance(time).await;
    tokio::time::resume();
}

fn follow(client: &Arc<Client>) -> Watch<'static> {
    let client: Arc<dyn Follower> = client.clone();
    Watch { follower: Some(client), ..Watch::default() }
}

fn text(result: &Value) -> Value {
    let text = result["content"][0]["text"].as_str().expect("a text");
    serde_json::from_str(text).unwrap_or_else(|_| text.into())
}

#[tokio::test]
async fn the_era_of_a_server_is_found_whatever_is_preferred() {
    for (flags, wanted, expected, starts) in [
        (&["--stateless"][..], Era::Session, Era::Stateless, 1),
        (&["--stateless"], Era::Stateless, Era::Stateless, 1),
        (&["--stateless", "--unknown", "exit"], Era::Session, Era::Stateless, 2),
        (&[], Era::Session, Era::Session, 1),
        (&[], Era::Stateless, Era::Session, 1),
        (&["--unknown", "exit"], Era::Stateless, Era::Session, 2),
        (&["--unknown", "ignore"], Era::Stateless, Era::Session, 1),
    ] {
        let timeouts = Timeouts { wait: Duration::from_secs(4), ..Timeouts::default() };
        let bench = Bench::with(flags, timeouts, Lifecycle::default());
        let lease = bench.lease(&Tenant::anybody(wanted)).await;
        let established = lease.established().expect("the handshake is done");
        assert_eq!(established.era, expected, "{flags:?} {wanted:?}");
        assert_eq!(established.instructions.as_deref(), Some("Instructions of test-upstream."));
        assert!(established.offers.tools.is_some_and(|tools| tools.list_changed));
        assert_eq!(bench.starts(), starts, "{flags:?} {wanted:?}");
        bench.end().await;
    }
}

#[tokio::test]
async fn clients_that_can_be_asked_nothing_share_a_session() {
    let bench = Bench::new(&[]);
    let one = bench.lease(&tenant(1, Era::Session, "{}")).await;
    let other = bench.lease(&tenant(2, Era::Session, r#"{"experimental":{}}"#)).await;
    assert!(Arc::ptr_eq(&one, &other));
    assert_eq!(bench.starts(), 1);
    bench.end().await;
}

#[tokio::test]
async fn a_client_that_can_be_asked_has_a_session_of_its_own() {
    let bench = Bench::new(&[]);
    let shared = bench.lease(&tenant(1, Era::Session, "{}")).await;
    let clients = [Client::new(2), Client::new(3)];
    for client in &clients {
        let lease = bench.lease(&tenant(client.id, Era::Session, ASKED)).await;
        assert!(!Arc::ptr_eq(&lease, &shared));
        let again = bench.lease(&tenant(client.id, Era::Session, ASKED)).await;
        assert!(Arc::ptr_eq(&lease, &again));
        let arguments = json!({"method": "elicitation/create", "params": {"message": "?"}});
        let answer = text(&call(&lease, "ask", arguments, follow(client)).await);
        assert_eq!(answer["result"]["asked"], "elicitation/create", "{answer}");
        assert_eq!(client.methods(), ["elicitation/create"]);
    }
    assert_eq!(bench.starts(), 3);
    let lease = bench.lease(&tenant(2, Era::Session, ASKED)).await;
    bench.pool.release(2);
    tokio::time::timeout(PATIENCE, async {
        while lease.ended().is_none() {
            tokio::task::yield_now().await;
        }
    })
    .await
    .expect("the session of a client that left ends");
    assert!(shared.ended().is_none());
    bench.end().await;
}

#[tokio::test]
async fn a_stateless_client_borrows_a_session_for_one_call() {
    let bench = Bench::new(&[]);
    let of = |client| tenant(client, Era::Stateless, ASKED);
    let first = bench.lease(&of(1)).await;
    let second = bench.lease(&of(2)).await;
    assert!(!Arc::ptr_eq(&first, &second), "a borrowed session is nobody else's");
    let client = Client::new(1);
    let answer = call(&first, "ask", json!({"method": "roots/list"}), follow(&client)).await;
    assert_eq!(text(&answer)["result"]["asked"], "roots/list");
    let session = Arc::clone(&first);
    drop(first);
    let again = bench.lease(&of(1)).await;
    assert!(Arc::ptr_eq(&again, &session), "it is lent again");
    drop(again);
    let starts = bench.starts();
    assert_eq!(starts, 2, "one for each");
    let third = bench.lease(&of(3)).await;
    assert!(!Arc::ptr_eq(&third, &session), "something of the first call may be to come");
    assert_eq!(bench.starts(), starts + 1);
    rest().await;
    let fourth = bench.lease(&of(4)).await;
    assert!(Arc::ptr_eq(&fourth, &session), "it has rested");
    drop((second, third, fourth));
    bench.lease(&of(4)).await;
    let starts = starts + 1;
    assert_eq!(bench.starts(), starts);
    let other = bench.lease(&tenant(5, Era::Stateless, r#"{"sampling":{}}"#)).await;
    assert_eq!(bench.starts(), starts + 1, "it declares something else");
    drop(other);
    bench.end().await;
}

#[tokio::test]
async fn the_first_call_of_a_stateless_client_opens_one_session() {
    for flags in [&[][..], &["--stateless"]] {
        let bench = Bench::new(flags);
        let of = |client, capabilities| tenant(client, Era::Stateless, capabilities);
        let (asked, other) = (of(1, ASKED), of(2, ASKED));
        let (first, second) = tokio::join!(bench.lease(&asked), bench.lease(&other));
        assert_eq!(Arc::ptr_eq(&first, &second), first.era() == Era::Stateless);
        assert_eq!(bench.starts(), if first.era() == Era::Stateless { 1 } else { 2 });
        // Who can be asked nothing is never given one in which somebody else can.
        let starts = bench.starts();
        let quiet = bench.lease(&of(3, "{}")).await;
        assert_eq!(Arc::ptr_eq(&quiet, &first), first.era() == Era::Stateless);
        assert_eq!(bench.starts() - starts, usize::from(first.era() == Era::Session));
        bench.end().await;
    }
}

#[tokio::test]
async fn only_a_server_that_said_nothing_of_an_era_is_asked_in_it_again() {
    for (flags, asked) in [(&["--unknown", "exit"][..], 2), (&[], 1)] {
        let bench = Bench::new(flags);
        let of = |client| tenant(client, Era::Stateless, ASKED);
        // To be asked ends the process, so that there is another one.
        let leases = [bench.lease(&of(1)).await, bench.lease(&of(2)).await];
        assert_eq!(bench.starts(), asked + 1, "{flags:?}");
        pass(Duration::from_mins(10)).await;
        let starts = bench.starts();
        let other = bench.lease(&tenant(3, Era::Stateless, r#"{"sampling":{}}"#)).await;
        assert_eq!(other.era(), Era::Session);
        assert_eq!(bench.starts(), starts + asked, "{flags:?}");
        drop(leases);
        bench.end().await;
    }
}

#[tokio::test]
async fn sessions_that_rest_are_few_and_others_than_those_that_wait() {
    let bench = Bench::new(&[]);
    let of = |client| tenant(client, Era::Stateless, ASKED);
    for client in 0..20 {
        bench.lease(&of(client)).await;
    }
    assert_eq!(bench.starts(), 16, "no further ones are opened");
    let other = bench.lease(&tenant(30, Era::Stateless, r#"{"sampling":{}}"#)).await;
    assert_eq!(bench.starts(), 17, "one of the others has to go for it");
    drop(other);
    rest().await;
    for client in 40..50 {
        bench.lease(&of(client)).await;
    }
    assert!(bench.starts() > 17, "few were left: {}", bench.starts());
    bench.end().await;
}

#[tokio::test]
async fn what_comes_late_reaches_no_other_client() {
    let log = json!({"method": "notifications/message", "params": {"level": "info", "data": "of the first"}});
    let question = json!({"method": "roots/list"});
    for (era, capabilities) in [(Era::Session, "{}"), (Era::Stateless, ASKED)] {
        let bench = Bench::new(&[]);
        let clients = [Client::new(1), Client::new(2)];
        let of = |client: &Client| tenant(client.id, era, capabilities);
        for (late, owner) in [(&log, 0), (&question, 0), (&log, 1), (&question, 1)] {
            let lease = bench.lease(&of(&clients[0])).await;
            let session = Arc::clone(&lease);
            call(&lease, "leave", late.clone(), follow(&clients[0])).await;
            drop(lease);
            // The session is used by another one at once, be it that it was to wait.
            let brought = call(&session, "bring", json!({}), follow(&clients[owner])).await;
            let heard: Vec<String> = clients.iter().flat_map(|client| client.take()).collect();
            if owner == 0 {
                assert_eq!(heard, [late["method"].as_str().expect("a text")], "it is its own");
            } else {
                assert_eq!(heard, Vec::<String>::new(), "{late}");
                if late["method"] == "roots/list" {
                    assert_eq!(text(&brought)["error"]["code"], -32601, "{brought}");
                }
            }
            rest().await;
        }
        bench.end().await;
    }
}

#[tokio::test]
async fn a_session_whose_call_was_given_up_is_not_lent_again() {
    let bench = Bench::new(&[]);
    let of = |client| tenant(client, Era::Stateless, ASKED);
    for (number, limit) in [(1, PATIENCE), (3, Duration::from_millis(20))] {
        let lease = bench.lease(&of(number)).await;
        let starts = bench.starts();
        let write = |to: &mut Vec<u8>, _: u64| to.extend_from_slice(br#"{"name":"never"}"#);
        let call = lease.call_tool(limit, Watch::default(), write);
        if number == 1 {
            // Long enough for it to be sent.
            let withdrawn = tokio::time::timeout(Duration::from_millis(20), call).await;
            assert!(withdrawn.is_err());
        } else {
            assert!(matches!(call.await, Err(Error::TimedOut { .. })));
        }
        let session = Arc::clone(&lease);
        drop(lease);
        let next = bench.lease(&of(number)).await;
        assert!(!Arc::ptr_eq(&next, &session), "its server may still ask for the first client");
        assert_eq!(bench.starts(), starts + 1);
    }
    bench.end().await;
}

#[tokio::test]
async fn only_so_many_sessions_are_lent_at_a_time() {
    let timeouts = Timeouts { request: Duration::from_millis(50), ..Timeouts::default() };
    let bench = Bench::with(&[], timeouts, Lifecycle::default());
    let (_, supervisor) = bench.pool.find("one").expect("there is one server");
    let of = |client| tenant(client, Era::Stateless, ASKED);
    let mut leases = Vec::new();
    let refused = loop {
        match bench.pool.lease(supervisor, &of(leases.len() as u64)).await {
            Ok(lease) => leases.push(lease),
            Err(error) => break error,
        }
        assert!(leases.len() <= 100, "each may be a process");
    };
    assert!(matches!(refused, Error::Busy { .. }), "{refused}");
    let starts = bench.starts();
    leases.pop();
    bench.lease(&of(1000)).await;
    assert_eq!(bench.starts(), starts, "what was given back is lent again");
    drop(leases);
    bench.end().await;
}

#[tokio::test]
async fn a_client_that_left_gets_no_further_session() {
    let bench = Bench::new(&[]);
    let (_, supervisor) = bench.pool.find("one").expect("there is one server");
    bench.pool.release(7);
    let lease = bench.pool.lease(supervisor, &tenant(7, Era::Session, ASKED)).await;
    assert!(matches!(lease, Err(Error::Closed { .. })), "{lease:?}");
    bench.lease(&tenant(8, Era::Session, ASKED)).await;
    bench.end().await;
}

#[tokio::test]
async fn questions_in_results_are_put_to_the_client_and_answered() {
    let bench = Bench::new(&["--stateless"]);
    let lease = bench.lease(&tenant(1, Era::Session, ASKED)).await;
    let client = Client::new(1);
    let declares =
        Declares { era: Era::Session, capabilities: ASKED, client_info: None, log_level: None };
    let watch = Watch { declares: Some(declares), ..follow(&client) };
    let answers = text(&call(&lease, "rounds", json!({"count": 3}), watch).await);
    assert_eq!(answers["name"]["asked"], "elicitation/create", "{answers}");
    assert_eq!(answers["folders"]["asked"], "roots/list");
    assert_eq!(client.methods(), ["elicitation/create", "roots/list"].repeat(3));

    let watch = Watch { passes_rounds: true, ..follow(&client) };
    let result = call(&lease, "rounds", json!({"count": 1}), watch).await;
    assert_eq!(result["resultType"], "input_required");
    assert_eq!(result["requestState"], "1");
    let endless = try_call(&lease, "rounds", json!({"count": 1000}), follow(&client)).await;
    assert!(matches!(endless, Err(Error::BadAnswer { .. })), "{endless:?}");
    let nobody = try_call(&lease, "rounds", json!({"count": 1}), Watch::default()).await;
    assert!(matches!(&nobody, Err(Error::Refused(error)) if error.code == -32021), "{nobody:?}");
    bench.end().await;
}

#[tokio::test]
async fn what_the_eras_do_not_share_does_not_cross() {
    let bench = Bench::new(&["--stateless"]);
    let lease = bench.lease(&Tenant::anybody(Era::Stateless)).await;
    let tasks = json!({"io.modelcontextprotocol/tasks": {}, "a/b": {}});
    let capabilities = json!({"tasks": {}, "extensions": tasks});
    for (era, expected) in
        [(Era::Stateless, capabilities.clone()), (Era::Session, json!({"extensions": {"a/b": {}}}))]
    {
        let capabilities = &*capabilities.to_string();
        let declares = Declares { era, capabilities, client_info: None, log_level: None };
        let watch = Watch { declares: Some(declares), ..Watch::default() };
        let seen = text(&call(&lease, "meta", json!({}), watch).await);
        let declared = &seen["_meta"]["io.modelcontextprotocol/clientCapabilities"];
        assert_eq!(*declared, expected, "{era:?}");
    }
    bench.end().await;
}

#[tokio::test]
async fn a_stateless_server_logs_for_the_request_that_wants_it() {
    let bench = Bench::new(&["--stateless"]);
    let lease = bench.lease(&Tenant::anybody(Era::Stateless)).await;
    let client = Client::new(1);
    call(&lease, "log", json!({}), follow(&client)).await;
    assert_eq!(client.methods(), Vec::<String>::new());
    let log_level = Some(mcp_bridge::protocol::log::Level::Warning);
    let declares =
        Declares { era: Era::Stateless, capabilities: "{}", client_info: None, log_level };
    call(&lease, "log", json!({}), Watch { declares: Some(declares), ..follow(&client) }).await;
    assert_eq!(client.methods(), ["notifications/message"]);
    bench.end().await;
}

#[tokio::test]
async fn changes_of_resources_are_told_while_somebody_wants_to_know() {
    let bench = Bench::new(&["--stateless"]);
    let mut changes = bench.pool.changes();
    let lease = bench.lease(&Tenant::anybody(Era::Session)).await;
    lease.subscribe("test://a", PATIENCE).await.expect("it can be asked for");
    let streams = async |expected: Value| {
        tokio::time::timeout(PATIENCE, async {
            while text(&call(&lease, "streams", json!({}), Watch::default()).await) != expected {}
        })
        .await
        .unwrap_or_else(|_| panic!("the server is never asked for {expected}"));
    };
    let wanted = json!({"toolsListChanged": true, "resourceSubscriptions": ["test://a"]});
    streams(json!([wanted])).await;
    call(&lease, "touch", json!({"uri": "test://b"}), Watch::default()).await;
    call(&lease, "touch", json!({"uri": "test://a"}), Watch::default()).await;
    let change = tokio::time::timeout(PATIENCE, changes.recv()).await.expect("a change is told");
    let change = change.expect("nothing was missed");
    assert_eq!(change.kind, Kind::Resource("test://a".into()));
    assert_eq!((change.server.as_str(), change.client), ("one", None));

    call(&lease, "end_streams", json!({}), Watch::default()).await;
    streams(json!([wanted])).await;
    lease.unsubscribe("test://a", PATIENCE).await.expect("it can be taken back");
    streams(json!([{"toolsListChanged": true}])).await;
    bench.end().await;
}

#[tokio::test]
async fn nobody_hurries_a_person() {
    let bench = Bench::new(&[]);
    let lease = bench.lease(&tenant(1, Era::Session, ASKED)).await;
    let gate = Arc::new(tokio::sync::Notify::new());
    let client = Arc::new(Client { id: 1, heard: Mutex::default(), gate: Some(gate.clone()) });
    let short = Duration::from_secs(1);
    let params = json!({"name": "ask", "arguments": {"method": "roots/list"}}).to_string();
    let write = |to: &mut Vec<u8>, _| to.extend_from_slice(params.as_bytes());
    let call = lease.call_tool(short, follow(&client), write);
    // A call that begins after the question was put, and is given up, shows that the time for the first one has passed.
    let thinking = async {
        while client.methods().is_empty() {
            tokio::task::yield_now().await;
        }
        let never = json!({"name": "never", "arguments": {}}).to_string();
        let write = |to: &mut Vec<u8>, _| to.extend_from_slice(never.as_bytes());
        let given_up = lease.call_tool(short, Watch::default(), write).await;
        assert!(matches!(given_up, Err(Error::TimedOut { .. })), "{given_up:?}");
        gate.notify_one();
    };
    let (result, ()) = tokio::join!(call, thinking);
    let result: Value = serde_json::from_str(&result.expect("an answer")).expect("JSON");
    assert_eq!(text(&result)["result"]["asked"], "roots/list");
    bench.end().await;
}

#[tokio::test]
async fn a_call_that_is_withdrawn_takes_its_question_along() {
    let bench = Bench::new(&[]);
    let lease = bench.lease(&tenant(1, Era::Session, ASKED)).await;
    let gate = Arc::new(tokio::sync::Notify::new());
    let client = Arc::new(Client { id: 1, heard: Mutex::default(), gate: Some(gate.clone()) });
    let asks = try_call(&lease, "ask", json!({"method": "roots/list"}), follow(&client));
    tokio::select! {
        answer = asks => panic!("nobody has answered: {answer:?}"),
        () = async { while client.methods().is_empty() { tokio::task::yield_now().await } } => {}
    }
    tokio::time::timeout(PATIENCE, async {
        // The question holds the gate for as long as it is put.
        while Arc::strong_count(&gate) > 2 {
            tokio::task::yield_now().await;
        }
    })
    .await
    .expect("the client is asked no longer");
    let cancelled = text(&call(&lease, "cancelled", json!({}), Watch::default()).await);
    assert_eq!(cancelled[0]["tool"], Value::Null, "{cancelled}");
    assert_eq!(cancelled.as_array().map(Vec::len), Some(1));
    bench.end().await;
}

#[tokio::test]
async fn what_belongs_to_no_request_is_for_the_owner_of_the_session() {
    let bench = Bench::new(&["--greet"]);
    let mut changes = bench.pool.changes();
    let (owner, stranger) = (Client::new(7), Client::new(8));
    let follower: Arc<dyn Follower> = owner.clone();
    let private = Tenant { owner: Some(follower), private: true, ..tenant(7, Era::Session, "{}") };
    let lease = bench.lease(&private).await;
    assert_eq!(owner.methods(), ["notifications/message"], "the greeting");
    call(&lease, "grow", json!({}), follow(&owner)).await;
    let change = tokio::time::timeout(PATIENCE, changes.recv()).await.expect("a change is told");
    let change = change.expect("nothing was missed");
    assert_eq!((change.kind, change.client), (Kind::Tools, Some(7)));

    let shared = bench.lease(&tenant(8, Era::Session, "{}")).await;
    assert!(!Arc::ptr_eq(&lease, &shared));
    let asks = json!({"method": "roots/list"});
    let answer = text(&call(&shared, "ask", asks, Watch::default()).await);
    assert_eq!(answer["error"]["code"], -32601, "nobody follows the request: {answer}");
    assert_eq!(stranger.methods(), Vec::<String>::new());
    assert_eq!(owner.methods().len(), 1);
    bench.end().await;
}
