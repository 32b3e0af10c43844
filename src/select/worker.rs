//! The process that runs filters: jobs on stdin, answers on stdout, one at a time, until stdin ends.

use std::any::Any;
use std::io::{self, Read, Write};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::thread;

use super::fault::{Fault, Position};
use super::frame::{Answer, JOB_HEAD, job_lengths};
use super::{engine, limits};
use crate::base::worker::{grant_time, said};

/// The command of the bridge's program that runs filters.
pub const COMMAND: &str = "select";

/// The most bytes of JSON that a filter may give.
pub(super) const MAX_OUTPUT: usize = 16 << 20;
/// The most bytes that a filter may be applied to.
pub(super) const MAX_INPUT: usize = 16 << 20;
/// The most bytes that a filter may have.
pub(super) const MAX_FILTER: usize = 10 << 10;

/// Runs filters until no more jobs can come.
pub fn work(jobs: impl Read + Send, answers: impl Write + Send) -> io::Result<()> {
    limits::settle();
    thread::scope(|scope| {
        // Filters may call themselves deeper than a usual stack allows.
        let worker = thread::Builder::new().stack_size(limits::STACK);
        let worker = worker.spawn_scoped(scope, || serve(jobs, answers, grant_time))?;
        worker.join().unwrap_or_else(|_| Err(io::Error::other("the worker's thread panicked")))
    })
}

/// `grant_time` bounds the seconds that may pass until it is called again.
fn serve(mut jobs: impl Read, mut answers: impl Write, grant_time: impl Fn(u64)) -> io::Result<()> {
    let mut head = [0; JOB_HEAD];
    loop {
        match jobs.read_exact(&mut head) {
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return Ok(()),
            outcome => outcome?,
        }
        let (filter, input) = job_lengths(head);
        if filter > MAX_FILTER || input > MAX_INPUT {
            return Err(io::ErrorKind::InvalidData.into());
        }
        let filter = read(&mut jobs, filter)?;
        let input = read(&mut jobs, input)?;
        grant_time(limits::CPU_TIME);
        let mut outcome = caught(&filter, || engine::run(&filter, &input, MAX_OUTPUT));
        if let Ok(Err(fault @ Fault::Failed { .. })) = &outcome {
            // What the filter says is safe before anything is done that can use up time or memory.
            send(&mut answers, &Answer::early(fault))?;
            grant_time(limits::SEARCH_TIME);
            outcome = caught(&filter, || Err(engine::place(fault.clone(), &filter, &input)));
        }
        drop(input);
        let panicked = outcome.is_err();
        let outcome = outcome.unwrap_or_else(Err);
        // All that the filter has built is dropped by now: an answer says that the worker has survived its job.
        send(&mut answers, &Answer::new(outcome, panicked || limits::is_bloated()))?;
    }
}

/// What a job gives, or the fault that stands for a panic.
fn caught(
    filter: &str,
    job: impl FnOnce() -> Result<String, Fault>,
) -> Result<Result<String, Fault>, Fault> {
    catch_unwind(AssertUnwindSafe(job)).map_err(|panic| fault_of(panic.as_ref(), filter))
}

fn send(answers: &mut impl Write, answer: &Answer) -> io::Result<()> {
    answers.write_all(&answer.head)?;
    answers.write_all(&answer.body)?;
    answers.flush()
}

fn read(jobs: &mut impl Read, length: usize) -> io::Result<String> {
    let mut bytes = vec![0; length];
    jobs.read_exact(&mut bytes)?;
    String::from_utf8(bytes).map_err(|_| io::ErrorKind::InvalidData.into())
}

/// What the jq library did not expect.
fn fault_of(panic: &(dyn Any + Send), filter: &str) -> Fault {
    Fault::Failed {
        position: Position::of(filter, 0),
        part: engine::excerpt(filter.trim()),
        message: format!("jq cannot do this: {}", engine::excerpt(said(panic))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::select::frame::job_head;

    #[test]
    fn jobs_are_answered_in_turn_until_they_end() {
        let mut jobs = Vec::new();
        for (filter, input) in [(".a", r#"{"a":[1.0]}"#), (".a |", "1"), (".", "\"é\"")] {
            jobs.extend_from_slice(&job_head(filter, input));
            jobs.extend_from_slice(filter.as_bytes());
            jobs.extend_from_slice(input.as_bytes());
        }
        let mut answers = Vec::new();
        serve(&jobs[..], &mut answers, |_| {}).expect("the jobs end where a job ends");
        let text = String::from_utf8_lossy(&answers);
        assert!(
            text.contains("[1.0]") && text.contains("Syntax") && text.ends_with("\"é\""),
            "{text}"
        );
    }

    #[test]
    fn what_is_no_job_ends_the_worker() {
        assert!(serve(&[255; JOB_HEAD][..], Vec::new(), |_| {}).is_err());
        assert!(serve(&job_head(".", "1")[..], Vec::new(), |_| {}).is_err());
    }
}
