//! The file of one client: read with care, changed in place with a copy kept beside it.

use std::fs::{self, OpenOptions};
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use super::backup;
use super::client::Client;
use super::document::{Fault, Shape};
use super::place::{Platform, Surroundings};
use crate::base::environment::Environment;
use crate::base::fs::open_regular;
use crate::base::replaced::Replaced;
use crate::base::rewrite::{self, Access, rewrite};
use crate::cli::exit::{Exit, Failure};
use crate::cli::setup::{Setup, error_chain};

/// Bytes of a file that are read. Some clients keep whole histories in it, which come to some megabytes.
pub(super) const LONGEST: u64 = 64 * 1024 * 1024;

/// Where a client's servers stand.
#[derive(Debug, Clone)]
pub(super) struct ClientFile {
    pub(super) client: Client,
    pub(super) path: PathBuf,
    /// Whether the client, or the project, is there.
    pub(super) is_installed: bool,
}

/// What became of a file.
#[derive(Debug, Default)]
pub(super) struct Changed {
    pub(super) is_changed: bool,
    /// The text before the change, if there was one.
    pub(super) backup: Option<PathBuf>,
    /// To take it back.
    pub(super) replaced: Option<Replaced>,
}

/// Why a file is left as it is.
#[derive(Debug, thiserror::Error)]
pub(super) enum Error {
    /// There is neither the file nor the folder of the client.
    #[error("{} does not seem to be installed: there is no `{}`", client.name(), path.display())]
    NotInstalled { client: Client, path: PathBuf },
    /// The client has no file for projects.
    #[error("{} has no file of servers for projects", client.name())]
    NoProject { client: Client },
    #[error("no home folder of the user is known")]
    NoHome,
    #[error("cannot read `{}`", path.display())]
    Unreadable { path: PathBuf, source: io::Error },
    #[error("`{}` is no regular file", path.display())]
    NotAFile { path: PathBuf },
    #[error("`{}` is longer than {LONGEST} bytes", path.display())]
    TooLong { path: PathBuf },
    #[error("`{}` is not UTF-8", path.display())]
    NotUtf8 { path: PathBuf },
    #[error("`{}`: {fault}", path.display())]
    Text { path: PathBuf, fault: Fault },
    #[error("`{name}` in `{}` is another server", path.display())]
    Foreign { path: PathBuf, name: String },
    #[error("no copy of `{}` holds servers that `import` has taken out of it and it lacks", path.display())]
    NothingKept { path: PathBuf },
    #[error("`{}` has changed meanwhile", path.display())]
    Meanwhile { path: PathBuf },
    #[error("cannot keep a copy of `{}`", path.display())]
    Backup { path: PathBuf, source: io::Error },
    #[error("cannot make `{}`", path.display())]
    Folder { path: PathBuf, source: io::Error },
    #[error(transparent)]
    File(#[from] rewrite::Error),
}

impl ClientFile {
    /// The user's own file of the client, or that of the project in the working folder.
    pub(super) fn of(client: Client, is_project: bool, setup: &Setup) -> Result<Self, Error> {
        if is_project {
            let below = client.project_file().ok_or(Error::NoProject { client })?;
            let folder = std::path::absolute(".")
                .map_err(|source| Error::Folder { path: PathBuf::from("."), source })?;
            let path = below.iter().fold(folder, |path, part| path.join(part));
            return Ok(Self { client, path, is_installed: true });
        }
        let user_home = setup.paths.user_home().ok_or(Error::NoHome)?;
        Ok(Self::at(client, Platform::here(), user_home, setup.environment()))
    }

    fn at(client: Client, platform: Platform, user_home: &Path, environment: &Environment) -> Self {
        let place = Surroundings { platform, user_home, environment }.place(client);
        Self { client, is_installed: place.is_used(), path: place.file }
    }

    pub(super) fn shape(&self) -> Shape {
        Shape { format: self.client.format(), section: self.client.section() }
    }

    /// The text; nothing where there is no file.
    pub(super) fn read(&self) -> Result<Option<String>, Error> {
        let path = || self.path.clone();
        let unreadable = |source| Error::Unreadable { path: path(), source };
        let file = match open_regular(&self.path, OpenOptions::new().read(true)) {
            Ok(file) => file,
            Err(fault) if fault.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(fault) if fault.kind() == io::ErrorKind::InvalidInput => {
                return Err(Error::NotAFile { path: path() });
            }
            Err(fault) => return Err(unreadable(fault)),
        };
        let mut bytes = Vec::new();
        file.take(LONGEST + 1).read_to_end(&mut bytes).map_err(unreadable)?;
        if bytes.len() as u64 > LONGEST {
            return Err(Error::TooLong { path: path() });
        }
        String::from_utf8(bytes).map(Some).map_err(|_| Error::NotUtf8 { path: path() })
    }

    /// The servers in a text of this file.
    pub(super) fn servers(&self, text: &str) -> Result<Vec<(String, serde_json::Value)>, Error> {
        self.shape().servers(text).map_err(|fault| self.fault(fault))
    }

    pub(super) fn fault(&self, fault: Fault) -> Error {
        Error::Text { path: self.path.clone(), fault }
    }

    /// Changes the text, an empty one where there is no file, and keeps what it was. Folders are made.
    pub(super) fn change(
        &self,
        change: impl Fn(&str) -> Result<String, Error>,
    ) -> Result<Changed, Error> {
        // What must not be read at all is refused before the change reads it again.
        self.read()?;
        let folder = self.path.parent().unwrap_or(Path::new("."));
        if !folder.is_dir() {
            fs::create_dir_all(folder)
                .map_err(|source| Error::Folder { path: folder.to_owned(), source })?;
        }
        let (file, (mut changed, old, new)) = rewrite(&self.path, Access::Kept, |old| {
            let text = std::str::from_utf8(old.unwrap_or_default())
                .map_err(|_| Error::NotUtf8 { path: self.path.clone() })?;
            let new = change(text)?;
            let is_changed = new != text;
            let kept = old.filter(|_| is_changed).map(|old| backup::keep(&self.path, old));
            let backup = kept
                .transpose()
                .map_err(|source| Error::Backup { path: self.path.clone(), source })?;
            let (old, new) = (old.map(<[u8]>::to_vec), new.into_bytes());
            let changed = Changed { is_changed, backup, replaced: None };
            Ok::<_, Error>((new.clone(), (changed, old, new)))
        })?;
        changed.replaced = Some(Replaced { file, old, new });
        Ok(changed)
    }

    /// Whether the change would be made: the same without writing.
    pub(super) fn would_change(
        &self,
        change: impl Fn(&str) -> Result<String, Error>,
    ) -> Result<Changed, Error> {
        let text = self.read()?.unwrap_or_default();
        Ok(Changed { is_changed: change(&text)? != text, ..Changed::default() })
    }

    /// Removes the file if it still holds this text and is no link.
    pub(super) fn remove(&self, text: &str) -> Result<bool, Error> {
        let is_link = self.path.symlink_metadata().is_ok_and(|found| found.is_symlink());
        if is_link || self.read()?.as_deref() != Some(text) {
            return Ok(false);
        }
        fs::remove_file(&self.path)
            .map_err(|source| rewrite::Error::Unwritable { path: self.path.clone(), source })?;
        Ok(true)
    }
}

/// For people: what happened, and what to do about it.
pub(super) fn failure(error: &Error) -> Failure {
    let exit = match error {
        Error::NotInstalled { .. } | Error::NothingKept { .. } => Exit::NotFound,
        Error::NoProject { .. } => Exit::Usage,
        Error::NoHome => Exit::Config,
        _ => Exit::Failed,
    };
    Failure::new(exit, error_chain(error)).hint(hint(error))
}

fn hint(error: &Error) -> Option<String> {
    let hint = match error {
        Error::NotInstalled { .. } => "`--create` makes the file anyway",
        Error::NoProject { .. } => "leave `--project` out",
        Error::NoHome => "set `HOME`",
        Error::Text { .. } | Error::NotUtf8 { .. } => "mend the file first; it was left as it is",
        Error::Foreign { .. } => "choose another name with `--name`",
        Error::Meanwhile { .. } => "try again",
        Error::NothingKept { .. } => "leave `--restore` out to take only the bridge out",
        _ => return None,
    };
    Some(hint.to_owned())
}
