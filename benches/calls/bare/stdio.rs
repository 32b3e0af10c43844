//! Lines from stdin to a child's stdin and back, with ids of its own towards the child.

use std::cell::RefCell;
use std::collections::HashMap;
use std::io::{self, ErrorKind, Write, stdin, stdout};
use std::os::fd::AsFd;
use std::process::Stdio;

use memchr::memchr;
use serde::Deserialize;
use serde_json::value::RawValue;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::unix::pipe;
use tokio::process::Command;

/// A message with its payload left as it is.
#[derive(Deserialize)]
struct Envelope<'a> {
    #[serde(borrow)]
    id: Option<&'a RawValue>,
    #[serde(borrow)]
    method: Option<&'a RawValue>,
    #[serde(borrow)]
    params: Option<&'a RawValue>,
    #[serde(borrow)]
    result: Option<&'a RawValue>,
    #[serde(borrow)]
    error: Option<&'a RawValue>,
}

/// What the child has not answered yet: the ids that the client gave, by ours.
#[derive(Default)]
struct Pending {
    last: u64,
    ids: HashMap<u64, Box<RawValue>>,
}

impl Pending {
    fn add(&mut self, id: &RawValue) -> u64 {
        self.last += 1;
        self.ids.insert(self.last, id.to_owned());
        self.last
    }

    /// The params of a cancellation, with our id for the call in place of the client's.
    fn cancelled(&self, params: Option<&RawValue>) -> Option<String> {
        let mut params: serde_json::Value = serde_json::from_str(params?.get()).ok()?;
        let theirs = params.get("requestId")?.to_string();
        let ours = self.ids.iter().find(|(_, id)| id.get() == theirs)?.0;
        params["requestId"] = (*ours).into();
        Some(params.to_string())
    }
}

/// Routes until the client or the child is gone.
pub(super) async fn route(program: &str, words: &[String]) -> io::Result<()> {
    let mut command = Command::new(program);
    command.args(words).stdin(Stdio::piped()).stdout(Stdio::piped()).kill_on_drop(true);
    let mut child = command.spawn()?;
    let (Some(to_child), Some(from_child)) = (child.stdin.take(), child.stdout.take()) else {
        return Err(ErrorKind::BrokenPipe.into());
    };
    let from_client = pipe::Receiver::from_owned_fd(stdin().as_fd().try_clone_to_owned()?)?;
    let to_client = pipe::Sender::from_owned_fd(stdout().as_fd().try_clone_to_owned()?)?;
    let pending = RefCell::new(Pending::default());
    tokio::select! {
        ended = forward(from_client, to_child, |line, out| request(line, &pending, out)) => ended,
        ended = forward(from_child, to_client, |line, out| answer(line, &pending, out)) => ended,
    }
}

/// Has each line rewritten; all that one read brought leaves in one write.
async fn forward(
    mut from: impl AsyncRead + Unpin,
    mut to: impl AsyncWrite + Unpin,
    mut rewrite: impl FnMut(&[u8], &mut Vec<u8>) -> io::Result<()>,
) -> io::Result<()> {
    let (mut read, mut out) = (Vec::with_capacity(64 * 1024), Vec::new());
    loop {
        let mut searched = read.len();
        if from.read_buf(&mut read).await? == 0 {
            return Ok(());
        }
        let mut start = 0;
        while let Some(length) = memchr(b'\n', &read[searched..]) {
            let end = searched + length;
            rewrite(&read[start..end], &mut out)?;
            (start, searched) = (end + 1, end + 1);
        }
        read.drain(..start);
        if !out.is_empty() {
            to.write_all(&out).await?;
            out.clear();
        }
    }
}

/// What the client says: requests get an id of ours.
fn request(line: &[u8], pending: &RefCell<Pending>, out: &mut Vec<u8>) -> io::Result<()> {
    let message: Envelope = serde_json::from_slice(line)?;
    let (Some(method), mut pending) = (message.method, pending.borrow_mut()) else {
        pass(line, out);
        return Ok(());
    };
    match message.id {
        Some(id) => {
            let id = pending.add(id);
            write!(out, r#"{{"jsonrpc":"2.0","id":{id},"method":{method}"#)?;
        }
        None => write!(out, r#"{{"jsonrpc":"2.0","method":{method}"#)?,
    }
    let cancelled = match method.get() {
        r#""notifications/cancelled""# => pending.cancelled(message.params),
        _ => None,
    };
    if let Some(params) = cancelled.as_deref().or(message.params.map(RawValue::get)) {
        write!(out, r#","params":{params}"#)?;
    }
    writeln!(out, "}}")
}

/// What the child says: answers get back the id that the client gave.
fn answer(line: &[u8], pending: &RefCell<Pending>, out: &mut Vec<u8>) -> io::Result<()> {
    let message: Envelope = serde_json::from_slice(line)?;
    let (None, Some(id)) = (message.method, message.id) else {
        pass(line, out);
        return Ok(());
    };
    let id = id.get().parse().ok().and_then(|id| pending.borrow_mut().ids.remove(&id));
    let id = id.ok_or_else(|| io::Error::other("an answer that nobody waits for"))?;
    let (part, payload) = match (message.result, message.error) {
        (Some(result), _) => ("result", result),
        (None, error) => ("error", error.unwrap_or(RawValue::NULL)),
    };
    writeln!(out, r#"{{"jsonrpc":"2.0","id":{id},"{part}":{payload}}}"#)
}

fn pass(line: &[u8], out: &mut Vec<u8>) {
    out.extend_from_slice(line);
    out.push(b'\n');
}
