//! However a stream of bytes is cut into pieces on its way, the same frames come out.
//!
//! An input's first byte says how it is cut, the second how large a message may be, the third whether
//! `Content-Length` is understood (`-` says no); the rest is the stream.
#![no_main]

use std::pin::pin;
use std::task::{Context, Poll, Waker};

use libfuzzer_sys::fuzz_target;
use mcp_bridge::wire::{Decoder, Frame};

#[derive(Debug, PartialEq)]
enum Owned {
    Line(Vec<u8>),
    Sized(Vec<u8>),
    Junk(Vec<u8>),
    Oversized { head: Vec<u8>, tail: Vec<u8>, length: usize },
}

impl From<Frame<'_>> for Owned {
    fn from(frame: Frame<'_>) -> Self {
        match frame {
            Frame::Line(bytes) => Self::Line(bytes.to_vec()),
            Frame::Sized(bytes) => Self::Sized(bytes.to_vec()),
            Frame::Junk(bytes) => Self::Junk(bytes.to_vec()),
            Frame::Oversized { head, tail, length } => {
                Self::Oversized { head: head.to_vec(), tail: tail.to_vec(), length }
            }
        }
    }
}

fn frames(mut decoder: Decoder, stream: &[u8], mut length: impl FnMut() -> usize) -> Vec<Owned> {
    let mut found = Vec::new();
    let mut rest = stream;
    while !rest.is_empty() {
        let (mut piece, after) = rest.split_at(length().clamp(1, rest.len()));
        rest = after;
        while !piece.is_empty() {
            let filled =
                pin!(decoder.fill(&mut piece)).poll(&mut Context::from_waker(Waker::noop()));
            assert!(matches!(filled, Poll::Ready(Ok(1..))), "bytes in memory are there at once");
            while let Some(frame) = decoder.frame() {
                found.push(frame.into());
            }
        }
    }
    found.extend(decoder.finish().map(Owned::from));
    found
}

fuzz_target!(|data: &[u8]| {
    let [seed, limit, kind, stream @ ..] = data else {
        return;
    };
    // A limit below the length of a byte order mark could cut one.
    let limit = 64 + usize::from(*limit) * 16;
    let decoder =
        || if *kind == b'-' { Decoder::of_lines(limit) } else { Decoder::of_either(limit) };
    let whole = frames(decoder(), stream, || stream.len());
    assert_eq!(frames(decoder(), stream, || 1), whole, "byte by byte");
    let mut state = u32::from(*seed) | 1;
    let cut = frames(decoder(), stream, || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (state >> 24) as usize
    });
    assert_eq!(cut, whole, "in pieces");
});
