//! One way to reach the scripted server: by itself, through a bridge, through something else.

use std::io::{self, Error};
use std::thread::sleep;
use std::time::Duration;

use serde_json::{Value, json};

use super::call::{Call, Request, stateless_headers};
use super::link::Link;
use super::naming::Naming;
use super::pipe::Pipe;
use super::round::Round;
use super::sockets::{Endpoint, Sockets};
use super::{answer, handshake};
use crate::machine::{Clock, Cpu};
use crate::process::{PATIENCE, Process};

/// How often a router is asked that has no tools yet.
const PAUSE: Duration = Duration::from_millis(5);

/// A process that answers, and a client of it.
pub(crate) struct Way {
    pub(crate) name: String,
    pub(crate) front: Process,
    /// The server that it reaches over HTTP.
    behind: Option<Process>,
    link: Box<dyn Link>,
    naming: Naming,
    is_stateless: bool,
    next_id: usize,
    pub(crate) opening: Opening,
}

/// Milliseconds from before the process was started.
#[derive(Clone, Copy, Default)]
pub(crate) struct Opening {
    pub(crate) initialized: f64,
    pub(crate) listed: f64,
    pub(crate) called: f64,
}

impl Way {
    /// Opens a conversation on the process's stdin and stdout, up to the first call.
    pub(crate) fn over_pipes(name: &str, mut front: Process) -> io::Result<Self> {
        let pipe = Pipe::new(&mut front.child)?;
        Self::open(name, front, Box::new(pipe))
    }

    /// Opens one with so many connections to this endpoint of the process.
    pub(crate) fn over_http(
        name: &str,
        front: Process,
        endpoint: &Endpoint,
        connections: usize,
    ) -> io::Result<Self> {
        let sockets = Sockets::connect(endpoint, connections)?;
        Self::open(name, front, Box::new(sockets))
    }

    /// Keeps the server that is called over HTTP, whose processor time counts from here on.
    pub(crate) fn in_front_of(mut self, mut server: Process) -> Self {
        server.count_family();
        self.behind = Some(server);
        self
    }

    fn open(name: &str, front: Process, link: Box<dyn Link>) -> io::Result<Self> {
        let naming = Naming::Plain { before: String::new(), after: String::new() };
        let mut way = Self {
            name: name.to_owned(),
            front,
            behind: None,
            link,
            naming,
            is_stateless: false,
            next_id: 0,
            opening: Opening::default(),
        };
        let _watchdog = way.front.watch();
        way.shake_hands().map_err(|error| Error::new(error.kind(), format!("{name}: {error}")))?;
        way.run(&Call::small(), 1, 1)?;
        way.opening.called = way.front.started.milliseconds();
        way.front.count_family();
        Ok(way)
    }

    fn shake_hands(&mut self) -> io::Result<()> {
        handshake::initialize(&mut *self.link, self.next_id)?;
        self.next_id += 1;
        self.opening.initialized = self.front.started.milliseconds();
        handshake::begin(&mut *self.link)?;
        self.find_tools()?;
        self.opening.listed = self.front.started.milliseconds();
        Ok(())
    }

    fn find_tools(&mut self) -> io::Result<()> {
        let clock = Clock::start();
        loop {
            let answer = self.ask("tools/list", &json!({}))?;
            if let Some(naming) = Naming::discover(&answer) {
                self.naming = naming;
                return Ok(());
            }
            if clock.elapsed() > PATIENCE {
                let answer = String::from_utf8_lossy(&answer).into_owned();
                return Err(Error::other(format!("the tool is not there: {answer}")));
            }
            sleep(PAUSE);
        }
    }

    /// Sends a request and waits for its answer.
    pub(crate) fn ask(&mut self, method: &str, params: &Value) -> io::Result<Vec<u8>> {
        let id = self.next_id;
        self.next_id += 1;
        handshake::ask(&mut *self.link, id, method, params)
    }

    /// Calls another server of the bridge's from now on.
    pub(crate) fn turn_to(&mut self, server: &str) {
        if let Naming::Router { server: current, .. } = &mut self.naming {
            server.clone_into(current);
        }
    }

    /// Speaks as clients without a session do from now on, with one request at a time.
    pub(crate) fn forget_session(&mut self, endpoint: &Endpoint) -> io::Result<()> {
        let mut sockets = Sockets::connect(endpoint, 1)?;
        sockets.name_headers(&stateless_headers(&self.naming.name(Call::small().tool)));
        self.link = Box::new(sockets);
        self.is_stateless = true;
        Ok(())
    }

    /// Processor time so far.
    pub(crate) fn cpu(&self) -> Cpu {
        let mut cpu = self.front.cpu();
        cpu.server += self.behind.as_ref().map_or(0, |server| server.cpu().server);
        cpu
    }

    /// Makes so many calls, of which so many are under way all the time.
    pub(crate) fn run(&mut self, call: &Call, calls: usize, in_flight: usize) -> io::Result<Round> {
        let request = Request::new(call, &self.naming, self.is_stateless);
        let _watchdog = self.front.watch();
        self.link.renew()?;
        let before = self.cpu();
        let clock = Clock::start();
        let first = self.next_id;
        let (mut sent, mut times) = (Vec::with_capacity(calls), Vec::with_capacity(calls));
        let mut lines = Vec::new();
        while times.len() < calls {
            lines.clear();
            let under_way = sent.len() - times.len();
            for _ in 0..(in_flight - under_way).min(calls - sent.len()) {
                request.append(self.next_id, &mut lines);
                self.next_id += 1;
            }
            let now = clock.nanoseconds();
            sent.resize(self.next_id - first, Some(now));
            self.link.send(&lines)?;
            let mut now = None;
            self.link.receive(&mut |message| {
                let now = *now.get_or_insert_with(|| clock.nanoseconds());
                let Some(id) = answer::id(message) else { return Ok(()) };
                let began = id.checked_sub(first).and_then(|index| sent.get_mut(index));
                let began = began.and_then(Option::take);
                let began = began.ok_or_else(|| Error::other(format!("no call has id {id}")))?;
                answer::check(message, &request.nonce(id), request.bytes())?;
                times.push(now - began);
                Ok(())
            })?;
        }
        let took = clock.nanoseconds();
        Ok(Round::new(times, took, &before, &self.cpu()))
    }
}
