//! A second process that outlives the bridge by a moment: when the bridge dies without a chance to
//! clean up, it kills the process groups that are left.
//!
//! The kernel kills a server with the bridge, but not what the server has started; a server behind
//! `npx` is such a grandchild. The guardian is the bridge's own program and holds nothing but a
//! list. It notices the bridge's end by the end of its stdin.

use std::collections::BTreeSet;
use std::io::{self, BufRead, Write};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// The command of the bridge's program that stands guard.
pub const COMMAND: &str = "guard";

/// A handle to the guardian, who is called when the first server starts, and again if he dies.
#[derive(Debug, Default)]
pub struct Guardian {
    post: Mutex<Post>,
}

#[derive(Debug, Default)]
struct Post {
    groups: BTreeSet<u32>,
    /// The guardian's process and where it reads; it ends when that closes.
    held: Option<(Child, ChildStdin)>,
}

impl Guardian {
    fn post(&self) -> MutexGuard<'_, Post> {
        self.post.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Where a child can announce itself before it becomes the server's program, since that may start
    /// others before the bridge gets to [`Guardian::watch`]; the line is `+`, its id and a line end.
    #[cfg(unix)]
    pub(super) fn announcements(&self) -> Option<std::os::fd::OwnedFd> {
        use std::os::fd::AsFd;
        let mut post = self.post();
        if post.held.is_none() {
            post.held = call().ok();
        }
        let (_, pipe) = post.held.as_ref()?;
        pipe.as_fd().try_clone_to_owned().ok()
    }

    /// Has the group killed when the bridge dies.
    pub(super) fn watch(&self, group: u32) {
        let mut post = self.post();
        post.groups.insert(group);
        post.order('+', group);
    }

    /// Forgets a group that is gone.
    pub(super) fn forget(&self, group: u32) {
        let mut post = self.post();
        post.groups.remove(&group);
        post.order('-', group);
    }
}

impl Post {
    fn order(&mut self, sign: char, group: u32) {
        if self.tell(&format!("{sign}{group}\n")).is_ok() {
            return;
        }
        if let Some((mut dead, _)) = self.held.take() {
            // It is dead, so this only clears its entry away.
            let _ = dead.wait();
        }
        let all: Vec<String> = self.groups.iter().map(|group| format!("+{group}\n")).collect();
        let called = call().and_then(|called| {
            self.held = Some(called);
            self.tell(&all.concat())
        });
        if let Err(error) = called {
            tracing::warn!("nobody stands guard over what servers start: {error}");
        }
    }

    /// Orders are far shorter than a pipe is long, so this does not block.
    fn tell(&mut self, orders: &str) -> io::Result<()> {
        match &mut self.held {
            Some((_, pipe)) => pipe.write_all(orders.as_bytes()),
            None => Err(io::ErrorKind::NotConnected.into()),
        }
    }
}

fn call() -> io::Result<(Child, ChildStdin)> {
    // The running program, even if its file was replaced since.
    let program =
        if cfg!(target_os = "linux") { "/proc/self/exe".into() } else { std::env::current_exe()? };
    let mut command = Command::new(program);
    command.arg(COMMAND).env_clear();
    command.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null());
    // What a terminal sends to the bridge's group must not hit its guardian.
    #[cfg(unix)]
    std::os::unix::process::CommandExt::process_group(&mut command, 0);
    let mut process = command.spawn()?;
    let orders = process.stdin.take().ok_or(io::ErrorKind::BrokenPipe)?;
    Ok((process, orders))
}

/// Stands guard: reads orders until the bridge is gone, then kills the groups that are left.
#[cfg(unix)]
pub fn stand(orders: impl BufRead) {
    use rustix::process::{Pid, Signal, kill_process_group};
    let left = groups_left(orders);
    for group in left.into_iter().filter_map(Pid::from_raw) {
        // It may have ended by itself meanwhile.
        let _ = kill_process_group(group, Signal::KILL);
    }
}

/// Job objects do this on Windows.
#[cfg(not(unix))]
pub fn stand(_orders: impl BufRead) {}

/// The groups that were to be watched and not forgotten when the orders ended.
fn groups_left(orders: impl BufRead) -> BTreeSet<i32> {
    let mut groups = BTreeSet::new();
    for line in orders.lines().map_while(Result::ok) {
        let (sign, group) = line.split_at(line.len().min(1));
        // Group 1 and below mean others than a server's.
        match (sign, group.parse()) {
            ("+", Ok(group @ 2..)) => drop(groups.insert(group)),
            ("-", Ok(group)) => drop(groups.remove(&group)),
            _ => {}
        }
    }
    groups
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_groups_that_were_not_forgotten_are_left() {
        let orders = b"+10\n+11\n-10\n+1\n+0\n+-5\n-12\nnonsense\n\n+\n+13";
        let left: Vec<i32> = groups_left(&orders[..]).into_iter().collect();
        assert_eq!(left, [11, 13]);
    }
}
