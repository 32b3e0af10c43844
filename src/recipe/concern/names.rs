//! Names and addresses: what they may not be, and where they lead.

use super::reason::{Concern, Reason};
use crate::base::unicode;
use crate::config::{Authority, remote};
use crate::recipe::Method;

/// A name that is handed to a program as one argument.
pub(super) fn name(text: &str, pointer: &str, found: &mut Vec<Concern>) {
    let mut add = |why| found.push(Concern::new(pointer, text, why));
    if text.starts_with('-') {
        add(Reason::LeadingDash);
    }
    if text.contains(char::is_whitespace) {
        add(Reason::NotAName);
    }
    hidden(text, pointer, found);
}

/// Text that people read before they agree to it.
pub(super) fn hidden(text: &str, pointer: &str, found: &mut Vec<Concern>) {
    let is_layout = |letter: char| matches!(letter, '\n' | '\t' | '\r');
    // A selector behind an emoji is as common as it is harmless.
    let misleads = |letter: char| unicode::unseen(letter) && !unicode::selector(letter);
    let misleads = |letter: char| misleads(letter) || unicode::line_separator(letter);
    let misleads = |letter: char| misleads(letter) && !is_layout(letter);
    if !text.contains(misleads) {
        return;
    }
    let mut shown = String::with_capacity(text.len());
    for letter in text.chars() {
        if misleads(letter) {
            shown.extend(letter.escape_unicode());
        } else {
            shown.push(letter);
        }
    }
    found.push(Concern::new(pointer, shown, Reason::Hidden));
}

/// A URL that is called, opened or downloaded.
pub(super) fn address(url: &str, pointer: &str, found: &mut Vec<Concern>) {
    hidden(url, pointer, found);
    if is_plain(url) {
        found.push(Concern::new(pointer, url, Reason::PlainHttp));
    }
}

/// A repository that is cloned. Git takes local paths, and helpers that run programs, for repositories as well.
pub(super) fn repository(url: &str, pointer: &str, found: &mut Vec<Concern>) {
    name(url, pointer, found);
    let scheme = url.split_once("://").map(|(scheme, _)| scheme.to_ascii_lowercase());
    match scheme.as_deref() {
        Some("https" | "http") if remote::is_http(url) => address(url, pointer, found),
        Some("git") => found.push(Concern::new(pointer, url, Reason::PlainHttp)),
        Some("ssh") => {}
        None if is_scp(url) => {}
        _ => found.push(Concern::new(pointer, url, Reason::UnknownSource)),
    }
}

/// `user@host:path`, which is SSH.
fn is_scp(url: &str) -> bool {
    let Some((login, path)) = url.split_once(':') else { return false };
    let Some((user, host)) = login.split_once('@') else { return false };
    let plain = |letter: char| letter.is_ascii_alphanumeric() || matches!(letter, '.' | '-' | '_');
    let is_part =
        |part: &str| !part.is_empty() && !part.starts_with('-') && part.chars().all(plain);
    is_part(user) && is_part(host) && !path.is_empty() && !path.starts_with([':', '-'])
}

/// Whether it goes to another machine without encryption.
fn is_plain(url: &str) -> bool {
    let Some((scheme, rest)) = url.split_once("://") else { return false };
    if !scheme.eq_ignore_ascii_case("http") {
        return false;
    }
    let authority = rest.split(['/', '?', '#', '\\']).next().unwrap_or_default();
    let host = authority.rsplit('@').next().unwrap_or_default();
    !Authority::parse(host).is_some_and(|authority| authority.host.is_loopback())
}

/// A package without its version, spelled as its registry compares it.
pub(super) fn bare(package: &str, method: Method) -> String {
    match method {
        Method::Docker => {
            let image = package.split('@').next().unwrap_or_default();
            let from = image.rfind('/').map_or(0, |slash| slash + 1);
            let end = image[from..].find(':').map_or(image.len(), |colon| from + colon);
            let image = image[..end].trim_start_matches("docker.io/");
            image.strip_prefix("library/").unwrap_or(image).to_owned()
        }
        Method::Uvx | Method::Pip => {
            let end = package.find(['=', '<', '>', '!', '~', '@', '[', ';', ' ']);
            let name = &package[..end.unwrap_or(package.len())];
            name.to_ascii_lowercase().replace(['_', '.'], "-")
        }
        _ => {
            let from = usize::from(package.starts_with('@'));
            let end = package[from..].find('@').map_or(package.len(), |at| from + at);
            package[..end].to_owned()
        }
    }
}

/// Whether a version has the name of an archive. Package managers look for a file of that name in the folder that they are
/// started in; npm takes any letter for the second dot of `.tar.gz`.
pub fn is_archive(version: &str) -> bool {
    const ENDS: [&str; 11] =
        [".tar", "gz", ".zip", ".whl", ".bz2", ".tbz", ".xz", ".txz", ".tlz", ".lz", ".lzma"];
    let version = version.to_ascii_lowercase();
    ENDS.iter().any(|end| version.ends_with(end))
}

/// Whether a package is named by where it is instead of what it is called. `name@npm:other` is one such.
pub(super) fn is_outside_registry(package: &str, method: Method) -> bool {
    match method {
        Method::Npx | Method::Npm => {
            let version = &package[bare(package, method).len()..];
            let name = package.strip_prefix('@').and_then(|name| name.split_once('/'));
            let name = name.map_or(package, |(_, name)| name);
            package.contains(':')
                || version.contains('/')
                || is_archive(version)
                || name.contains('/')
                || package.starts_with(['.', '~'])
        }
        Method::Uvx | Method::Pip => {
            package.contains([':', '/', '\\']) || package.starts_with(['.', '~'])
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plain_http_is_told_apart_from_loopback() {
        let check = |url: &str, expected: bool| assert_eq!(is_plain(url), expected, "{url}");
        check("http://example.com/mcp", true);
        check("HTTP://example.com", true);
        check("http://${HOST}/mcp", true);
        check("http://localhost@evil.example/", true);
        check("http://localhost.evil.example/", true);
        check("http://localhost:3000/mcp", false);
        check("http://127.0.0.1/", false);
        check("http://[::1]:80/", false);
        check("https://example.com", false);
        check("${URL}", false);
    }

    #[test]
    fn repositories_have_addresses() {
        let check = |url: &str, expected: Option<Reason>| {
            let mut found = Vec::new();
            repository(url, "/r", &mut found);
            assert_eq!(found.first().map(|concern| concern.why), expected, "{url}");
        };
        check("https://github.com/a/b", None);
        check("ssh://git@github.com/a/b", None);
        check("git@github.com:a/b.git", None);
        check("http://github.com/a/b", Some(Reason::PlainHttp));
        check("git://github.com/a/b", Some(Reason::PlainHttp));
        check("ext::sh -c touch% /x", Some(Reason::NotAName));
        check("ext::/bin/x", Some(Reason::UnknownSource));
        check("file:///etc", Some(Reason::UnknownSource));
        check("/etc", Some(Reason::UnknownSource));
        check("../x", Some(Reason::UnknownSource));
        check("--upload-pack=x", Some(Reason::LeadingDash));
        check("https://", Some(Reason::UnknownSource));
        check("a@-oProxyCommand=x:y", Some(Reason::UnknownSource));
    }

    #[test]
    fn packages_are_compared_without_their_version() {
        let check = |method, package: &str, expected: &str, outside: bool| {
            assert_eq!(bare(package, method), expected, "{package}");
            assert_eq!(is_outside_registry(package, method), outside, "{package}");
        };
        check(Method::Npx, "@a/b@1.2", "@a/b", false);
        check(Method::Npx, "a", "a", false);
        check(Method::Npx, "a@npm:evil", "a", true);
        check(Method::Npx, "a@evil.tgz", "a", true);
        check(Method::Npx, "github:a/b", "github:a/b", true);
        check(Method::Npx, "a/b", "a/b", true);
        check(Method::Npx, "@a/b/c", "@a/b/c", true);
        check(Method::Npx, "./x", "./x", true);
        check(Method::Npm, "https://example.com/x.tgz", "https://example.com/x.tgz", true);
        check(Method::Uvx, "MCP_Server.git[x]==1", "mcp-server-git", false);
        check(Method::Uvx, "a@latest", "a", false);
        check(Method::Pip, "git+https://example.com/x", "git+https://example-com/x", true);
        check(Method::Docker, "docker.io/library/a:1", "a", false);
        check(Method::Docker, "localhost:5000/a/b:1@sha256:0", "localhost:5000/a/b", false);
        check(Method::Go, "github.com/a/b@v1", "github.com/a/b", false);
    }

    #[test]
    fn what_is_not_seen_is_shown() {
        let check = |text: &str, expected: Option<&str>| {
            let mut found = Vec::new();
            hidden(text, "", &mut found);
            assert_eq!(found.first().map(|concern| concern.what.as_str()), expected, "{text}");
        };
        check("make\n\tall ❤\u{fe0f}", None);
        check("a\u{202e}b", Some("a\\u{202e}b"));
        check("a\u{200b}", Some("a\\u{200b}"));
        check("\u{1b}[2J", Some("\\u{1b}[2J"));
    }
}
