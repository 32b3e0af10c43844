//! The vectors of the texts that documents have, each once, however many documents have it.

use std::collections::HashMap;

use super::kept::Key;
use super::lexical::DocumentId;
use super::vectors::{Matrix, WrongLength};

/// Documents, the texts that they have, and the vectors of these as far as they are known.
#[derive(Debug, Default)]
pub(super) struct Texts {
    /// By places in `entries`.
    matrix: Matrix,
    entries: Vec<Entry>,
    /// Places of texts that nobody has any more.
    free: Vec<u32>,
    places: HashMap<Key, u32>,
    of_documents: HashMap<DocumentId, u32>,
}

#[derive(Debug)]
struct Entry {
    key: Key,
    documents: Vec<DocumentId>,
    /// Its vector is nowhere else yet.
    is_unsaved: bool,
}

impl Texts {
    /// A document has this text from now on; false where its vector is not known.
    pub(super) fn attach(&mut self, document: DocumentId, key: Key) -> bool {
        self.detach(document);
        let place = self.place(key);
        self.entries[place as usize].documents.push(document);
        self.of_documents.insert(document, place);
        self.matrix.get(place).is_some()
    }

    /// A document is there no more. Its text stays until [`Self::sweep`].
    pub(super) fn detach(&mut self, document: DocumentId) {
        if let Some(place) = self.of_documents.remove(&document) {
            self.entries[place as usize].documents.retain(|other| *other != document);
        }
    }

    /// Whether a document has this text, or had it when they were last swept.
    pub(super) fn knows(&self, key: &Key) -> bool {
        self.places.contains_key(key)
    }

    /// The vector of a text; `is_unsaved` where it is nowhere else. The first one says how long all are.
    pub(super) fn set(
        &mut self,
        key: Key,
        vector: &[f32],
        is_unsaved: bool,
    ) -> Result<(), WrongLength> {
        if self.matrix.is_empty() && self.matrix.dimensions() != vector.len() {
            self.matrix = Matrix::new(vector.len());
        }
        let place = self.place(key);
        self.matrix.set(place, vector)?;
        self.entries[place as usize].is_unsaved = is_unsaved;
        Ok(())
    }

    /// Every document with a vector, with its cosine.
    pub(super) fn cosines(&self, query: &[f32]) -> Result<Vec<(DocumentId, f32)>, WrongLength> {
        let mut cosines = Vec::with_capacity(self.of_documents.len());
        for hit in self.matrix.scores(query)? {
            let documents = &self.entries[hit.id as usize].documents;
            cosines.extend(documents.iter().map(|document| (*document, hit.score)));
        }
        Ok(cosines)
    }

    /// The texts with vectors.
    pub(super) fn keys(&self) -> Vec<Key> {
        let with_vector =
            self.places.iter().filter(|(_, place)| self.matrix.get(**place).is_some());
        with_vector.map(|(key, _)| *key).collect()
    }

    /// Vectors that are nowhere else.
    pub(super) fn unsaved(&self) -> Vec<(Key, Vec<f32>)> {
        let unsaved = (0..).zip(&self.entries).filter(|(_, entry)| entry.is_unsaved);
        let vector =
            |(place, entry): (u32, &Entry)| Some((entry.key, self.matrix.get(place)?.to_vec()));
        unsaved.filter_map(vector).collect()
    }

    /// These are somewhere else now.
    pub(super) fn saved(&mut self, keys: impl IntoIterator<Item = Key>) {
        for key in keys {
            if let Some(place) = self.places.get(&key) {
                self.entries[*place as usize].is_unsaved = false;
            }
        }
    }

    /// Forgets the texts that no document has, but for those whose vectors are nowhere else.
    pub(super) fn sweep(&mut self) {
        let (entries, matrix, free) = (&mut self.entries, &mut self.matrix, &mut self.free);
        self.places.retain(|_, place| {
            let entry = &mut entries[*place as usize];
            let stays = entry.is_unsaved || !entry.documents.is_empty();
            if !stays {
                matrix.remove(*place);
                entry.documents = Vec::new();
                free.push(*place);
            }
            stays
        });
    }

    fn place(&mut self, key: Key) -> u32 {
        if let Some(place) = self.places.get(&key) {
            return *place;
        }
        let entry = Entry { key, documents: Vec::new(), is_unsaved: false };
        let place = if let Some(place) = self.free.pop() {
            self.entries[place as usize] = entry;
            place
        } else {
            self.entries.push(entry);
            u32::try_from(self.entries.len() - 1).expect("there are fewer documents")
        };
        self.places.insert(key, place);
        place
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(text: &str) -> Key {
        Key::of(text)
    }

    #[track_caller]
    fn check(texts: &Texts, expected: &[(u32, f32)]) {
        let mut found = texts.cosines(&[1.0, 0.0]).expect("it fits");
        found.sort_unstable_by_key(|(document, _)| document.0);
        let expected: Vec<_> =
            expected.iter().map(|(document, cosine)| (DocumentId(*document), *cosine)).collect();
        assert_eq!(found, expected);
    }

    #[test]
    fn a_text_of_many_documents_has_one_vector() {
        let mut texts = Texts::default();
        for document in 0..3 {
            assert!(!texts.attach(DocumentId(document), key("ring")));
        }
        texts.set(key("ring"), &[1.0, 0.0], false).expect("it fits");
        assert!(texts.attach(DocumentId(3), key("ring")));
        assert!(!texts.attach(DocumentId(4), key("bell")));
        check(&texts, &[(0, 1.0), (1, 1.0), (2, 1.0), (3, 1.0)]);
        assert_eq!((texts.matrix.len(), texts.entries.len()), (1, 2));
        texts.set(key("bell"), &[0.0, 1.0], false).expect("it fits");
        // The document has another text now.
        assert!(texts.attach(DocumentId(0), key("bell")));
        check(&texts, &[(0, 0.0), (1, 1.0), (2, 1.0), (3, 1.0), (4, 0.0)]);
    }

    #[test]
    fn what_nobody_has_is_forgotten_and_its_place_used_again() {
        let mut texts = Texts::default();
        for (document, text) in [(0, "ring"), (1, "bell"), (2, "ring")] {
            texts.attach(DocumentId(document), key(text));
            texts.set(key(text), &[0.6, 0.8], false).expect("it fits");
        }
        texts.detach(DocumentId(0));
        texts.detach(DocumentId(1));
        // It may come back at once.
        assert!(texts.attach(DocumentId(1), key("bell")));
        texts.detach(DocumentId(1));
        texts.sweep();
        assert!(texts.knows(&key("ring")) && !texts.knows(&key("bell")));
        assert_eq!(texts.keys(), [key("ring")]);
        assert!(!texts.attach(DocumentId(5), key("gong")));
        assert_eq!(texts.entries.len(), 2);
        check(&texts, &[(2, 0.6)]);
    }

    #[test]
    fn what_is_nowhere_else_stays_until_it_is_saved() {
        let mut texts = Texts::default();
        texts.attach(DocumentId(0), key("ring"));
        texts.set(key("ring"), &[0.6, 0.8], true).expect("it fits");
        texts.detach(DocumentId(0));
        texts.sweep();
        assert_eq!(texts.unsaved(), [(key("ring"), vec![0.6, 0.8])]);
        texts.saved([key("ring")]);
        texts.sweep();
        assert_eq!((texts.unsaved().len(), texts.matrix.len()), (0, 0));
        // Vectors may be of another length once none is left.
        texts.set(key("bell"), &[1.0], false).expect("it is the first");
        texts.set(key("gong"), &[1.0, 0.0], false).expect_err("it is not");
    }
}
