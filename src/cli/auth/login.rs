//! `bridge auth login SERVER`: with a browser on this machine or another one, or with a code.

use std::io::{self, BufRead, Read};
use std::pin::pin;
use std::thread;

use tokio::sync::mpsc;
use tokio::time::{Duration, sleep};
use url::Url;

use super::accounts::{self, failure};
use super::arguments::Login;
use super::{browser, picture, status};
use crate::cli::exit::{Exit, Failure};
use crate::cli::printer::Printer;
use crate::cli::setup::Setup;
use crate::config::Grant;
use crate::oauth::{Browser, Device, LoginError, Tokens};

/// Bytes of a pasted line. Addresses with codes in them are long.
const LONGEST_LINE: u64 = 16 * 1024;
/// Whoever opened no browser by then hears what else there is to do.
const PAUSE: Duration = Duration::from_millis(200);

/// Logs in, and says who is logged in then.
pub(super) fn run(arguments: &Login, setup: &Setup) -> Result<Exit, Failure> {
    let printer = setup.printer;
    let config = setup.config(|text| printer.warn(text))?;
    let mut login = accounts::find(&config, &arguments.server)?;
    if let (Some(port), Grant::AuthorizationCode { callback_port, .. }) =
        (arguments.port, &mut login.account.login.grant)
    {
        *callback_port = Some(port);
    }
    let tokens = login.tokens(setup);
    let by_code = arguments.device || matches!(login.account.login.grant, Grant::DeviceCode { .. });
    setup.block_on(async {
        let outcome = match login.account.login.grant {
            Grant::ClientCredentials { .. } => tokens.bearer().await.map(drop),
            _ if by_code => with_code(&tokens, printer).await,
            _ => with_browser(&tokens, arguments, setup).await,
        };
        outcome.map_err(|error| failure(&error))?;
        status::tell_login(&login, &tokens, printer).await
    })
}

async fn with_browser(tokens: &Tokens, arguments: &Login, setup: &Setup) -> Result<(), LoginError> {
    let (printer, server) = (setup.printer, &arguments.server);
    let browser = Browser::begin(tokens, None).await?;
    printer.talk(&format!("open this URL to log in to `{server}`:"));
    printer.talk(browser.url().as_str());
    if !arguments.no_browser
        && let Err(unopened) = browser::open(browser.url(), setup.environment()).await
    {
        printer.talk(&format!("no browser was opened: {unopened}"));
    }
    let returned = {
        let mut lines = lines();
        let mut returning = pin!(browser.wait());
        let mut is_told = false;
        loop {
            tokio::select! {
                returned = &mut returning => break returned?,
                Some(line) = lines.recv() => match browser.read(&line) {
                    Ok(returned) => break returned,
                    Err(error) => printer.warn(&error.to_string()),
                },
                () = sleep(PAUSE), if !is_told => {
                    is_told = true;
                    printer.talk(&format!(
                        "waiting for the browser to return to {}; where it cannot, paste the address at which it ends",
                        browser.redirect()
                    ));
                }
            }
        }
    };
    browser.finish(returned).await
}

/// What is pasted, line by line, until the end of stdin.
fn lines() -> mpsc::Receiver<String> {
    let (to, lines) = mpsc::channel(1);
    // It ends with the process, or with stdin.
    thread::spawn(move || {
        while let Some(line) = read_line(&mut io::stdin().lock()) {
            if !line.trim().is_empty() && to.blocking_send(line).is_err() {
                return;
            }
        }
    });
    lines
}

/// The next line; of one that is too long, a part. What is no text is no answer either, but the line after it may be one.
fn read_line(from: &mut impl BufRead) -> Option<String> {
    let mut line = Vec::new();
    let count = from.take(LONGEST_LINE).read_until(b'\n', &mut line).ok()?;
    (count > 0).then(|| String::from_utf8_lossy(&line).into_owned())
}

async fn with_code(tokens: &Tokens, printer: Printer) -> Result<(), LoginError> {
    let device = Device::begin(tokens, None).await?;
    let minutes = device.expires_in().as_secs().div_ceil(60);
    printer.talk(&format!("open {} on any device and type {}", device.url(), device.code()));
    let whole = device.whole_url().map_or(device.url(), |whole: &Url| whole);
    if let Some(picture) = picture::qr_code(whole.as_str()) {
        printer.picture(&picture);
    }
    printer.talk(&format!("the code is good for {minutes} min; waiting for the login"));
    device.finish().await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_that_are_no_text_do_not_end_those_that_follow() {
        let long = usize::try_from(LONGEST_LINE).expect("it is small");
        let text = [&b"\xff\xfe\n\n"[..], &vec![b'x'; long + 1], b"\nlast"].concat();
        let mut from = &text[..];
        let lines: Vec<String> = std::iter::from_fn(|| read_line(&mut from)).collect();
        let expected = ["\u{fffd}\u{fffd}\n", "\n", &"x".repeat(long), "x\n", "last"];
        assert_eq!(lines, expected);
    }
}
