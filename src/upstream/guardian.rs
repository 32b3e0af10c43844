//! A second process that outlives the bridge by a moment: when the bridge dies without a chance to
//! clean up, it kills the process groups that are left.
//!
//! The kernel kills a server with the bridge, but not what the server has started; a server behind
//! `npx` is such a grandchild. The guardian is the bridge's own program and holds nothing but a
//! list. It notices the bridge's end by the end of its stdin.

use std::collections::BTreeSet;
use std::io::{self, BufRead, Write};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::{Mutex, PoisonError};

/// The command of the bridge's program that stands guard.
pub const COMMAND: &str = "guard";

/// A handle to the guardian, who is called when the first server starts.
#[derive(Debug, Default)]
pub struct Guardian {
    post: Mutex<Post>,
}

#[derive(Debug, Default)]
enum Post {
    #[default]
    Vacant,
    Held {
        orders: ChildStdin,
        /// Reaped when it ends; it ends when `orders` closes.
        _process: Child,
    },
    /// It could not be started or has died; the kernel's help has to do.
    Lost,
}

impl Guardian {
    /// Has the group killed when the bridge dies.
    pub(super) fn watch(&self, group: u32) {
        self.order(b'+', group);
    }

    /// Forgets a group that is gone.
    pub(super) fn forget(&self, group: u32) {
        self.order(b'-', group);
    }

    fn order(&self, sign: u8, group: u32) {
        let mut post = self.post.lock().unwrap_or_else(PoisonError::into_inner);
        if let Post::Vacant = *post {
            *post = call().unwrap_or_else(|error| {
                tracing::debug!("nobody stands guard over servers: {error}");
                Post::Lost
            });
        }
        if let Post::Held { orders, .. } = &mut *post {
            let line = format!("{}{group}\n", char::from(sign));
            // Lines are far shorter than a pipe is long, so this does not block.
            if orders.write_all(line.as_bytes()).is_err() {
                *post = Post::Lost;
            }
        }
    }
}

fn call() -> io::Result<Post> {
    // The running program, even if its file was replaced since.
    let program = if cfg!(target_os = "linux") {
        "/proc/self/exe".into()
    } else {
        std::env::current_exe()?
    };
    let mut command = Command::new(program);
    command.arg(COMMAND).env_clear();
    command
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    // What a terminal sends to the bridge's group must not hit its guardian.
    #[cfg(unix)]
    std::os::unix::process::CommandExt::process_group(&mut command, 0);
    let mut process = command.spawn()?;
    let orders = process.stdin.take().ok_or(io::ErrorKind::BrokenPipe)?;
    Ok(Post::Held {
        orders,
        _process: process,
    })
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
