//! Which servers `import --leave-only-bridge` took out of which file: their names, by the file, in `imported.json` of the
//! home folder. `unregister --restore` puts back these and no others, since a copy of the file also has those that its
//! owner has taken out himself.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io;
use std::path::Path;

use super::file::Error;
use crate::base::fs::create_private_folder;
use crate::base::paths::Paths;
use crate::base::replaced::Replaced;
use crate::base::rewrite::{self, Access, rewrite};

/// Names of servers by the path of the file.
type Table = BTreeMap<String, BTreeSet<String>>;

/// The servers that were taken out of this file.
pub(super) fn of(paths: &Paths, file: &Path) -> Result<BTreeSet<String>, Error> {
    let record = paths.imported();
    match fs::read(&record) {
        Ok(bytes) => Ok(table(&record, Some(&bytes))?.remove(&key(file)).unwrap_or_default()),
        Err(fault) if fault.kind() == io::ErrorKind::NotFound => Ok(BTreeSet::new()),
        Err(source) => Err(Error::Unreadable { path: record, source }),
    }
}

/// Notes that these are taken out of the file.
pub(super) fn add(paths: &Paths, file: &Path, names: &[&str]) -> Result<Replaced, Error> {
    create_private_folder(paths.home())
        .map_err(|source| Error::Folder { path: paths.home().to_owned(), source })?;
    change(paths, |table| {
        table.entry(key(file)).or_default().extend(names.iter().map(|&name| name.to_owned()));
    })
}

/// Notes that all of them are back.
pub(super) fn forget(paths: &Paths, file: &Path) -> Result<(), Error> {
    change(paths, |table| {
        table.remove(&key(file));
    })
    .map(drop)
}

fn change(paths: &Paths, change: impl Fn(&mut Table)) -> Result<Replaced, Error> {
    let record = paths.imported();
    let (file, (old, new)) = rewrite(&record, Access::Private, |old| {
        let mut table = table(&record, old)?;
        change(&mut table);
        let new = serde_json::to_string_pretty(&table).expect("names are JSON") + "\n";
        let new = new.into_bytes();
        Ok::<_, Error>((new.clone(), (old.map(<[u8]>::to_vec), new)))
    })?;
    Ok(Replaced { file, old, new })
}

fn table(record: &Path, bytes: Option<&[u8]>) -> Result<Table, Error> {
    let Some(bytes) = bytes else { return Ok(Table::new()) };
    serde_json::from_slice(bytes).map_err(|fault| {
        let path = record.to_owned();
        Error::File(rewrite::Error::Unreadable { path, source: io::Error::other(fault) })
    })
}

fn key(file: &Path) -> String {
    file.to_string_lossy().into_owned()
}
