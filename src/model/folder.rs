//! Where models lie, and which are there.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::package::{Kind, Package};
use super::{Error, MANIFEST, Manifest, unpack};
use crate::base::fs::create_private_folder;
use crate::base::lock::Lock;
use crate::base::paths::Paths;
use crate::base::sorting;

/// Who installs holds the lock while files are put into their places, not while they are fetched.
const PATIENCE: Duration = Duration::from_secs(10);
const LOCK: &str = ".lock";
/// How names of folders begin that are not finished.
pub(super) const UNFINISHED: &str = ".unfinished-";
/// And those of models that make place for another one, until that stands there.
const REPLACED: &str = ".replaced-";

/// The folder of models below the home folder.
#[derive(Debug, Clone)]
pub struct Models {
    folder: PathBuf,
    downloads: PathBuf,
}

/// A model that is there, or a library.
#[derive(Debug, Clone)]
pub struct Installed {
    /// Its name.
    pub name: String,
    /// Its own folder.
    pub folder: PathBuf,
    /// What is in it.
    pub manifest: Manifest,
    /// Its files on the disk are not as long as they were, or not there.
    pub is_damaged: bool,
}

impl Models {
    /// Those of this home.
    pub fn new(paths: &Paths) -> Self {
        Self { folder: paths.models(), downloads: paths.cache().join("downloads") }
    }

    /// The folder of the model of this name, whether it is there or not.
    pub fn folder_of(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }

    /// The native library that was installed, if one was.
    pub fn runtime(&self) -> Option<PathBuf> {
        let package = Package::named("onnxruntime")?;
        let name = package.wheel()?.members.first()?.name;
        Some(self.folder_of(package.name).join(name)).filter(|path| path.is_file())
    }

    /// The model of this name, in whatever letter case, if it is there.
    pub fn find(&self, name: &str) -> Option<Installed> {
        let (installed, _) = self.list();
        installed.into_iter().find(|found| found.name.eq_ignore_ascii_case(name))
    }

    /// All that are there, by name, and what is wrong with folders that are none.
    pub fn list(&self) -> (Vec<Installed>, Vec<Error>) {
        self.repair();
        let (mut installed, mut faults) = (Vec::new(), Vec::new());
        let Ok(entries) = fs::read_dir(&self.folder) else { return (installed, faults) };
        for entry in entries.flatten() {
            let Ok(name) = entry.file_name().into_string() else { continue };
            if name.starts_with('.') || !entry.path().is_dir() {
                continue;
            }
            let folder = entry.path();
            match Manifest::read(&folder) {
                Ok(manifest) => {
                    let is_whole = |(file, expected): (&String, &super::File)| {
                        fs::metadata(folder.join(file))
                            .is_ok_and(|found| found.len() == expected.bytes)
                    };
                    let is_damaged = !manifest.files.iter().all(is_whole);
                    installed.push(Installed { name, folder, manifest, is_damaged });
                }
                Err(error) => {
                    let (path, reason) = (folder.join(MANIFEST), error.to_string());
                    faults.push(Error::Manifest { path, reason });
                }
            }
        }
        sorting::sort_by(&mut installed, |one, other| one.name.cmp(&other.name));
        (installed, faults)
    }

    /// Takes a model away.
    pub fn remove(&self, name: &str) -> Result<(), Error> {
        check_name(name)?;
        let lock = self.lock()?;
        if lock.is_exclusive() {
            self.restore();
        }
        let here = fs::read_dir(&self.folder).into_iter().flatten().flatten();
        let mut names = here.filter_map(|entry| entry.file_name().into_string().ok());
        let found = names.find(|found| found.eq_ignore_ascii_case(name));
        let Some(found) = found.filter(|name| self.folder_of(name).is_dir()) else {
            return Err(Error::NotInstalled { name: name.to_owned() });
        };
        // Renamed first, so that nobody ever finds a half of it.
        let folder = self.folder_of(&found);
        let aside = self.folder.join(format!("{UNFINISHED}{found}"));
        let _ = fs::remove_dir_all(&aside);
        fs::rename(&folder, &aside).map_err(Error::io(&folder))?;
        fs::remove_dir_all(&aside).map_err(Error::io(&aside))
    }

    /// Where downloads lie until they are unpacked, so that they can be resumed.
    pub(super) fn downloads(&self) -> Result<&Path, Error> {
        create_private_folder(&self.downloads).map_err(Error::io(&self.downloads))?;
        Ok(&self.downloads)
    }

    /// The folder, made if it is not there.
    pub(super) fn folder(&self) -> Result<&Path, Error> {
        create_private_folder(&self.folder).map_err(Error::io(&self.folder))?;
        Ok(&self.folder)
    }

    /// Puts a finished folder into its place. Whenever this ends, by a kill too, the old one or the new one is there, or
    /// the old one is put back by whoever looks next.
    pub(super) fn place(&self, beside: &Path, name: &str) -> Result<PathBuf, Error> {
        let (place, old) = (self.folder_of(name), self.folder.join(format!("{REPLACED}{name}")));
        if place.exists() {
            unpack::clear(&old)?;
            fs::rename(&place, &old).map_err(Error::io(&place))?;
        }
        if let Err(error) = fs::rename(beside, &place) {
            // Without the new one, the old one is better than none.
            let _ = fs::rename(&old, &place);
            return Err(Error::io(&place)(error));
        }
        unpack::clear(&old)?;
        Ok(place)
    }

    /// Puts models back that were to be replaced when whoever did so was killed.
    fn repair(&self) {
        if self.lost().next().is_none() {
            return;
        }
        // Whoever holds the lock may be about to put the new one there.
        if self.lock_within(Duration::ZERO).is_ok_and(|lock| lock.is_exclusive()) {
            self.restore();
        }
    }

    fn restore(&self) {
        for (old, place) in self.lost() {
            if let Err(error) = fs::rename(&old, &place) {
                tracing::warn!("`{}` cannot be put back: {error}", place.display());
            }
        }
    }

    /// Models that were to be replaced and nothing stands where they stood, and where that was.
    fn lost(&self) -> impl Iterator<Item = (PathBuf, PathBuf)> {
        let entries = fs::read_dir(&self.folder).into_iter().flatten().flatten();
        entries.filter_map(|entry| {
            let name = entry.file_name().into_string().ok()?;
            let place = self.folder_of(name.strip_prefix(REPLACED)?);
            (!place.exists()).then(|| (entry.path(), place))
        })
    }

    /// Removes what was left by those who were killed while they installed. Nobody else may be installing.
    pub(super) fn sweep(&self) {
        self.restore();
        for entry in fs::read_dir(&self.folder).into_iter().flatten().flatten() {
            let name = entry.file_name().to_string_lossy().into_owned();
            if name.starts_with(UNFINISHED) || name.starts_with(REPLACED) {
                // What cannot be removed takes up room and does no harm.
                let _ = fs::remove_dir_all(entry.path());
            }
        }
    }

    /// Keeps other bridges from changing what is installed.
    pub(super) fn lock(&self) -> Result<Lock, Error> {
        self.lock_within(PATIENCE)
    }

    fn lock_within(&self, patience: Duration) -> Result<Lock, Error> {
        let path = self.folder()?.join(LOCK);
        let mut options = fs::OpenOptions::new();
        let options = options.create(true).truncate(false).write(true);
        let file = options.open(&path).map_err(Error::io(&path))?;
        Lock::wait(file, patience).map_err(|_| Error::Busy)
    }
}

impl Installed {
    /// Whether it is a model or a library.
    pub fn kind(&self) -> Kind {
        Package::named(&self.name).map_or(Kind::Model, |package| package.kind)
    }

    /// In bytes, all files together.
    pub fn size(&self) -> u64 {
        self.manifest.files.values().map(|file| file.bytes).sum()
    }
}

/// A name is that of a folder: it must not lead out of the one for models.
pub(super) fn check_name(name: &str) -> Result<(), Error> {
    let is_letter =
        |letter: char| letter.is_ascii_alphanumeric() || matches!(letter, '-' | '_' | '.');
    if name.is_empty() || name.len() > 100 || name.starts_with('.') || !name.chars().all(is_letter)
    {
        return Err(Error::Name { name: name.to_owned() });
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The folder of models with such folders in it, each with a file that has its name.
    fn models(folders: &[&str]) -> (tempfile::TempDir, Models) {
        let home = tempfile::tempdir().expect("a folder");
        let folder = home.path().join("models");
        for name in folders {
            fs::create_dir_all(folder.join(name)).expect("made");
            fs::write(folder.join(name).join("file"), name).expect("written");
        }
        let models = Models { folder, downloads: home.path().join("downloads") };
        (home, models)
    }

    fn file(models: &Models, name: &str) -> Option<String> {
        fs::read_to_string(models.folder_of(name).join("file")).ok()
    }

    #[test]
    fn a_new_model_takes_the_place_of_the_old_one() {
        for folders in [&[".unfinished-m", "m", ".replaced-m"][..], &[".unfinished-m"]] {
            let (_home, models) = models(folders);
            models.place(&models.folder.join(".unfinished-m"), "m").expect("placed");
            assert_eq!(file(&models, "m").as_deref(), Some(".unfinished-m"));
            assert_eq!(fs::read_dir(&models.folder).expect("there").count(), 1);
        }
        let (_home, models) = models(&["m"]);
        models.place(&models.folder.join(".unfinished-m"), "m").expect_err("there is none");
        assert_eq!(file(&models, "m").as_deref(), Some("m"));
    }

    #[test]
    fn an_install_that_was_killed_leaves_the_old_model() {
        let check = |folders: &[&str], expected: &str| {
            let (_home, models) = models(folders);
            models.list();
            assert_eq!(file(&models, "m").as_deref(), Some(expected), "{folders:?}");
            models.sweep();
            assert_eq!(file(&models, "m").as_deref(), Some(expected), "{folders:?}");
            let left: Vec<_> = fs::read_dir(&models.folder).expect("there").flatten().collect();
            let hidden = |entry: &&fs::DirEntry| entry.file_name() != "m" && entry.path().is_dir();
            assert_eq!(left.iter().filter(hidden).count(), 0, "{folders:?}");
        };
        check(&[".unfinished-m", "m"], "m");
        check(&[".unfinished-m", ".replaced-m"], ".replaced-m");
        check(&[".replaced-m", "m"], "m");
        // A model may be called so.
        check(&[".unfinished-m-old", "m"], "m");
    }

    #[test]
    fn nobody_is_disturbed_who_is_installing() {
        let (_home, models) = models(&[".replaced-m"]);
        let lock = models.lock().expect("free");
        models.list();
        assert_eq!(file(&models, "m"), None);
        drop(lock);
        models.list();
        assert_eq!(file(&models, "m").as_deref(), Some(".replaced-m"));
    }
}
