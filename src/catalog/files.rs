//! The text of every file in `catalog/`, so that the program needs nothing beside itself.

macro_rules! files {
    ($($id:literal)*) => {
        &[$(($id, include_str!(concat!("../../catalog/", $id, ".json")))),*]
    };
}

/// Ids with the texts of their files, in the order of the alphabet. A new file takes a line here.
pub(super) const FILES: &[(&str, &str)] = files! {
    "filesystem"
    "github"
    "tavily"
};
