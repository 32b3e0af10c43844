//! A conversation over Streamable HTTP: one session, and a connection for each message in flight.
//!
//! As cheap as can be: one write for a request, and of answers no more is read than where they end. Reads block, but only
//! on a connection that has something; which one has is asked of epoll.

use std::io::{self, Error, ErrorKind, Write};
use std::net::SocketAddr;
use std::os::fd::OwnedFd;

use rustix::buffer::spare_capacity;
use rustix::event::epoll::{self, CreateFlags, Event, EventData, EventFlags};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use super::connection::Connection;
use super::handshake;
use super::link::Link;

const SESSION: &str = "Mcp-Session-Id";

/// Where something answers over HTTP.
#[derive(Clone)]
pub(crate) struct Endpoint {
    pub(crate) address: SocketAddr,
    pub(crate) path: String,
}

pub(crate) struct Sockets {
    connections: Vec<Connection>,
    /// Connections without a request under way.
    free: Vec<usize>,
    epoll: OwnedFd,
    ready: Vec<Event>,
    endpoint: Endpoint,
    /// The lines that every request has.
    headers: String,
}

/// Lets this process and those that it will start hold so many connections, as far as the system permits.
pub(crate) fn allow_descriptors(count: usize) -> io::Result<()> {
    let Rlimit { current, maximum } = getrlimit(Resource::Nofile);
    let wanted = count as u64 + 256;
    let wanted = maximum.map_or(wanted, |maximum| wanted.min(maximum));
    if current.is_some_and(|current| current < wanted) {
        setrlimit(Resource::Nofile, Rlimit { current: Some(wanted), maximum })?;
    }
    Ok(())
}

impl Endpoint {
    /// The usual place at this address.
    pub(crate) fn mcp(address: SocketAddr) -> Self {
        Self { address, path: "/mcp".to_owned() }
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}{}", self.address, self.path)
    }
}

impl Sockets {
    /// Opens so many connections.
    pub(super) fn connect(endpoint: &Endpoint, count: usize) -> io::Result<Self> {
        let epoll = epoll::create(CreateFlags::CLOEXEC)?;
        let mut connections = Vec::with_capacity(count);
        for index in 0..count {
            connections.push(Connection::open(endpoint.address, &epoll, index)?);
        }
        Ok(Self {
            connections,
            free: (0..count).rev().collect(),
            epoll,
            ready: Vec::with_capacity(count),
            endpoint: endpoint.clone(),
            headers: format!("Host: {}\r\n", endpoint.address),
        })
    }

    /// Opens a session that listens to what the server says of itself and does nothing else.
    pub(crate) fn idle(endpoint: &Endpoint) -> io::Result<Self> {
        let mut sockets = Self::connect(endpoint, 1)?;
        handshake::initialize(&mut sockets, 0)?;
        handshake::begin(&mut sockets)?;
        sockets.listen()?;
        Ok(sockets)
    }

    fn listen(&mut self) -> io::Result<()> {
        let index = self.free.pop().ok_or(ErrorKind::WouldBlock)?;
        let Self { endpoint, headers, .. } = self;
        let path = &endpoint.path;
        let request = format!("GET {path} HTTP/1.1\r\n{headers}Accept: text/event-stream\r\n\r\n");
        let connection = &mut self.connections[index];
        connection.stream.write_all(request.as_bytes())?;
        connection.read_head().map(drop)
    }

    fn post(&mut self, message: &[u8]) -> io::Result<()> {
        let index = self.free.pop().ok_or(ErrorKind::WouldBlock)?;
        let connection = &mut self.connections[index];
        let request = &mut connection.buffer;
        request.clear();
        write!(
            request,
            "POST {} HTTP/1.1\r\n{}Accept: application/json, text/event-stream\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n",
            self.endpoint.path,
            self.headers,
            message.len()
        )?;
        request.extend_from_slice(message);
        connection.stream.write_all(request)?;
        request.clear();
        connection.is_busy = true;
        Ok(())
    }

    /// Connections that have something to read. With a single one there is nothing to choose from.
    fn wait(&mut self) -> io::Result<()> {
        if self.connections.len() > 1 {
            epoll::wait(&self.epoll, spare_capacity(&mut self.ready), None)?;
        } else {
            self.ready.push(Event { flags: EventFlags::IN, data: EventData::new_u64(0) });
        }
        Ok(())
    }
}

impl Link for Sockets {
    fn send(&mut self, lines: &[u8]) -> io::Result<()> {
        memchr::memchr_iter(b'\n', lines).try_fold(0, |start, end| {
            self.post(&lines[start..end])?;
            Ok::<_, Error>(end + 1)
        })?;
        Ok(())
    }

    fn receive(&mut self, heard: &mut dyn FnMut(&[u8]) -> io::Result<()>) -> io::Result<()> {
        self.wait()?;
        for event in self.ready.drain(..) {
            let index = usize::try_from(event.data.u64()).map_err(Error::other)?;
            let connection = &mut self.connections[index];
            if !connection.is_busy {
                // Nobody asked it for anything: it is closed for having been idle.
                *connection = Connection::open(self.endpoint.address, &self.epoll, index)?;
                continue;
            }
            let answer = connection.read_answer()?;
            connection.is_busy = false;
            self.free.push(index);
            if let Some(session) = answer.session
                && !self.headers.contains(SESSION)
            {
                self.headers.extend([SESSION, ": ", &session, "\r\n"]);
            }
            let body = &connection.buffer[answer.body..answer.end];
            if answer.is_events {
                let events = body.split(|byte| *byte == b'\n');
                let data = events.filter_map(|line| line.strip_prefix(b"data:"));
                for data in data.map(<[u8]>::trim_ascii).filter(|data| !data.is_empty()) {
                    heard(data)?;
                }
            } else if !body.is_empty() {
                heard(body)?;
            }
        }
        Ok(())
    }

    fn settle(&mut self) -> io::Result<()> {
        while self.free.len() < self.connections.len() {
            self.receive(&mut |_| Ok(()))?;
        }
        Ok(())
    }

    /// Servers close connections that are idle for some seconds, as they are while others have their turn.
    fn renew(&mut self) -> io::Result<()> {
        for index in 0..self.connections.len() {
            if self.connections[index].is_closed()? {
                self.connections[index] =
                    Connection::open(self.endpoint.address, &self.epoll, index)?;
            }
        }
        Ok(())
    }

    fn name_headers(&mut self, named: &[(&str, &str)]) {
        for (name, value) in named {
            self.headers.extend([name, ": ", value, "\r\n"]);
        }
    }
}
