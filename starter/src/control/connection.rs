//! One connection to the control socket. Whatever the other side does, nobody waits for it.

use super::{Answer, Request};
use crate::supervisor::Goal;
use nix::poll::PollFlags;
use std::io::{ErrorKind, Read, Write};
use std::os::unix::net::UnixStream;
use std::time::{Duration, Instant};

/// No request is longer.
const LONGEST: usize = 16 * 1024;

/// How long a request may take to arrive, and an answer to be fetched.
const PATIENCE: Duration = Duration::from_secs(5);

pub struct Connection {
    pub stream: UnixStream,
    pub phase: Phase,
    deadline: Option<Instant>,
}

pub enum Phase {
    Reading(Vec<u8>),
    /// Until services have come so far.
    Waiting(Vec<String>, Goal),
    Writing(Vec<u8>),
    Closed,
}

impl Connection {
    pub fn new(stream: UnixStream, now: Instant) -> Connection {
        Connection { stream, phase: Phase::Reading(Vec::new()), deadline: Some(now + PATIENCE) }
    }

    pub fn interest(&self) -> PollFlags {
        match self.phase {
            Phase::Reading(_) => PollFlags::POLLIN,
            Phase::Writing(_) => PollFlags::POLLOUT,
            // That it hangs up is told unasked.
            Phase::Waiting(..) | Phase::Closed => PollFlags::empty(),
        }
    }

    pub fn deadline(&self) -> Option<Instant> {
        self.deadline
    }

    /// Something has happened on the socket.
    pub fn handle(&mut self, events: PollFlags, now: Instant) -> Option<Request> {
        match self.phase {
            Phase::Reading(_) => self.read(now),
            Phase::Writing(_) => {
                self.write();
                None
            }
            Phase::Waiting(..) | Phase::Closed => {
                if events.intersects(PollFlags::POLLHUP | PollFlags::POLLERR) {
                    self.phase = Phase::Closed;
                }
                None
            }
        }
    }

    pub fn expire(&mut self, now: Instant) {
        if self.deadline.is_some_and(|deadline| deadline <= now) {
            self.phase = Phase::Closed;
        }
    }

    /// The answer comes later.
    pub fn wait(&mut self, names: Vec<String>, goal: Goal) {
        self.phase = Phase::Waiting(names, goal);
        self.deadline = None;
    }

    pub fn answer(&mut self, answer: &Answer, now: Instant) {
        // Strings, numbers and lists always become JSON.
        let mut line = serde_json::to_vec(answer).unwrap_or_default();
        line.push(b'\n');
        self.phase = Phase::Writing(line);
        self.deadline = Some(now + PATIENCE);
        self.write();
    }

    fn read(&mut self, now: Instant) -> Option<Request> {
        let Phase::Reading(line) = &mut self.phase else { return None };
        let mut buffer = [0; 4096];
        match self.stream.read(&mut buffer) {
            Ok(0) => self.phase = Phase::Closed,
            Ok(length) => {
                line.extend_from_slice(&buffer[..length]);
                if let Some(end) = line.iter().position(|byte| *byte == b'\n') {
                    line.truncate(end);
                    return self.understand(now);
                }
                if line.len() > LONGEST {
                    self.answer(&Answer::Error("the request is too long".to_owned()), now);
                }
            }
            Err(error)
                if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::Interrupted) => {}
            Err(_) => self.phase = Phase::Closed,
        }
        None
    }

    fn understand(&mut self, now: Instant) -> Option<Request> {
        let Phase::Reading(line) = &self.phase else { return None };
        match serde_json::from_slice(line) {
            Ok(request) => Some(request),
            Err(error) => {
                self.answer(&Answer::Error(format!("this is no request: {error}")), now);
                None
            }
        }
    }

    fn write(&mut self) {
        let Phase::Writing(line) = &mut self.phase else { return };
        match self.stream.write(line) {
            Ok(length) if length < line.len() => drop(line.drain(..length)),
            Err(error)
                if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::Interrupted) => {}
            _ => self.phase = Phase::Closed,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pair() -> (Connection, UnixStream) {
        let (ours, theirs) = UnixStream::pair().unwrap();
        ours.set_nonblocking(true).unwrap();
        (Connection::new(ours, Instant::now()), theirs)
    }

    fn read(connection: &mut Connection) -> Option<Request> {
        connection.handle(PollFlags::POLLIN, Instant::now())
    }

    #[test]
    fn a_request_may_come_in_pieces() {
        let (mut connection, mut client) = pair();
        client.write_all(b"{\"command\":\"sta").unwrap();
        assert_eq!(read(&mut connection), None);
        client.write_all(b"tus\"}\n").unwrap();
        assert_eq!(read(&mut connection), Some(Request::Status));
    }

    #[test]
    fn garbage_is_answered_and_the_connection_closed() {
        let (mut connection, mut client) = pair();
        client.write_all(b"\xff\x00{}\n").unwrap();
        assert_eq!(read(&mut connection), None);
        assert!(matches!(connection.phase, Phase::Closed));
        drop(connection);
        let mut answer = String::new();
        client.read_to_string(&mut answer).unwrap();
        assert!(answer.contains("no request"), "{answer}");
    }

    #[test]
    fn a_line_without_end_is_cut() {
        let (mut connection, mut client) = pair();
        for _ in 0..=LONGEST / 4096 {
            client.write_all(&[b'x'; 4096]).unwrap();
            assert_eq!(read(&mut connection), None);
        }
        assert!(matches!(connection.phase, Phase::Closed));
    }

    #[test]
    fn who_keeps_us_waiting_is_left() {
        let (mut connection, _client) = pair();
        connection.expire(Instant::now());
        assert!(matches!(connection.phase, Phase::Reading(_)));
        connection.expire(Instant::now() + PATIENCE);
        assert!(matches!(connection.phase, Phase::Closed));
    }

    #[test]
    fn an_answer_that_is_not_fetched_waits_in_memory() {
        let (mut connection, mut client) = pair();
        let name = "x".repeat(1 << 20);
        connection.answer(&Answer::Done(vec![name]), Instant::now());
        assert!(matches!(connection.phase, Phase::Writing(_)));
        let mut fetched = 0;
        while !matches!(connection.phase, Phase::Closed) {
            fetched += client.read(&mut [0; 65536]).unwrap();
            connection.handle(PollFlags::POLLOUT, Instant::now());
        }
        drop(connection);
        fetched += std::io::copy(&mut client, &mut std::io::sink()).unwrap() as usize;
        assert!(fetched > 1 << 20);
    }
}
