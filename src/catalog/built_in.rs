//! The recipes that the program brings along.

use std::sync::{LazyLock, OnceLock};
use std::time::SystemTime;

use super::entry::{Entry, Origin};
use super::files::FILES;
use crate::recipe;

static BUILT_IN: LazyLock<Catalog> = LazyLock::new(|| Catalog {
    slots: FILES.iter().map(|(id, text)| Slot { id, text, entry: OnceLock::new() }).collect(),
});

/// The built-in recipes. Each is read when it is first asked for, so that commands that need none pay for none.
#[derive(Debug)]
pub struct Catalog {
    /// In the order of their ids.
    slots: Vec<Slot>,
}

#[derive(Debug)]
struct Slot {
    id: &'static str,
    text: &'static str,
    entry: OnceLock<Entry>,
}

impl Catalog {
    /// The one that this program has.
    pub fn built_in() -> &'static Self {
        &BUILT_IN
    }

    /// All ids, in the order of the alphabet. No recipe is read for them.
    pub fn ids(&self) -> impl Iterator<Item = &'static str> {
        self.slots.iter().map(|slot| slot.id)
    }

    /// All recipes, in the order of their ids.
    pub fn entries(&self) -> impl Iterator<Item = &Entry> {
        self.slots.iter().map(Slot::entry)
    }

    /// The recipe of this id.
    pub fn get(&self, id: &str) -> Option<&Entry> {
        let at = self.slots.binary_search_by(|slot| slot.id.cmp(id)).ok()?;
        Some(self.slots[at].entry())
    }

    /// Whether there is a recipe of this id, which is not read for it.
    pub fn has(&self, id: &str) -> bool {
        self.slots.binary_search_by(|slot| slot.id.cmp(id)).is_ok()
    }
}

impl Slot {
    fn entry(&self) -> &Entry {
        self.entry.get_or_init(|| {
            let checked = recipe::check(self.text.as_bytes(), SystemTime::now());
            let entry = Entry::new(checked, self.text.as_bytes(), Origin::BuiltIn);
            // Whether there is an error does not depend on the time.
            entry.expect("a test checks every built-in recipe")
        })
    }
}
