//! What a server shows of itself when it is reached, as it wrote it.

use crate::protocol::tool::Definition;

/// Bytes of its instructions; what follows is left out.
const LONGEST: usize = 4000;

/// Tools, and how the server says that they are used.
#[derive(Debug, Clone, Default)]
pub struct Shown {
    pub(super) definitions: Vec<Definition>,
    pub(super) instructions: Option<Box<str>>,
}

impl Shown {
    /// These tools, with the `instructions` of the handshake, if there were any.
    pub fn new(definitions: Vec<Definition>, instructions: Option<&str>) -> Self {
        let cut = |text: &str| text[..text.floor_char_boundary(LONGEST)].trim().into();
        let instructions: Option<Box<str>> = instructions.map(cut);
        Self { definitions, instructions: instructions.filter(|text| !text.is_empty()) }
    }

    /// How much text there is, in bytes.
    pub(super) fn bytes(&self) -> usize {
        self.definitions.iter().map(|tool| tool.text().len()).sum()
    }
}
