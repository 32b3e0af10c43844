//! What happens before a server runs for the first time.

use super::names;
use super::reason::{Concern, Reason};
use crate::base::locate;
use crate::recipe::{Install, Method};

/// `install` of a recipe, but for its platforms.
pub(super) fn look(install: &Install, place: &str, found: &mut Vec<Concern>) {
    let at = |key: &str| locate::child(place, key);
    let method = install.method;
    for (key, value) in [("package", &install.package), ("image", &install.image)] {
        let Some(text) = value else { continue };
        names::name(text, &at(key), found);
        undetermined(text, &at(key), found);
        if key == "package" && names::is_outside_registry(text, method) {
            found.push(Concern::new(&at(key), text, Reason::OutsideRegistry));
        }
    }
    if let Some(version) = &install.version {
        names::name(version, &at("version"), found);
        // `1.0` is a version; `npm:other` and `https://…` are other packages.
        let leads_away = version.contains([':', '/']) || names::is_archive(version);
        if leads_away && method != Method::Docker {
            found.push(Concern::new(&at("version"), version, Reason::OutsideRegistry));
        }
    }
    if let Some(repository) = &install.repository {
        names::repository(repository, &at("repository"), found);
    }
    if let Some(binary) = &install.binary {
        names::name(binary, &at("binary"), found);
        names::address(binary, &at("binary"), found);
    }
    if let Some(command) = &install.build_command {
        step(command, &at("buildCommand"), found);
    }
    for (key, commands) in
        [("preInstall", &install.pre_install), ("postInstall", &install.post_install)]
    {
        for (index, command) in commands.iter().enumerate() {
            step(command, &locate::child(&at(key), &index.to_string()), found);
        }
    }
}

fn step(command: &str, pointer: &str, found: &mut Vec<Concern>) {
    names::hidden(command, pointer, found);
    found.push(Concern::new(pointer, command, Reason::ShellStep));
}

/// What stands for itself only once somebody has set a variable.
pub(super) fn undetermined(text: &str, pointer: &str, found: &mut Vec<Concern>) {
    if text.contains("${") {
        found.push(Concern::new(pointer, text, Reason::Undetermined));
    }
}
