//! The user's browser. It is started as a program with one argument, never by way of a shell, and with URLs only that
//! browsers are for.

use std::time::Duration;

use tokio::time::timeout;
use url::{Host, Url};
use webbrowser::{Browser, BrowserOptions};

use crate::base::environment::Environment;

/// A program that opens a browser is done after this long, or is the browser itself.
const LIMIT: Duration = Duration::from_secs(10);

/// Why no browser was opened.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum Unopened {
    /// It is none that a browser should open.
    #[error("it begins neither with `https://` nor with `http://` and this machine")]
    Url,
    /// There is nowhere to show one.
    #[error("there is no screen here")]
    NoScreen,
    /// The system could not.
    #[error("{0}")]
    System(String),
}

/// Opens the URL in the user's browser.
pub(super) async fn open(url: &Url, environment: &Environment) -> Result<(), Unopened> {
    check(url)?;
    if !has_screen(environment) {
        return Err(Unopened::NoScreen);
    }
    let url = url.to_string();
    let open = move || {
        let mut options = BrowserOptions::new();
        options.with_suppress_output(true);
        webbrowser::open_browser_with_options(Browser::Default, &url, &options)
    };
    match timeout(LIMIT, tokio::task::spawn_blocking(open)).await {
        Ok(Ok(Err(error))) => Err(Unopened::System(error.to_string())),
        Ok(Err(failed)) => Err(Unopened::System(failed.to_string())),
        Ok(Ok(Ok(()))) | Err(_) => Ok(()),
    }
}

/// Whoever wrote the URL is not trusted: `file:` and the schemes of other programs do more than show a page.
pub(super) fn check(url: &Url) -> Result<(), Unopened> {
    let is_here = match url.host() {
        Some(Host::Domain(name)) => name == "localhost",
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    };
    let is_web = url.scheme() == "https" && url.host().is_some();
    let is_plain = url.username().is_empty() && url.password().is_none();
    if is_plain && (is_web || (url.scheme() == "http" && is_here)) {
        Ok(())
    } else {
        Err(Unopened::Url)
    }
}

/// Where there is none, what opens URLs would start a browser for text within this very terminal.
fn has_screen(environment: &Environment) -> bool {
    let is_set = |name| environment.lookup(name).is_some_and(|value| !value.is_empty());
    cfg!(not(target_os = "linux"))
        || ["BROWSER", "DISPLAY", "WAYLAND_DISPLAY"].into_iter().any(is_set)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_pages_are_opened() {
        let check = |url: &str, expected: bool| {
            let url = Url::parse(url).expect("a URL");
            assert_eq!(super::check(&url).is_ok(), expected, "{url}");
        };
        check("https://example.com/authorize?x=$(id)&y=`id`", true);
        check("http://127.0.0.1:8080/authorize", true);
        check("http://localhost/authorize", true);
        check("http://[::1]:1/authorize", true);
        check("http://example.com/authorize", false);
        check("http://localhost.example.com/authorize", false);
        check("https://user:password@example.com/", false);
        check("file:///etc/passwd", false);
        check("javascript:alert(1)", false);
        check("ms-settings:x", false);
        check("data:text/html,x", false);
    }

    #[test]
    fn what_a_shell_would_read_is_no_part_of_a_url() {
        let url = Url::parse("https://example.com/a b\"'<>\n?q=a b\"<>\n").expect("a URL");
        assert_eq!(url.as_str(), "https://example.com/a%20b%22'%3C%3E?q=a%20b%22%3C%3E");
    }

    #[test]
    fn a_machine_without_a_screen_has_no_browser() {
        let check = |pairs: &[(&str, &str)], expected: bool| {
            let environment = Environment::from_pairs(pairs.iter().copied());
            assert_eq!(has_screen(&environment), expected || cfg!(not(target_os = "linux")));
        };
        check(&[], false);
        check(&[("DISPLAY", "")], false);
        check(&[("DISPLAY", ":0")], true);
        check(&[("BROWSER", "firefox")], true);
    }
}
