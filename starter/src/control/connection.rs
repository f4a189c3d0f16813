//! One connection to the control socket. Whatever the other side does, nobody waits for it.

use super::{Answer, Request};
use crate::supervisor::Goal;
use crate::watched::Watched;
use indexmap::IndexSet;
use std::collections::HashSet;
use std::io::{ErrorKind, Read, Write};
use std::os::unix::net::UnixStream;
use std::time::{Duration, Instant};

/// No request is longer.
const LONGEST: usize = 1 << 20;

/// Who follows and does not fetch so much is left.
const UNFETCHED: usize = 1 << 20;

/// How long a request may take to arrive, and an answer to be fetched.
const PATIENCE: Duration = Duration::from_secs(5);

pub struct Connection {
    stream: Watched<UnixStream>,
    phase: Phase,
    /// What has been read and not been understood yet.
    received: Vec<u8>,
    /// What has to be written.
    unsent: Vec<u8>,
    deadline: Option<Instant>,
}

#[derive(Debug, PartialEq)]
pub enum Phase {
    Reading,
    /// Until something has been done.
    Waiting(Wait),
    /// The answer is on its way; the connection stays open for the next request, or does not.
    Writing {
        last: bool,
    },
    /// Until the other side closes.
    Following(String),
    Closed,
}

#[derive(Debug, PartialEq)]
pub enum Wait {
    /// Until services have come so far. `pending`: those that have not.
    Services {
        names: IndexSet<String>,
        pending: HashSet<String>,
        goal: Goal,
    },
    Reload,
}

impl Connection {
    pub fn new(stream: Watched<UnixStream>, now: Instant) -> Connection {
        Connection {
            stream,
            phase: Phase::Reading,
            received: Vec::new(),
            unsent: Vec::new(),
            deadline: Some(now + PATIENCE),
        }
    }

    pub fn phase(&mut self) -> &mut Phase {
        &mut self.phase
    }

    pub fn is_closed(&self) -> bool {
        self.phase == Phase::Closed
    }

    /// Whether it waits for the starter, not the starter for it.
    pub fn is_patient(&self) -> bool {
        matches!(self.phase, Phase::Waiting(_) | Phase::Following(_))
    }

    pub fn deadline(&self) -> Option<Instant> {
        self.deadline
    }

    fn enter(&mut self, phase: Phase, deadline: Option<Instant>) {
        let readable = phase == Phase::Reading;
        (self.phase, self.deadline) = (phase, deadline);
        if self.stream.wait_for(readable, !self.unsent.is_empty()).is_err() {
            self.phase = Phase::Closed;
        }
    }

    /// Something has happened on the socket.
    pub fn handle(&mut self, writable: bool, now: Instant) -> Option<Request> {
        match self.phase {
            Phase::Reading => return self.read(now),
            Phase::Writing { .. } => return self.write(now),
            // It can be written to, or has been closed: the attempt tells.
            Phase::Following(_) if writable && !self.unsent.is_empty() => self.flush(),
            _ => self.phase = Phase::Closed,
        }
        None
    }

    pub fn expire(&mut self, now: Instant) {
        if self.deadline.is_some_and(|deadline| deadline <= now) {
            self.phase = Phase::Closed;
        }
    }

    /// The answer comes later.
    pub fn wait(&mut self, wait: Wait) {
        self.enter(Phase::Waiting(wait), None);
    }

    /// More comes whenever this service writes.
    pub fn follow(&mut self, name: String, first: String) {
        self.enter(Phase::Following(name), None);
        self.push(&Answer::Output(first));
        self.flush();
    }

    /// More of what a service writes, if that is followed.
    pub fn hear(&mut self, name: &str, text: &str) {
        if matches!(&self.phase, Phase::Following(followed) if followed == name) {
            self.push(&Answer::Output(text.to_owned()));
            self.flush();
            if self.unsent.len() > UNFETCHED {
                self.phase = Phase::Closed;
            }
        }
    }

    /// No more comes of what a service writes.
    pub fn forget(&mut self, name: &str, now: Instant) {
        if matches!(&self.phase, Phase::Following(followed) if followed == name) {
            self.phase = Phase::Writing { last: true };
            self.write(now);
        }
    }

    /// Returns the next request, if that is there already.
    pub fn answer(&mut self, answer: &Answer, now: Instant) -> Option<Request> {
        self.send(answer, false, now)
    }

    /// The answer to what nothing sensible can follow.
    fn reject(&mut self, why: String, now: Instant) -> Option<Request> {
        self.send(&Answer::Error(why), true, now)
    }

    fn send(&mut self, answer: &Answer, last: bool, now: Instant) -> Option<Request> {
        self.push(answer);
        self.phase = Phase::Writing { last };
        self.write(now)
    }

    fn push(&mut self, answer: &Answer) {
        // Strings, numbers and lists always become JSON.
        serde_json::to_writer(&mut self.unsent, answer).unwrap_or_default();
        self.unsent.push(b'\n');
    }

    fn read(&mut self, now: Instant) -> Option<Request> {
        let mut buffer = [0; 4096];
        match self.stream.get().read(&mut buffer) {
            Ok(0) => self.phase = Phase::Closed,
            Ok(length) => {
                self.received.extend_from_slice(&buffer[..length]);
                return self.understand(now);
            }
            Err(error)
                if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::Interrupted) => {}
            Err(_) => self.phase = Phase::Closed,
        }
        None
    }

    fn understand(&mut self, now: Instant) -> Option<Request> {
        let Some(end) = self.received.iter().position(|byte| *byte == b'\n') else {
            if self.received.len() > LONGEST {
                return self.reject("the request is too long".to_owned(), now);
            }
            return None;
        };
        let line: Vec<u8> = self.received.drain(..=end).collect();
        match serde_json::from_slice(&line) {
            Ok(request) => Some(request),
            Err(error) => self.reject(format!("this is no request: {error}"), now),
        }
    }

    fn flush(&mut self) {
        while !self.unsent.is_empty() {
            match self.stream.get().write(&self.unsent) {
                Ok(length) => drop(self.unsent.drain(..length)),
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) if error.kind() == ErrorKind::WouldBlock => break,
                Err(_) => {
                    self.phase = Phase::Closed;
                    return;
                }
            }
        }
        if self.stream.wait_for(false, !self.unsent.is_empty()).is_err() {
            self.phase = Phase::Closed;
        }
    }

    fn write(&mut self, now: Instant) -> Option<Request> {
        self.flush();
        let Phase::Writing { last } = self.phase else { return None };
        if self.unsent.is_empty() && last {
            self.phase = Phase::Closed;
        } else if self.unsent.is_empty() {
            self.enter(Phase::Reading, Some(now + PATIENCE));
            return self.understand(now);
        } else if self.deadline.is_none_or(|deadline| deadline < now) {
            self.deadline = Some(now + PATIENCE);
        }
        None
    }
}

#[cfg(test)]
mod tests;
