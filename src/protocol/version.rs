//! The dated revisions of the protocol.

use super::era::Era;

/// A revision that the bridge knows, oldest first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Revision {
    /// 2024-11-05
    V2024_11_05,
    /// 2025-03-26
    V2025_03_26,
    /// 2025-06-18
    V2025_06_18,
    /// 2025-11-25
    V2025_11_25,
    /// 2026-07-28, the first without sessions
    V2026_07_28,
}

impl Revision {
    /// Every revision, oldest first.
    pub const ALL: [Self; 5] = [
        Self::V2024_11_05,
        Self::V2025_03_26,
        Self::V2025_06_18,
        Self::V2025_11_25,
        Self::V2026_07_28,
    ];

    /// Those that open with `initialize`, oldest first.
    pub const SESSIONS: [Self; 4] =
        [Self::V2024_11_05, Self::V2025_03_26, Self::V2025_06_18, Self::V2025_11_25];

    /// The newest one.
    pub const LATEST: Self = Self::V2026_07_28;

    /// The newest one with sessions: what `initialize` offers to servers, and what it gives to clients that ask for
    /// one that it cannot give.
    pub const LATEST_SESSION: Self = Self::V2025_11_25;

    /// The revision of this date, if it is known.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|revision| revision.as_str() == text)
    }

    /// What a server answers to a client that asks for `requested` in `initialize` (revision 2025-11-25, Lifecycle,
    /// Version Negotiation). A stateless revision cannot be had that way.
    pub fn negotiate(requested: &str) -> Self {
        Self::parse(requested)
            .filter(|revision| revision.era() == Era::Session)
            .unwrap_or(Self::LATEST_SESSION)
    }

    /// How a conversation in it opens.
    pub const fn era(self) -> Era {
        match self {
            Self::V2024_11_05 | Self::V2025_03_26 | Self::V2025_06_18 | Self::V2025_11_25 => {
                Era::Session
            }
            Self::V2026_07_28 => Era::Stateless,
        }
    }

    /// The date, as it travels.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::V2024_11_05 => "2024-11-05",
            Self::V2025_03_26 => "2025-03-26",
            Self::V2025_06_18 => "2025-06-18",
            Self::V2025_11_25 => "2025-11-25",
            Self::V2026_07_28 => "2026-07-28",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_known_session_is_kept_and_anything_else_becomes_the_latest_one() {
        for (requested, expected) in [
            ("2024-11-05", Revision::V2024_11_05),
            ("2025-06-18", Revision::V2025_06_18),
            ("2026-07-28", Revision::V2025_11_25),
            ("2030-01-01", Revision::V2025_11_25),
            ("1.0", Revision::V2025_11_25),
            ("", Revision::V2025_11_25),
        ] {
            assert_eq!(Revision::negotiate(requested), expected, "{requested}");
        }
    }

    #[test]
    fn dates_eras_and_order_agree() {
        assert!(Revision::ALL.is_sorted());
        assert_eq!(Revision::ALL.last(), Some(&Revision::LATEST));
        assert_eq!(Revision::SESSIONS.last(), Some(&Revision::LATEST_SESSION));
        for revision in Revision::ALL {
            assert_eq!(Revision::parse(revision.as_str()), Some(revision));
            assert_eq!(Era::of_revision(revision.as_str()), revision.era());
            assert_eq!(Revision::SESSIONS.contains(&revision), revision.era() == Era::Session);
        }
    }
}
