//! The load program: one thread, however many clients.
#![expect(clippy::disallowed_types, reason = "what is measured is real time, without a runtime")]

use std::collections::VecDeque;
use std::io;
use std::time::Instant;

use crate::client::Client;
use crate::machine::Round;
use crate::peer::Peer;

/// Makes `calls` calls. Each client has one under way all the time: whoever has waited longest reads its answer and
/// calls again. A call's time runs from the write that carries it to the read that ends its answer.
pub(crate) fn run(peer: &Peer, clients: &mut [Client], calls: usize) -> io::Result<Round> {
    let before = peer.cpu();
    let begun = Instant::now();
    let (mut waiting, mut times) = (VecDeque::new(), Vec::with_capacity(calls));
    for (index, client) in clients.iter_mut().enumerate() {
        waiting.push_back((index, Instant::now()));
        client.send_call()?;
    }
    while let Some((index, sent)) = waiting.pop_front() {
        clients[index].receive()?;
        times.push(sent.elapsed().as_secs_f64() * 1e9);
        if times.len() + waiting.len() < calls {
            waiting.push_back((index, Instant::now()));
            clients[index].send_call()?;
        }
    }
    let seconds = begun.elapsed().as_secs_f64();
    Ok(Round::new(times, seconds, &before, &peer.cpu()))
}
