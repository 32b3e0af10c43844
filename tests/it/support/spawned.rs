//! A process whose pipes are read by threads, so that every wait can end in time.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::process::{Child, ChildStdin, Command, ExitStatus, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};

const QUEUE: usize = 16_384;

/// A running process, killed when dropped.
pub(super) struct Spawned {
    pid: u32,
    stdin: Option<ChildStdin>,
    lines: Receiver<Vec<u8>>,
    deaf: Arc<AtomicBool>,
    exited: Receiver<ExitStatus>,
    status: Option<ExitStatus>,
    stderr: Arc<Mutex<Vec<u8>>>,
}

impl Spawned {
    pub(super) fn start(mut command: Command) -> Self {
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().expect("the program starts");
        let pid = child.id();
        let stdin = child.stdin.take();
        let stdout = child.stdout.take().expect("stdout is piped");
        let errors = child.stderr.take().expect("stderr is piped");
        let (line, lines) = sync_channel(QUEUE);
        let (exit, exited) = sync_channel(1);
        let stderr = Arc::new(Mutex::new(Vec::new()));
        let kept_errors = Arc::clone(&stderr);
        let deaf = Arc::new(AtomicBool::new(false));
        let stop = Arc::clone(&deaf);
        thread::spawn(move || read_lines(stdout, &line, &stop));
        thread::spawn(move || read_errors(errors, &kept_errors));
        thread::spawn(move || wait(child, &exit));
        Self { pid, stdin, lines, deaf, exited, status: None, stderr }
    }

    pub(super) fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.stdin.as_mut().expect("stdin is open").write_all(bytes)
    }

    pub(super) fn close_stdin(&mut self) {
        self.stdin = None;
    }

    /// The next line of stdout, with its end.
    pub(super) fn line(&self, within: Duration) -> Result<Vec<u8>, RecvTimeoutError> {
        self.lines.recv_timeout(within)
    }

    /// Leaves stdout open but unread, but for the line that is being waited for.
    pub(super) fn stop_reading(&self) {
        self.deaf.store(true, Ordering::Relaxed);
    }

    pub(super) fn pid(&self) -> u32 {
        self.pid
    }

    pub(super) fn signal(&self, signal: Signal) -> rustix::io::Result<()> {
        let pid = i32::try_from(self.pid).ok().and_then(Pid::from_raw);
        kill_process(pid.expect("a process id is positive"), signal)
    }

    /// The exit code, -1 after a signal; nothing when it still runs by then.
    pub(super) fn exit_code(&mut self, within: Duration) -> Option<i32> {
        if self.status.is_none() {
            self.status = self.exited.recv_timeout(within).ok();
        }
        self.status.map(|status| status.code().unwrap_or(-1))
    }

    /// Everything on stderr so far.
    pub(super) fn stderr_text(&self) -> String {
        let stderr = self.stderr.lock().unwrap_or_else(PoisonError::into_inner);
        String::from_utf8_lossy(&stderr).into_owned()
    }
}

impl Drop for Spawned {
    fn drop(&mut self) {
        if self.exit_code(Duration::ZERO).is_none() {
            // It may end by itself at this very moment.
            let _ = self.signal(Signal::KILL);
        }
    }
}

fn read_lines(stdout: impl Read, lines: &SyncSender<Vec<u8>>, deaf: &AtomicBool) {
    let mut stdout = BufReader::new(stdout);
    loop {
        while deaf.load(Ordering::Relaxed) {
            thread::park();
        }
        let mut line = Vec::new();
        match stdout.read_until(b'\n', &mut line) {
            Ok(1..) if lines.send(line).is_ok() => {}
            _ => return,
        }
    }
}

fn read_errors(mut errors: impl Read, kept: &Mutex<Vec<u8>>) {
    let mut piece = vec![0; 8192];
    while let Ok(count @ 1..) = errors.read(&mut piece) {
        kept.lock().unwrap_or_else(PoisonError::into_inner).extend_from_slice(&piece[..count]);
    }
}

fn wait(mut child: Child, exit: &SyncSender<ExitStatus>) {
    if let Ok(status) = child.wait() {
        let _ = exit.send(status);
    }
}
