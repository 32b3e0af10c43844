//! Who may read and write a file.

/// Who may read the file afterwards.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Access {
    /// Who may read it now; only its owner, if it is new.
    #[default]
    Kept,
    /// Only its owner.
    Private,
}

/// What a file's rights are, and whether it had them before.
pub(in crate::base) struct Mode {
    pub(in crate::base) bits: u32,
    pub(in crate::base) is_kept: bool,
    pub(in crate::base) is_write_protected: bool,
}
