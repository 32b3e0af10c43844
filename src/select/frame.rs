//! What the bridge and a worker write to each other: lengths, little-endian, and the bytes that they announce.

use super::fault::Fault;

/// A job's head: the filter's length, then the input's.
pub(super) const JOB_HEAD: usize = 8;
/// An answer's head: what it is, whether the worker has grown too large to be kept, then its length.
pub(super) const ANSWER_HEAD: usize = 6;
/// More than the largest answer, so that a length that cannot be is told from one that can.
pub(super) const MAX_ANSWER: usize = super::worker::MAX_OUTPUT + 1024;

const OUTPUT: u8 = b'o';
const FAULT: u8 = b'f';
/// A fault that the worker tries to tell better in one more answer.
const EARLY: u8 = b'e';

/// A job as bytes.
pub(super) fn job_head(filter: &str, input: &str) -> [u8; JOB_HEAD] {
    let mut head = [0; JOB_HEAD];
    head[..4].copy_from_slice(&length(filter.len()));
    head[4..].copy_from_slice(&length(input.len()));
    head
}

/// How long the two parts of a job are.
pub(super) fn job_lengths(head: [u8; JOB_HEAD]) -> (usize, usize) {
    (number(&head[..4]), number(&head[4..]))
}

/// An answer as bytes.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) head: [u8; ANSWER_HEAD],
    pub(super) body: Vec<u8>,
}

impl Answer {
    pub(super) fn new(outcome: Result<String, Fault>, retire: bool) -> Self {
        let (kind, body) = match outcome {
            Ok(output) => (OUTPUT, output.into_bytes()),
            Err(fault) => (FAULT, json(&fault)),
        };
        Self::of(kind, retire, body)
    }

    /// A fault for the case that no better answer comes; the worker is not fit for another job then.
    pub(super) fn early(fault: &Fault) -> Self {
        Self::of(EARLY, true, json(fault))
    }

    fn of(kind: u8, retire: bool, body: Vec<u8>) -> Self {
        let mut head = [kind, u8::from(retire), 0, 0, 0, 0];
        head[2..].copy_from_slice(&length(body.len()));
        Self { head, body }
    }

    pub(super) fn is_early(&self) -> bool {
        self.head[0] == EARLY
    }

    /// The length of the body that belongs to a head; nothing if it is no head.
    pub(super) fn length_in(head: [u8; ANSWER_HEAD]) -> Option<usize> {
        let length = number(&head[2..]);
        (matches!(head[0], OUTPUT | FAULT | EARLY) && length <= MAX_ANSWER).then_some(length)
    }

    pub(super) fn wants_retirement(&self) -> bool {
        self.head[1] != 0
    }

    /// What the filter gave; nothing if the bytes are no answer.
    pub(super) fn outcome(self) -> Option<Result<String, Fault>> {
        match self.head[0] {
            OUTPUT => String::from_utf8(self.body).ok().map(Ok),
            _ => serde_json::from_slice::<Fault>(&self.body).ok().map(Err),
        }
    }
}

fn json(fault: &Fault) -> Vec<u8> {
    serde_json::to_vec(fault).expect("texts and numbers become JSON")
}

fn length(length: usize) -> [u8; 4] {
    u32::try_from(length).expect("parts are far smaller than 4 GB").to_le_bytes()
}

fn number(bytes: &[u8]) -> usize {
    bytes.iter().rev().fold(0, |number, byte| number << 8 | usize::from(*byte))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn jobs_and_answers_are_read_as_they_were_written() {
        assert_eq!(job_lengths(job_head("ab", &"x".repeat(70_000))), (2, 70_000));
        let answer = Answer::new(Ok("[1]".to_owned()), true);
        assert_eq!(Answer::length_in(answer.head), Some(3));
        assert!(answer.wants_retirement());
        assert_eq!(answer.outcome(), Some(Ok("[1]".to_owned())));
        let fault = Fault::OutputTooLong { limit: 5 };
        let answer = Answer::new(Err(fault.clone()), false);
        assert!(!answer.wants_retirement() && !answer.is_early());
        assert_eq!(answer.outcome(), Some(Err(fault.clone())));
        let answer = Answer::early(&fault);
        assert!(answer.wants_retirement() && answer.is_early());
        assert_eq!(Answer::length_in(answer.head), Some(answer.body.len()));
        assert_eq!(answer.outcome(), Some(Err(fault)));
    }

    #[test]
    fn what_is_no_answer_is_told_from_one() {
        assert_eq!(Answer::length_in(*b"thread"), None);
        assert_eq!(Answer::length_in([OUTPUT, 0, 255, 255, 255, 255]), None);
    }
}
