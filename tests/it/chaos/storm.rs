//! The storm itself, and what has to hold afterwards.

use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

use serde_json::json;
use tokio::time::Instant;

use super::callers::{self, SERVERS};
use super::census::Census;
use super::line::{Era, Line};
use super::plan::Plan;
use super::record::{Record, Tally};
use super::troubles::{self, Remote};
use super::web;
use crate::support::{Bridge, Client, HttpServer, UPSTREAM, Web, eventually, text_of};

/// Half of them with sessions.
const HTTP_CALLERS: u64 = 30;
const STDIO_CALLERS: u64 = 2;
/// How much more memory a bridge may hold afterwards than when it had called each server once. Buffers of large answers
/// are given back, but not all that lies between them, however long the storm was.
const GROWTH_KB: u64 = 16 * 1024;
/// The status of the end of a session.
pub(super) const ENDED: u16 = 204;

/// What all take part in.
pub(super) struct Storm {
    pub(super) plan: Plan,
    pub(super) record: Arc<Record>,
    pub(super) end: Instant,
    faults: Mutex<Vec<String>>,
}

/// All bridges, whose servers write their process ids into these files.
struct Bridges {
    http: HttpServer,
    stdio: Vec<Client>,
    pid_files: Vec<PathBuf>,
}

impl Storm {
    /// Notes what must not be.
    pub(super) fn complain(&self, fault: String) {
        self.faults.lock().unwrap_or_else(PoisonError::into_inner).push(fault);
    }
}

impl Bridges {
    fn start(storm: &Storm, remote: &Remote, web: &Web) -> Self {
        let mut pid_files = Vec::new();
        let mut bridge = || {
            let mut bridge = Bridge::new()
                .entry("remote", json!({"transport": "streamable-http", "url": remote.url()}))
                .entry("web", web.entry())
                .set("requestTimeoutMs", 5000)
                .set("routerIdleTimeoutMs", 1000)
                .set("routerConnectErrorCooldownMs", 50)
                .set("retry", json!({"maxAttempts": 3, "delayMs": 20}))
                .set("http", json!({"sessionIdleTimeoutMs": 8000}));
            for name in ["calm", "first", "second"] {
                let pids = bridge.path(name);
                let args = json!(["--record", storm.record.file, "--pid-file", pids]);
                bridge = bridge.entry(name, json!({"command": UPSTREAM, "args": args}));
                if name != "calm" {
                    pid_files.push(pids);
                }
            }
            bridge
        };
        let http = bridge().serve_http(&["--http"]);
        let stdio = (0..STDIO_CALLERS).map(|_| bridge().serve_initialized()).collect();
        Self { http, stdio, pid_files }
    }

    fn pids(&self) -> Vec<u32> {
        let stdio = self.stdio.iter().map(Client::pid);
        stdio.chain([self.http.pid()]).collect()
    }

    /// Calls each server once, with nothing wrong. After a storm that takes a while: servers rest that died again and again.
    fn call_each(&mut self, storm: &Storm, when: &str) {
        for (server, _) in SERVERS {
            let call = |caller: &str| {
                let nonce = format!("{caller}-{server}");
                storm.record.ran_and_ended(&nonce);
                json!({"server": server, "tool": "mark_read", "params": {"nonce": nonce}})
            };
            let mut line = Line::open(self.http.port(), Era::Session, callers::DEADLINE)
                .expect("the bridge answers");
            let message = line.call(1, &call(when).to_string());
            let answer = line.exchange(&message).expect("an answer");
            assert!(answer.message.contains(&format!("\"{when}-{server}\"")), "{answer:?}");
            assert_eq!(line.end().expect("an answer"), ENDED);
            for (index, client) in self.stdio.iter_mut().enumerate() {
                let arguments = call(&format!("{when}{index}"));
                let id = client.start_mcp(&arguments);
                let answer = client.answer_within(id, callers::DEADLINE).expect("an answer");
                assert_eq!(text_of(&answer["result"]), arguments["params"]["nonce"]);
            }
        }
    }

    /// What each holds once all servers were closed for being idle.
    fn rest(&self) -> Vec<Census> {
        let upstreams = |pid: &u32| Census::of(*pid).has("test-upstream");
        assert!(eventually(|| !self.pids().iter().any(upstreams)), "servers stay open");
        self.pids().into_iter().map(Census::of).collect()
    }
}

#[test]
fn nothing_is_wrong_lost_doubled_or_left_over_after_a_storm() {
    let plan = Plan::read();
    println!("chaos: CHAOS_SEED={} CHAOS_SECONDS={}", plan.seed, plan.length.as_secs());
    let folder = tempfile::tempdir().expect("a folder can be made");
    let record = Arc::new(Record::new(folder.path().join("runs")));
    let web = web::start(record.clone());
    let remote = Remote::start(record.file.clone());
    let end = Instant::now();
    let mut storm = Storm { plan, record, end, faults: Mutex::default() };
    let mut bridges = Bridges::start(&storm, &remote, &web);
    bridges.call_each(&storm, "before");
    let before = bridges.rest();

    storm.end = Instant::now() + storm.plan.length;
    let idle = blow(&storm, &mut bridges, &remote);

    let tally = storm.record.tally();
    println!("chaos: {tally:?}");
    let faults = storm.faults.lock().unwrap_or_else(PoisonError::into_inner).clone();
    assert_eq!((faults, &tally.faults), (Vec::new(), &Vec::new()));
    check_weather(&tally);
    // The servers are there again, and the bridges reach them.
    remote.revive();
    bridges.call_each(&storm, "after");
    let mut after = bridges.rest();
    eventually(|| {
        after = bridges.rest();
        after.iter().zip(&before).all(|(after, before)| after.is_within(before))
    });
    for (after, before) in after.iter().zip(&before) {
        println!("chaos: {} kB before, {} kB after", before.resident_kb, after.resident_kb);
        assert!(after.is_within(before), "left over: {after:?}\nat first: {before:?}");
        assert!(after.resident_kb < before.resident_kb + GROWTH_KB, "{after:?}\n{before:?}");
    }
    for mut line in idle {
        let answer = line.exchange(r#"{"jsonrpc":"2.0","id":1,"method":"ping"}"#);
        assert_eq!(answer.expect("an answer").status, 404, "its session is still there");
    }
}

/// All callers and all troubles at once; returns the clients over HTTP whose sessions are open.
fn blow(storm: &Storm, bridges: &mut Bridges, remote: &Remote) -> Vec<Line> {
    let (port, pid_files) = (bridges.http.port(), &bridges.pid_files);
    thread::scope(|scope| {
        scope.spawn(|| troubles::make(storm, pid_files, remote));
        for (number, client) in (0..).zip(&mut bridges.stdio) {
            scope.spawn(move || callers::over_stdio(storm, client, number));
        }
        let callers: Vec<_> = (0..HTTP_CALLERS)
            .map(|number| scope.spawn(move || callers::over_http(storm, port, number)))
            .collect();
        callers.into_iter().filter_map(|caller| caller.join().expect("no caller fails")).collect()
    })
}

/// It was a storm, and not all was lost in it: where nothing happens nothing is shown.
fn check_weather(tally: &Tally) {
    let failed: usize = tally.errors.values().sum();
    assert!(tally.calls > 100 && failed > 0, "{tally:?}");
    assert!(tally.results > tally.calls / 3, "{tally:?}");
}
