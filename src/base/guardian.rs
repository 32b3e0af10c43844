//! A second process that outlives the bridge by a moment: when the bridge dies without a chance to
//! clean up, it kills the process groups that are left.
//!
//! The kernel kills a program with the bridge, but not what the program has started; a server behind
//! `npx` is such a grandchild. The guardian is the bridge's own program and holds nothing but a
//! list. It notices the bridge's end by the end of its stdin. Orders are lines: `?N` from a child
//! that is about to become a program, `+N` once it is one, `-N` when its group is gone, `!` when what
//! was about to become one did not.

#[cfg(any(unix, test))]
use std::collections::BTreeSet;
use std::io::BufRead;
use std::sync::Arc;

use tokio::process::Command;

#[cfg(unix)]
pub use self::post::Guardian;

/// The command of the bridge's program that stands guard.
pub const COMMAND: &str = "guard";

/// Stands guard: reads orders until the bridge is gone, then kills the groups that are left.
#[cfg(unix)]
pub fn stand(orders: impl BufRead) {
    use rustix::process::{Pid, Signal, kill_process_group};
    for group in groups_left(orders).into_iter().filter_map(Pid::from_raw) {
        // It may have ended by itself meanwhile.
        let _ = kill_process_group(group, Signal::KILL);
    }
}

/// Job objects do this on Windows.
#[cfg(not(unix))]
pub fn stand(_orders: impl BufRead) {}

/// The groups that were to be watched and not forgotten when the orders ended.
#[cfg(any(unix, test))]
fn groups_left(orders: impl BufRead) -> BTreeSet<i32> {
    let (mut groups, mut announced) = (BTreeSet::new(), BTreeSet::new());
    for line in orders.lines().map_while(Result::ok) {
        let (sign, group) = line.split_at(line.len().min(1));
        // Group 1 and below mean others than a program's.
        match (sign, group.parse()) {
            ("?", Ok(group @ 2..)) => drop(announced.insert(group)),
            ("+", Ok(group @ 2..)) => {
                announced.remove(&group);
                groups.insert(group);
            }
            ("-", Ok(group)) => drop(groups.remove(&group)),
            ("!", _) => announced.clear(),
            _ => {}
        }
    }
    groups.union(&announced).copied().collect()
}

/// A group that is killed when the bridge dies; dropped, it is forgotten, since it is gone.
#[derive(Debug)]
pub struct Watched {
    guardian: Arc<Guardian>,
    group: u32,
}

impl Drop for Watched {
    fn drop(&mut self) {
        self.guardian.forget(self.group);
    }
}

impl Guardian {
    /// Has the group killed when the bridge dies.
    pub(super) fn watch(self: &Arc<Self>, group: u32) -> Watched {
        self.note(group);
        Watched { guardian: self.clone(), group }
    }

    /// Has the child tell of itself before it becomes the program.
    #[cfg(target_os = "linux")]
    #[expect(
        unsafe_code,
        reason = "what a child does between fork and exec can only be set through an unsafe call"
    )]
    pub(super) fn announce(&self, child: &mut Command) {
        // Without a guardian the kernel's help has to do.
        let Some(announcements) = self.announcements() else { return };
        // SAFETY: between fork and exec only system calls are made, and nothing is allocated.
        unsafe {
            child.pre_exec(move || {
                let mut line = [0; 16];
                let own = rustix::process::getpid().as_raw_nonzero().get();
                let start = announcement(&mut line, own);
                let flags = rustix::net::SendFlags::NOSIGNAL;
                let _ = rustix::net::send(&announcements, &line[start..], flags);
                Ok(())
            });
        }
    }

    /// Elsewhere a program is known as soon as it runs.
    #[cfg(not(target_os = "linux"))]
    pub(super) fn announce(&self, _child: &mut Command) {}
}

/// Writes `?`, the number and a line end to the end of `line`; where they begin.
#[cfg(target_os = "linux")]
fn announcement(line: &mut [u8; 16], mut number: i32) -> usize {
    let mut at = line.len() - 1;
    line[at] = b'\n';
    while number > 0 {
        at -= 1;
        line[at] = b'0' + u8::try_from(number % 10).unwrap_or_default();
        number /= 10;
    }
    at -= 1;
    line[at] = b'?';
    at
}

/// Job objects do this on Windows.
#[cfg(not(unix))]
#[derive(Debug, Default)]
pub struct Guardian;

#[cfg(not(unix))]
impl Guardian {
    fn note(&self, _group: u32) {}
    fn forget(&self, _group: u32) {}
    pub(super) fn forget_announced(&self) {}
}

#[cfg(unix)]
mod post {
    use std::collections::BTreeSet;
    use std::io::{self, Write};
    use std::os::fd::OwnedFd;
    use std::os::unix::net::UnixStream;
    use std::os::unix::process::CommandExt;
    use std::process::{Child, Command, Stdio};
    use std::sync::{Mutex, MutexGuard, PoisonError};

    /// A handle to the guardian, who is called when the first program starts, and again if he dies.
    #[derive(Debug, Default)]
    pub struct Guardian {
        post: Mutex<Post>,
    }

    #[derive(Debug, Default)]
    struct Post {
        groups: BTreeSet<u32>,
        /// The guardian's process and where it reads; it ends when that closes.
        held: Option<(Child, UnixStream)>,
    }

    impl Guardian {
        fn post(&self) -> MutexGuard<'_, Post> {
            self.post.lock().unwrap_or_else(PoisonError::into_inner)
        }

        /// Where a child can announce itself before it becomes the program, since that may start others before
        /// the bridge gets to [`Guardian::watch`]. Elsewhere than on Linux, a guardian that died could have it killed by a
        /// signal in this moment.
        #[cfg(target_os = "linux")]
        pub(super) fn announcements(&self) -> Option<OwnedFd> {
            let mut post = self.post();
            let dead = |(guardian, _): &mut (Child, _)| !matches!(guardian.try_wait(), Ok(None));
            if post.held.as_mut().is_none_or(dead) {
                post.call();
            }
            post.held.as_ref()?.1.try_clone().ok().map(OwnedFd::from)
        }

        /// Has the group killed when the bridge dies.
        pub(super) fn note(&self, group: u32) {
            let mut post = self.post();
            post.groups.insert(group);
            post.order(&format!("+{group}\n"));
        }

        /// Forgets a group that is gone.
        pub(super) fn forget(&self, group: u32) {
            let mut post = self.post();
            post.groups.remove(&group);
            post.order(&format!("-{group}\n"));
        }

        /// Forgets a child that announced itself and did not become a program.
        pub(in crate::base) fn forget_announced(&self) {
            self.post().order("!\n");
        }
    }

    /// The groups that he watched are gone: whoever drops the last handle has dropped them before.
    impl Drop for Post {
        fn drop(&mut self) {
            self.dismiss();
        }
    }

    impl Post {
        fn dismiss(&mut self) {
            if let Some((mut guardian, _)) = self.held.take() {
                // He may be dead already; either way there is nothing left to wait for.
                let _ = guardian.kill();
                let _ = guardian.wait();
            }
        }

        fn order(&mut self, order: &str) {
            let told = self.held.as_mut().map(|(_, stream)| stream.write_all(order.as_bytes()));
            if !matches!(told, Some(Ok(()))) {
                self.call();
            }
        }

        /// Calls a guardian, a new one where the old one is dead or deaf, and tells him of all groups.
        fn call(&mut self) {
            self.dismiss();
            let all: Vec<String> = self.groups.iter().map(|group| format!("+{group}\n")).collect();
            let called = call().and_then(|(guardian, mut stream)| {
                stream.write_all(all.concat().as_bytes())?;
                Ok((guardian, stream))
            });
            match called {
                Ok(held) => self.held = Some(held),
                Err(error) => {
                    tracing::warn!("nobody stands guard over what programs start: {error}");
                }
            }
        }
    }

    fn call() -> io::Result<(Child, UnixStream)> {
        // The running program, even if its file was replaced since.
        let program = if cfg!(target_os = "linux") {
            "/proc/self/exe".into()
        } else {
            std::env::current_exe()?
        };
        // A socket, since writing to it can be kept from raising a signal.
        let (ours, his) = UnixStream::pair()?;
        // Whoever does not read must not hold up the bridge.
        ours.set_nonblocking(true)?;
        let mut command = Command::new(program);
        command.arg(super::COMMAND).env_clear();
        command.stdin(OwnedFd::from(his)).stdout(Stdio::null()).stderr(Stdio::null());
        // What a terminal sends to the bridge's group must not hit its guardian.
        command.process_group(0);
        Ok((command.spawn()?, ours))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(orders: &str, expected: &[i32]) {
        let left: Vec<i32> = groups_left(orders.as_bytes()).into_iter().collect();
        assert_eq!(left, expected, "{orders}");
    }

    #[test]
    fn only_groups_that_were_not_forgotten_are_left() {
        check("+10\n+11\n-10\n+1\n+0\n+-5\n-12\nnonsense\n\n+\n+13", &[11, 13]);
        check("?10\n+10\n?11\n!\n?12\n", &[10, 12]);
        check("?10\n?1\n+10\n-10\n", &[]);
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn children_announce_themselves_without_allocating() {
        for (number, expected) in
            [(7, &b"?7\n"[..]), (4_194_304, b"?4194304\n"), (i32::MAX, b"?2147483647\n")]
        {
            let mut line = [0; 16];
            let start = announcement(&mut line, number);
            assert_eq!(&line[start..], expected);
        }
    }
}
