//! Models in their process: it comes and goes, and neither it nor what it runs takes the bridge along.

use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use mcp_bridge::base::environment::Environment;
use mcp_bridge::search::embed::{
    EmbedError, Embedder, Library, Local, Model, Program, Purpose, Runtime, UNLOAD_AFTER,
};
use rustix::process::{Pid, Signal, kill_process};

use crate::support::{Tiny, Workers, run_async, wait_gone};

/// A model in a folder of its own, and its processes.
struct Setting {
    workers: Workers,
    folder: tempfile::TempDir,
}

impl Setting {
    fn new(tiny: &Tiny) -> Self {
        let folder = tempfile::tempdir().expect("a folder can be made");
        tiny.write(folder.path());
        Self { workers: Workers::new(), folder }
    }

    fn local(&self, runtime: Runtime, unload_after: Duration) -> Local {
        let model = Model::open(self.folder.path()).expect("a manifest");
        let variables = [("PATH", "/usr/bin"), ("SECRET_KEY", "s-1")];
        let environment = Environment::from_pairs(variables);
        let program = Program::new(self.workers.program.clone(), &environment);
        Local::new(model, runtime, program, unload_after)
    }

    fn usual(&self) -> Local {
        self.local(Runtime::Rust, UNLOAD_AFTER)
    }
}

async fn embed(local: &Local, texts: &[&str]) -> Result<Vec<Vec<f32>>, EmbedError> {
    let texts: Vec<String> = texts.iter().map(|text| (*text).to_owned()).collect();
    local.embed(&texts, Purpose::Document).await
}

async fn assert_works(local: &Local) {
    let vectors = embed(local, &["ring", "bell", "ring ring"]).await.expect("vectors");
    assert_eq!(vectors, [[1.0, 0.0], [0.0, 1.0], [1.0, 0.0]]);
}

async fn fault(local: &Local) -> String {
    embed(local, &["ring"]).await.expect_err("no vectors").to_string()
}

/// Of all threads of a process, each once.
fn niceness(process: &Path) -> Vec<String> {
    let threads = fs::read_dir(process.join("task")).expect("it is ours").flatten();
    let of_thread = |thread: fs::DirEntry| {
        let stat = fs::read_to_string(thread.path().join("stat")).ok()?;
        // The 19th of all fields, the third of which comes after the name.
        stat.rsplit(')').next()?.split_whitespace().nth(16).map(str::to_owned)
    };
    let mut found: Vec<String> = threads.filter_map(of_thread).collect();
    found.sort_unstable();
    found.dedup();
    found
}

fn kill(process: u32) {
    let pid = i32::try_from(process).ok().and_then(Pid::from_raw).expect("a process id");
    kill_process(pid, Signal::KILL).expect("it runs");
}

#[test]
fn the_process_comes_with_the_first_text_and_ends_when_idle() {
    let setting = Setting::new(&Tiny::new());
    run_async(async {
        let local = setting.usual();
        assert_eq!(local.dimensions(), 2);
        assert!(embed(&local, &[]).await.expect("nothing to do").is_empty());
        assert_eq!(setting.workers.running(), [0; 0], "none is started before it is needed");
        assert_works(&local).await;
        let running = setting.workers.running();
        assert_eq!(running.len(), 1);
        assert_works(&local).await;
        assert_eq!(setting.workers.running(), running);
        // A paused clock jumps to the end of a sleep.
        tokio::time::pause();
        tokio::time::sleep(Duration::from_secs(59)).await;
        assert_eq!(setting.workers.running(), running);
        tokio::time::sleep(Duration::from_secs(2)).await;
        tokio::time::resume();
        wait_gone(&running);
        assert_works(&local).await;
    });
    setting.workers.assert_none();
}

#[test]
fn a_process_that_leaves_at_once_is_started_for_each_text() {
    let setting = Setting::new(&Tiny::new());
    run_async(async {
        let local = setting.local(Runtime::Rust, Duration::ZERO);
        for _ in 0..3 {
            assert_works(&local).await;
        }
    });
    setting.workers.assert_none();
}

#[test]
fn a_killed_process_is_replaced() {
    let setting = Setting::new(&Tiny::new());
    run_async(async {
        let local = setting.usual();
        for _ in 0..3 {
            assert_works(&local).await;
            let running = setting.workers.running();
            kill(running[0]);
            wait_gone(&running);
        }
        assert_works(&local).await;
    });
    setting.workers.assert_none();
}

#[test]
fn a_process_that_dies_of_its_work_is_an_error_and_rests() {
    let setting = Setting::new(&Tiny::new());
    // It gets the command as its argument, says something and dies.
    let script = setting.folder.path().join("program");
    let count = setting.folder.path().join("count");
    let text =
        format!("#!/bin/sh\necho x >> '{}'\necho out of order >&2\nkill -9 $$\n", count.display());
    fs::write(&script, text).expect("written");
    let mode = std::os::unix::fs::PermissionsExt::from_mode(0o700);
    fs::set_permissions(&script, mode).expect("set");
    run_async(async {
        let model = Model::open(setting.folder.path()).expect("a manifest");
        let environment = Environment::default();
        let local =
            Local::new(model, Runtime::Rust, Program::new(script, &environment), UNLOAD_AFTER);
        for _ in 0..2 {
            let error = embed(&local, &["ring"]).await.expect_err("it dies");
            assert!(error.retryable(), "{error}");
            assert!(
                error.to_string().contains("it ended with signal: 9 (SIGKILL): out of order"),
                "{error}"
            );
        }
        let starts = || fs::read_to_string(&count).expect("it has started").lines().count();
        assert_eq!(starts(), 1, "it was not left alone");
        tokio::time::pause();
        tokio::time::sleep(Duration::from_secs(30)).await;
        tokio::time::resume();
        embed(&local, &["ring"]).await.expect_err("it dies");
        assert_eq!(starts(), 2);
    });
}

#[test]
fn a_graph_that_never_ends_is_given_up() {
    let setting = Setting::new(&Tiny::endless());
    run_async(async {
        let local = setting.usual();
        // A paused clock jumps to the end of the time that a job has.
        tokio::time::pause();
        let time = async {
            tokio::time::sleep(Duration::from_mins(2)).await;
            tokio::time::resume();
        };
        let (error, other, ()) = tokio::join!(fault(&local), fault(&local), time);
        assert!(error.contains("it gave nothing within 120 s"), "{error}");
        assert_eq!(error, other);
        assert_eq!(setting.workers.running(), [0; 0]);
    });
    setting.workers.assert_none();
}

#[test]
fn what_is_wrong_with_files_is_told_as_it_is() {
    let nonsense = Tiny { graph: b"no graph at all".to_vec(), ..Tiny::new() };
    let broken = Setting::new(&nonsense);
    let changed = Setting::new(&Tiny::new());
    let usual = Setting::new(&Tiny::new());
    run_async(async {
        let error = fault(&broken.usual()).await;
        assert!(
            error.contains("model.onnx` cannot be used: its graph cannot be loaded"),
            "{error}"
        );
        assert!(error.ends_with("set `intentRouting.embedding` to `keyword`"), "{error}");
        let local = changed.usual();
        fs::write(changed.folder.path().join("tokenizer.json"), "{}").expect("written");
        let error = fault(&local).await;
        assert!(error.contains("tokenizer.json` cannot be used: it has 2 bytes"), "{error}");
        assert_eq!(error, fault(&local).await, "it is remembered for a while");
        let library = usual.folder.path().join("library.so");
        fs::write(&library, "no library").expect("written");
        let library = Library::find(Some(&library), &[]).expect("it is there");
        let error = fault(&usual.local(Runtime::Onnx(library), UNLOAD_AFTER)).await;
        assert!(error.contains("library.so` cannot be used: "), "{error}");
        assert!(error.ends_with("or name its library in `ORT_DYLIB_PATH`"), "{error}");
    });
    broken.workers.assert_none();
    changed.workers.assert_none();
    usual.workers.assert_none();
}

#[test]
fn a_native_library_runs_in_the_process_alone() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("target/model/runtime");
    let Ok(library) = Library::find(None, &[folder]) else { return };
    let setting = Setting::new(&Tiny::new());
    run_async(async {
        assert_works(&setting.local(Runtime::Onnx(library), UNLOAD_AFTER)).await;
    });
    let maps = fs::read_to_string("/proc/self/maps").expect("Linux shows what is loaded");
    assert!(!maps.contains("onnxruntime"), "{maps}");
    setting.workers.assert_none();
}

#[test]
fn the_process_knows_little_and_steps_back() {
    let setting = Setting::new(&Tiny::new());
    run_async(async {
        let local = setting.usual();
        let wish = ["ring".to_owned()];
        local.embed(&wish, Purpose::Query).await.expect("a vector");
        let running = setting.workers.running();
        let folder = PathBuf::from(format!("/proc/{}", running[0]));
        assert_eq!(fs::read(folder.join("environ")).expect("it is ours"), b"PATH=/usr/bin\0");
        assert_eq!(niceness(&folder), niceness(Path::new("/proc/self")), "somebody waits for it");
        assert_works(&local).await;
        assert_eq!(niceness(&folder), ["10"], "nobody waits for it");
    });
    setting.workers.assert_none();
}

#[test]
fn the_process_dies_with_whoever_started_it() {
    let workers = Workers::new();
    let mut starter = Command::new("sh");
    starter.args(["-c", "\"$0\" embed; true"]).arg(&workers.program);
    // Its input stays open: that must not keep it alive.
    let mut starter =
        starter.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().expect("a shell");
    let mut jobs = starter.stdin.take().expect("stdin is piped");
    jobs.write_all(b"d").expect("the worker reads");
    // It reads once it has asked to end with its starter.
    let is_ready = || rustix::io::ioctl_fionread(&jobs).expect("it is a pipe") == 0;
    assert!(crate::support::eventually(is_ready), "it never got ready");
    let mut worker = workers.running();
    worker.retain(|pid| *pid != starter.id());
    assert_eq!(worker.len(), 1);
    starter.kill().expect("it runs");
    starter.wait().expect("it is ours");
    wait_gone(&worker);
    drop(jobs);
}
