//! Worker processes of the bridge's program, told from those of other tests.

use std::fs;
use std::path::PathBuf;

use tokio::time::timeout;

use super::{PATIENCE, eventually};

/// A folder with a link to the bridge's program, whose name tells this test's workers from all others.
pub(crate) struct Workers {
    _folder: tempfile::TempDir,
    pub(crate) program: PathBuf,
}

impl Workers {
    pub(crate) fn new() -> Self {
        let folder = tempfile::tempdir().expect("a folder can be made");
        let program = folder.path().join("bridge");
        std::os::unix::fs::symlink(env!("CARGO_BIN_EXE_bridge"), &program).expect("a link is made");
        Self { _folder: folder, program }
    }

    /// The processes that were started through the link and are not over.
    pub(crate) fn running(&self) -> Vec<u32> {
        let is_ours = |pid: &u32| {
            let line = fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
            line.starts_with(self.program.as_os_str().as_encoded_bytes())
        };
        let entries = fs::read_dir("/proc").expect("Linux shows its processes");
        entries
            .filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok())
            .filter(is_ours)
            .collect()
    }

    #[track_caller]
    pub(crate) fn assert_none(&self) {
        assert!(eventually(|| self.running().is_empty()), "left over: {:?}", self.running());
    }
}

/// Runs an asynchronous test, which has to end.
pub(crate) fn run_async<T>(test: impl Future<Output = T>) -> T {
    let mut runtime = tokio::runtime::Builder::new_current_thread();
    let runtime = runtime.enable_all().build().expect("a runtime is built");
    runtime.block_on(async { timeout(10 * PATIENCE, test).await.expect("it ends in time") })
}
