//! What the bridge and the process of a model write to each other: what it is, its length, and so many bytes.

use std::ffi::OsString;
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use tokio::io::{AsyncRead, AsyncReadExt as _};

use super::embedder::Purpose;
use super::error::EmbedError;

/// One byte of kind and four of length, little-endian.
const HEAD: usize = 5;
/// Texts are cut before they are sent, so nothing is longer.
const LONGEST: usize = 64 << 20;
const NUMBER: usize = size_of::<f32>();

const DUTY: u8 = b'd';
const JOB: u8 = b'j';
const VECTORS: u8 = b'v';
const ERROR: u8 = b'e';

/// Texts that want vectors.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Job {
    pub(super) purpose: Purpose,
    pub(super) texts: Vec<String>,
}

/// The first frame to a process: what it works with.
pub(super) fn duty(duty: &impl Serialize) -> Vec<u8> {
    in_json(DUTY, duty)
}

/// A job as a frame.
pub(super) fn job(job: &Job) -> Vec<u8> {
    in_json(JOB, job)
}

/// An answer as a frame.
pub(super) fn answer(outcome: &Result<Vec<Vec<f32>>, EmbedError>) -> Vec<u8> {
    match outcome {
        Ok(vectors) => {
            let numbers = vectors.iter().flatten();
            let bytes: Vec<u8> = numbers.flat_map(|number| number.to_le_bytes()).collect();
            whole(VECTORS, &bytes)
        }
        Err(error) => in_json(ERROR, error),
    }
}

/// The next frame of a process's stdin, in what it is expected to be; nothing where there are no more.
pub(super) fn read_duty<T: for<'a> Deserialize<'a>>(from: impl Read) -> io::Result<Option<T>> {
    read(from, DUTY)
}

/// The same of a job.
pub(super) fn read_job(from: impl Read) -> io::Result<Option<Job>> {
    read(from, JOB)
}

/// Writes a frame and sends it on its way.
pub(super) fn write(mut to: impl Write, frame: &[u8]) -> io::Result<()> {
    to.write_all(frame)?;
    to.flush()
}

/// Reads the answer to so many texts; an error where it is none.
pub(super) async fn read_answer(
    mut from: impl AsyncRead + Unpin,
    texts: usize,
    dimensions: usize,
) -> io::Result<Result<Vec<Vec<f32>>, EmbedError>> {
    let mut head = [0; HEAD];
    from.read_exact(&mut head).await?;
    let (kind, length) = taken_apart(head);
    let is_possible = match kind {
        VECTORS => length == texts * dimensions * NUMBER,
        _ => kind == ERROR && length <= LONGEST,
    };
    if !is_possible {
        return Err(io::ErrorKind::InvalidData.into());
    }
    let mut body = vec![0; length];
    from.read_exact(&mut body).await?;
    if kind == ERROR {
        return Ok(Err(serde_json::from_slice(&body)?));
    }
    let numbers = body.as_chunks::<NUMBER>().0.iter();
    let numbers: Vec<f32> = numbers.map(|number| f32::from_le_bytes(*number)).collect();
    Ok(Ok(numbers.chunks_exact(dimensions).map(<[f32]>::to_vec).collect()))
}

fn read<T: for<'a> Deserialize<'a>>(mut from: impl Read, expected: u8) -> io::Result<Option<T>> {
    let mut head = [0; HEAD];
    match from.read_exact(&mut head) {
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return Ok(None),
        outcome => outcome?,
    }
    let (kind, length) = taken_apart(head);
    if kind != expected || length > LONGEST {
        return Err(io::ErrorKind::InvalidData.into());
    }
    let mut body = vec![0; length];
    from.read_exact(&mut body)?;
    Ok(Some(serde_json::from_slice(&body)?))
}

fn taken_apart(head: [u8; HEAD]) -> (u8, usize) {
    let [kind, length @ ..] = head;
    (kind, u32::from_le_bytes(length) as usize)
}

fn in_json(kind: u8, value: &impl Serialize) -> Vec<u8> {
    let body = serde_json::to_vec(value).expect("texts, numbers and paths in full become JSON");
    whole(kind, &body)
}

fn whole(kind: u8, body: &[u8]) -> Vec<u8> {
    let length = u32::try_from(body.len()).expect("parts are far smaller than 4 GB");
    [&[kind][..], &length.to_le_bytes(), body].concat()
}

/// Paths in full, even where they are no text.
pub(super) mod exact {
    use super::{Deserialize, Deserializer, OsString, Path, PathBuf, Serialize, Serializer};

    pub(in crate::search::embed) fn serialize<S: Serializer>(
        path: &Path,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        path.as_os_str().serialize(serializer)
    }

    pub(in crate::search::embed) fn deserialize<'a, D: Deserializer<'a>>(
        deserializer: D,
    ) -> Result<PathBuf, D::Error> {
        OsString::deserialize(deserializer).map(PathBuf::from)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn jobs_are_read_as_they_were_written() {
        let texts = vec!["list \"issues\"\n".to_owned(), String::new(), "文".to_owned()];
        let frame = job(&Job { purpose: Purpose::Query, texts: texts.clone() });
        let mut stream = &[frame.clone(), frame].concat()[..];
        for _ in 0..2 {
            let read = read_job(&mut stream).expect("a job").expect("one more");
            assert_eq!((read.purpose, read.texts), (Purpose::Query, texts.clone()));
        }
        assert!(read_job(&mut stream).expect("the end").is_none());
    }

    #[test]
    fn what_is_no_job_is_refused() {
        let check = |bytes: &[u8]| assert!(read_job(bytes).is_err(), "{bytes:?}");
        check(&[255; HEAD]);
        check(b"j\xff\xff\xff\xff");
        check(b"j\x02\0\0\0{");
        check(b"j\x02\0\0\0{}");
        check(b"d\x02\0\0\0{}");
    }

    #[tokio::test]
    async fn answers_are_read_as_they_were_written() {
        let vectors = vec![vec![0.6, 0.8], vec![f32::MIN_POSITIVE, -1.0]];
        let frame = answer(&Ok(vectors.clone()));
        assert_eq!(read_answer(&frame[..], 2, 2).await.expect("an answer").expect("it"), vectors);
        let fault = EmbedError::Broken {
            path: "/model.onnx".into(),
            reason: "it is odd".to_owned(),
            remedy: "replace it".to_owned(),
        };
        let frame = answer(&Err(fault.clone()));
        let read = read_answer(&frame[..], 2, 2).await.expect("an answer").expect_err("a fault");
        assert_eq!(read.to_string(), fault.to_string());
    }

    #[tokio::test]
    async fn what_is_no_answer_is_an_error() {
        let check = async |bytes: &[u8]| {
            assert!(read_answer(bytes, 1, 2).await.is_err(), "{bytes:?}");
        };
        check(b"").await;
        check(b"v\x08\0\0\0abcdefg").await;
        check(b"v\x0c\0\0\0abcdefghijkl").await;
        check(b"v\xff\xff\xff\xff").await;
        check(b"e\x02\0\0\0{}").await;
        check(b"e\xff\xff\xff\xff").await;
        check(b"x\0\0\0\0").await;
    }
}
