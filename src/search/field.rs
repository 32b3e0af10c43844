//! The parts of a tool that are searched, each with a weight of its own.

/// One part of a tool.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u8)]
pub enum Field {
    /// The tool's name.
    Name,
    /// Its title for people.
    Title,
    /// The first sentence of its description.
    Summary,
    /// What follows it.
    Description,
    /// The names of its parameters.
    Parameter,
    /// What is said of its parameters: descriptions, permitted values, formats.
    ParameterText,
    /// The name and the title of its server.
    Server,
}

impl Field {
    /// How many there are.
    pub const COUNT: usize = 7;

    /// In words.
    pub fn name(self) -> &'static str {
        match self {
            Self::Name => "name",
            Self::Title => "title",
            Self::Summary => "first sentence",
            Self::Description => "description",
            Self::Parameter => "parameters",
            Self::ParameterText => "parameter descriptions",
            Self::Server => "server",
        }
    }

    /// All of them.
    pub const ALL: [Self; Self::COUNT] = [
        Self::Name,
        Self::Title,
        Self::Summary,
        Self::Description,
        Self::Parameter,
        Self::ParameterText,
        Self::Server,
    ];

    /// The words of this field that are looked at; later ones are left out.
    pub(super) const fn longest(self) -> usize {
        match self {
            Self::Name | Self::Title | Self::Server => 24,
            Self::Summary => 60,
            Self::Description => 150,
            Self::Parameter => 80,
            Self::ParameterText => 250,
        }
    }
}
