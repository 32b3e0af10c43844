//! Versions of packages in the arguments of the programs that fetch them.

use crate::recipe::{Install, Method, is_archive, is_id};

/// What an argument says of the package.
struct Spec<'a> {
    /// The package, with what else belongs to its name, such as the extras of a Python package.
    name: &'a str,
    version: Option<&'a str>,
}

/// Whether a version is one: a word that means nothing else to any program that it is handed to. `npm:other` would be
/// another package, and `other.tgz` a file. Images have digests too.
pub(super) fn is_version(text: &str, method: Option<Method>) -> bool {
    let digest = text.strip_prefix("sha256:").filter(|_| method == Some(Method::Docker));
    if let Some(digest) = digest {
        return digest.len() == 64 && digest.bytes().all(|digit| digit.is_ascii_hexdigit());
    }
    let plain = |letter: char| letter.is_ascii_alphanumeric() || "._-+".contains(letter);
    let is_word = text.starts_with(|letter: char| letter.is_ascii_alphanumeric());
    is_word && text.chars().all(plain) && !is_archive(text)
}

/// A name, and the version behind its `@`. Behind the id of a recipe everything is meant for a version, if a wrong one;
/// a path may have `@` in it, so that behind one there has to be a version.
pub fn split(text: &str) -> (&str, Option<&str>) {
    let parts = |(name, version)| (name, Some(version));
    let of_id = text.split_once('@').filter(|(id, version)| is_id(id) && !version.is_empty());
    let of_path = || {
        let parts = text.rsplit_once('@');
        parts.filter(|(path, version)| !path.is_empty() && is_version(version, None))
    };
    of_id.or_else(of_path).map_or((text, None), parts)
}

/// What the registry calls the thing that is fetched.
pub fn package(install: &Install) -> Option<&str> {
    match install.method {
        Method::Docker => install.image.as_deref().map(|image| image_name(image).0),
        Method::Git => install.repository.as_deref(),
        Method::Binary => install.binary.as_deref(),
        Method::Npx | Method::Npm | Method::Pip | Method::Uvx | Method::Go => {
            install.package.as_deref()
        }
    }
}

/// The version that the arguments name.
pub fn version<'a>(install: &Install, args: &'a [String]) -> Option<&'a str> {
    args.iter().find_map(|arg| spec(install, arg)).and_then(|spec| spec.version)
}

/// Puts a version into the arguments; false if none of them names the package.
pub(super) fn pin(install: &Install, args: &mut [String], version: &str) -> bool {
    let found = args.iter().enumerate().find_map(|(index, arg)| {
        let spec = spec(install, arg)?;
        Some((index, joined(install.method, spec.name, version)))
    });
    let Some((index, arg)) = found else { return false };
    args[index] = arg;
    true
}

/// The package with its version, as the method takes both.
pub(super) fn joined(method: Method, name: &str, version: &str) -> String {
    let between = match method {
        // Without a version, pip takes the latest, and it has no word for it.
        Method::Pip if version == "latest" => return name.to_owned(),
        Method::Uvx if version == "latest" => "@",
        Method::Uvx | Method::Pip => "==",
        Method::Docker if !version.starts_with("sha256:") => ":",
        _ => "@",
    };
    [name, between, version].concat()
}

fn spec<'a>(install: &Install, arg: &'a str) -> Option<Spec<'a>> {
    match install.method {
        Method::Npx | Method::Npm => {
            let rest = arg.strip_prefix(install.package.as_deref()?)?;
            let version = if rest.is_empty() { None } else { Some(rest.strip_prefix('@')?) };
            Some(Spec { name: &arg[..arg.len() - rest.len()], version })
        }
        Method::Uvx | Method::Pip => python(install.package.as_deref()?, arg),
        Method::Docker => {
            let (name, version) = image_name(arg);
            (name == image_name(install.image.as_deref()?).0).then_some(Spec { name, version })
        }
        Method::Binary | Method::Go | Method::Git => None,
    }
}

/// `name`, `name[extra]`, each with `==1.2` or `@1.2` behind it.
fn python<'a>(package: &str, arg: &'a str) -> Option<Spec<'a>> {
    let rest = arg.strip_prefix(package)?;
    let extras = if rest.starts_with('[') { rest.find(']')? + 1 } else { 0 };
    let rest = &rest[extras..];
    let version = match rest.strip_prefix("==").or_else(|| rest.strip_prefix('@')) {
        None if !rest.is_empty() => return None,
        version => version,
    };
    Some(Spec { name: &arg[..arg.len() - rest.len()], version })
}

/// An image without and with what comes behind `:` or `@`; a colon may also stand before the port of a registry.
fn image_name(image: &str) -> (&str, Option<&str>) {
    if let Some((name, digest)) = image.split_once('@') {
        return (name, Some(digest));
    }
    match image.rsplit_once(':') {
        Some((name, tag)) if !tag.contains('/') => (name, Some(tag)),
        _ => (image, None),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::catalog::install::tests::recipe_of;

    #[test]
    fn versions_are_found_and_put_in() {
        #[track_caller]
        fn check(install: &serde_json::Value, args: &[&str], old: Option<&str>, new: Option<&str>) {
            let install = recipe_of(install).install.expect("it is there");
            let mut args: Vec<String> = args.iter().map(|arg| (*arg).to_owned()).collect();
            assert_eq!(version(&install, &args), old);
            assert_eq!(pin(&install, &mut args, "1.2.3"), new.is_some());
            if let Some(new) = new {
                assert_eq!(args.join(" "), new);
            }
        }
        let npx = json!({"method": "npx", "package": "@a/b"});
        check(&npx, &["-y", "@a/b", "."], None, Some("-y @a/b@1.2.3 ."));
        check(&npx, &["@a/b@0.9.0-rc.1"], Some("0.9.0-rc.1"), Some("@a/b@1.2.3"));
        check(&npx, &["-y", "@a/b-c"], None, None);
        let uvx = json!({"method": "uvx", "package": "srv"});
        check(&uvx, &["srv", "--x"], None, Some("srv==1.2.3 --x"));
        check(
            &uvx,
            &["--from", "srv[cli]==0.1", "run"],
            Some("0.1"),
            Some("--from srv[cli]==1.2.3 run"),
        );
        check(&uvx, &["srv@latest"], Some("latest"), Some("srv==1.2.3"));
        check(&uvx, &["srv-other"], None, None);
        let docker = json!({"method": "docker", "image": "host:5000/a/b"});
        check(&docker, &["run", "host:5000/a/b"], None, Some("run host:5000/a/b:1.2.3"));
        check(&docker, &["run", "host:5000/a/b:2"], Some("2"), Some("run host:5000/a/b:1.2.3"));
        check(&docker, &["run", "a/b"], None, None);
        check(&json!({"method": "go", "package": "srv"}), &["srv"], None, None);
    }

    #[test]
    fn a_version_is_a_word() {
        let digest = format!("sha256:{}", "0a".repeat(32));
        for text in ["1.2.3", "latest", "2025.4.1+x", "1.0.0-rc.1", "v2"] {
            assert!(is_version(text, Some(Method::Npx)), "{text}");
        }
        assert!(is_version(&digest, Some(Method::Docker)));
        let address = "https://example.com/x";
        for text in
            ["", "-1", "1 --flag", "../x", "1;id", "^1", "a@b", "a/b", "npm:evil@1", address]
                .into_iter()
                .chain(["npm:evil", "file:x", "git+ssh://x", "github:a", "sha256:0a", "sha256:x"])
                .chain(["evil.tgz", "evil.TAR", "evil.tar.gz", "evil.zip", "evil.whl"])
        {
            for method in [None, Some(Method::Npx), Some(Method::Docker)] {
                assert!(!is_version(text, method), "{text}");
            }
        }
        assert!(!is_version(&digest, Some(Method::Npx)));
    }

    #[test]
    fn versions_stand_behind_names() {
        let check = |text: &str, name: &str, version: Option<&str>| {
            assert_eq!(split(text), (name, version));
        };
        check("github", "github", None);
        check("github@1.2.3", "github", Some("1.2.3"));
        check("github@npm:evil", "github", Some("npm:evil"));
        check("github@git+ssh://git@host/x", "github", Some("git+ssh://git@host/x"));
        check("./a@b/recipe.json", "./a@b/recipe.json", None);
        check("./a/recipe.json@1.0", "./a/recipe.json", Some("1.0"));
        check("github@", "github@", None);
        check("@scope", "@scope", None);
    }
}
