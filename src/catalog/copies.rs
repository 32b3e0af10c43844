//! What remote catalogs held when they were last fetched, for when they cannot be reached and so that they need not be
//! asked each time.
//!
//! A file each in `cache/catalogs/`, named by the hash of URL and key, replaced in one step:
//! `{"version": 1, "fetched": 1789000000, "etag": "…", "newest": {"id": "2026-11-20"}, "catalog": {…}}`. The catalog stands
//! there as it came: signatures are verified whenever it is read. A file that cannot be read is none.

use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use sha2::{Digest, Sha256};

use super::document::Newest;
use crate::base::fs::{PRIVATE, create_private_folder, open_regular, write_atomically};
use crate::base::text::hex;
use crate::config::RemoteCatalog;

/// The one version of the files that there is.
const VERSION: u32 = 1;
/// A longer catalog is not fetched.
pub(super) const MOST_BYTES: usize = 4 * 1024 * 1024;
/// What stands around the catalog in the file, at most.
const MOST_AROUND: usize = 1024 * 1024;
/// Characters of the name of a file.
const NAME: usize = 32;

/// A catalog as it was fetched.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Copy {
    version: u32,
    /// Seconds since 1970.
    fetched: u64,
    /// What the server calls this state of it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) etag: Option<String>,
    pub(super) newest: Newest,
    pub(super) catalog: Box<RawValue>,
}

impl Copy {
    /// `catalog` is JSON.
    pub(super) fn new(
        catalog: Box<RawValue>,
        etag: Option<String>,
        newest: Newest,
        now: SystemTime,
    ) -> Self {
        Self { version: VERSION, fetched: seconds(now), etag, newest, catalog }
    }

    /// The same, found to be what the catalog still is.
    pub(super) fn confirmed(self, now: SystemTime) -> Self {
        Self { fetched: seconds(now), ..self }
    }

    /// How old it is. One from the future, of a clock that was wrong, is as old as can be, so that it is fetched anew.
    pub(super) fn age(&self, now: SystemTime) -> Duration {
        seconds(now).checked_sub(self.fetched).map_or(Duration::MAX, Duration::from_secs)
    }

    /// That of this file, if there is one that can be read.
    pub(super) fn read(path: &Path) -> Option<Self> {
        let mut bytes = Vec::new();
        let limit = MOST_BYTES + MOST_AROUND;
        let file = open_regular(path, File::options().read(true)).ok()?;
        file.take(limit as u64 + 1).read_to_end(&mut bytes).ok()?;
        if bytes.len() > limit {
            return None;
        }
        let copy: Self = serde_json::from_slice(&bytes).ok()?;
        (copy.version == VERSION).then_some(copy)
    }

    pub(super) fn write(&self, path: &Path) -> io::Result<()> {
        if let Some(folder) = path.parent() {
            create_private_folder(folder)?;
        }
        let text = serde_json::to_vec(self).map_err(io::Error::other)?;
        write_atomically(path, &text, PRIVATE)
    }
}

/// Where the copy of a catalog lies. Another key is another catalog: what was seen under the one says nothing of the other.
pub(super) fn path(folder: &Path, catalog: &RemoteCatalog) -> PathBuf {
    let mut hash = Sha256::new();
    hash.update(catalog.url.expose().as_bytes());
    hash.update([0]);
    hash.update(catalog.public_key.as_ref().map_or(&[][..], |key| key.bytes()));
    let mut name = hex(&hash.finalize());
    name.truncate(NAME);
    folder.join(format!("{name}.json"))
}

fn seconds(moment: SystemTime) -> u64 {
    moment.duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs())
}
