//! Descriptors that the loop waits for.

use polling::{Event, PollMode, Poller};
use std::io;
use std::os::fd::{AsFd, AsRawFd};
use std::sync::Arc;

/// What has happened on a descriptor, as the loop tells it apart.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Source {
    Signals,
    /// Somebody connects to the control socket.
    Newcomers,
    /// The control socket has been removed.
    Socket,
    Connection(usize),
    /// A service says something about itself.
    Notifier(usize),
    /// A service writes to its standard output or error.
    Output(usize),
}

impl Source {
    fn to_key(self) -> usize {
        match self {
            Source::Signals => 0,
            Source::Newcomers => 1,
            Source::Socket => 2,
            Source::Connection(id) => id << 2,
            Source::Notifier(id) => id << 2 | 1,
            Source::Output(id) => id << 2 | 2,
        }
    }

    pub fn from_key(key: usize) -> Source {
        match (key >> 2, key & 3) {
            (0, 0) => Source::Signals,
            (0, 1) => Source::Newcomers,
            (0, _) => Source::Socket,
            (id, 0) => Source::Connection(id),
            (id, 1) => Source::Notifier(id),
            (id, _) => Source::Output(id),
        }
    }
}

/// A descriptor that the loop hears of until this is dropped.
pub struct Watched<T: AsFd> {
    source: T,
    poller: Arc<Poller>,
    key: usize,
    paused: bool,
}

impl<T: AsFd> Watched<T> {
    /// To be read.
    pub fn new(poller: &Arc<Poller>, source: T, what: Source) -> io::Result<Watched<T>> {
        let poller = Arc::clone(poller);
        let mut watched = Watched { source, poller, key: what.to_key(), paused: true };
        watched.resume()?;
        Ok(watched)
    }

    /// What to wait for; hanging up is told unasked.
    pub fn wait_for(&self, readable: bool, writable: bool) -> io::Result<()> {
        let interest = Event::new(self.key, readable, writable);
        self.poller.modify_with_mode(self.source.as_fd(), interest, PollMode::Level)
    }

    /// Nothing is heard of it, not even that the other side has gone.
    pub fn pause(&mut self) {
        if !std::mem::replace(&mut self.paused, true) {
            // It was added: that this fails is not possible.
            let _ = self.poller.delete(self.source.as_fd());
        }
    }

    pub fn resume(&mut self) -> io::Result<()> {
        if self.paused {
            let fd = self.source.as_fd().as_raw_fd();
            // SAFETY: `drop` takes the descriptor out of the poller before it is closed: `source`
            // is owned, and nobody can take it out of here.
            unsafe { self.poller.add_with_mode(fd, Event::readable(self.key), PollMode::Level)? };
            self.paused = false;
        }
        Ok(())
    }

    pub fn get(&self) -> &T {
        &self.source
    }
}

impl<T: AsFd> Drop for Watched<T> {
    fn drop(&mut self) {
        self.pause();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_can_be_told_apart() {
        for source in [
            Source::Signals,
            Source::Newcomers,
            Source::Socket,
            Source::Connection(1),
            Source::Notifier(1),
            Source::Output(77),
        ] {
            assert_eq!(Source::from_key(source.to_key()), source);
        }
    }
}
