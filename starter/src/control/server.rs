//! The side of the starter: the socket and its connections.

use super::connection::{Connection, Phase};
use super::directory::Directory;
use super::{Answer, Request};
use crate::supervisor::{Goal, Progress};
use indexmap::IndexMap;
use nix::poll::PollFlags;
use nix::sys::stat::{umask, Mode};
use nix::unistd::{geteuid, Uid};
use std::fs;
use std::io::{self, ErrorKind, Write};
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::fs::FileTypeExt;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// Connections at once. Only the owner and root get one at all.
const MOST: usize = 64;

/// How long nobody is let in when there is no descriptor left.
const PAUSE: Duration = Duration::from_millis(200);

pub struct Server {
    listener: UnixListener,
    path: PathBuf,
    directory: Directory,
    connections: IndexMap<u64, Connection>,
    next: u64,
    paused_until: Option<Instant>,
}

/// Whom to wait for.
#[derive(Clone, Copy)]
pub enum Listening {
    Newcomers,
    Connection(u64),
}

impl Server {
    /// Takes the socket over from a starter that has died, not from one that lives.
    pub fn bind(path: &Path) -> io::Result<Server> {
        let about =
            |error: io::Error| io::Error::new(error.kind(), format!("{}: {error}", path.display()));
        let directory = Directory::lock(path).map_err(about)?;
        if fs::symlink_metadata(path).is_ok_and(|data| data.file_type().is_socket()) {
            fs::remove_file(path).map_err(about)?;
        }
        // From the first moment nobody else can connect. There is one thread.
        let before = umask(Mode::from_bits_truncate(0o177));
        let listener = UnixListener::bind(path);
        umask(before);
        let listener = listener.map_err(about)?;
        listener.set_nonblocking(true)?;
        Ok(Server {
            listener,
            path: path.to_owned(),
            directory,
            connections: IndexMap::new(),
            next: 0,
            paused_until: None,
        })
    }

    /// For the sockets of the services.
    pub fn directory(&self) -> &Path {
        &self.directory.path
    }

    pub fn listening(&self) -> impl Iterator<Item = (Listening, BorrowedFd<'_>, PollFlags)> {
        let full = self.connections.len() >= MOST || self.paused_until.is_some();
        let newcomers =
            (!full).then(|| (Listening::Newcomers, self.listener.as_fd(), PollFlags::POLLIN));
        let connections = self.connections.iter();
        let connections = connections.map(|(id, connection)| {
            (Listening::Connection(*id), connection.stream.as_fd(), connection.interest())
        });
        newcomers.into_iter().chain(connections)
    }

    /// Something has happened on one of the sockets. A request wants `answer` or `wait`.
    pub fn handle(
        &mut self,
        whom: Listening,
        events: PollFlags,
        now: Instant,
    ) -> Option<(u64, Request)> {
        match whom {
            Listening::Newcomers => {
                self.accept(now);
                None
            }
            Listening::Connection(id) => {
                let request = self.connections.get_mut(&id)?.handle(events, now)?;
                Some((id, request))
            }
        }
    }

    fn accept(&mut self, now: Instant) {
        while self.connections.len() < MOST {
            match self.listener.accept() {
                Ok((stream, _)) => self.admit(stream, now),
                Err(error) => match error.kind() {
                    ErrorKind::WouldBlock => return,
                    ErrorKind::Interrupted | ErrorKind::ConnectionAborted => {}
                    _ => {
                        tracing::warn!("control socket: {error}");
                        self.paused_until = Some(now + PAUSE);
                        return;
                    }
                },
            }
        }
    }

    fn admit(&mut self, mut stream: UnixStream, now: Instant) {
        if stream.set_nonblocking(true).is_err() {
            return;
        }
        match peer(&stream) {
            Ok(uid) if uid == geteuid() || uid.is_root() => {
                self.connections.insert(self.next, Connection::new(stream, now));
                self.next += 1;
            }
            Ok(uid) => {
                tracing::warn!(uid = uid.as_raw(), "control socket: refused");
                let answer = Answer::Error(
                    "only the user that runs the starter, and root, may do that".to_owned(),
                );
                let mut line = serde_json::to_vec(&answer).unwrap_or_default();
                line.push(b'\n');
                let _ = stream.write(&line);
            }
            Err(error) => tracing::warn!("control socket: {error}"),
        }
    }

    pub fn answer(&mut self, id: u64, answer: &Answer, now: Instant) {
        if let Some(connection) = self.connections.get_mut(&id) {
            connection.answer(answer, now);
        }
    }

    /// The answer comes when services have come so far.
    pub fn wait(&mut self, id: u64, names: Vec<String>, goal: Goal) {
        if let Some(connection) = self.connections.get_mut(&id) {
            connection.wait(names, goal);
        }
    }

    /// Answers those who wait for what is so by now, and forgets those who are gone.
    pub fn step(&mut self, now: Instant, progress: impl Fn(&[String], Goal) -> Progress) {
        for connection in self.connections.values_mut() {
            connection.expire(now);
            if let Phase::Waiting(names, goal) = &mut connection.phase {
                match progress(names, *goal) {
                    Progress::Pending => {}
                    Progress::Reached => {
                        let names = std::mem::take(names);
                        connection.answer(&Answer::Done(names), now);
                    }
                    Progress::Missed(why) => connection.answer(&Answer::Error(why), now),
                }
            }
        }
        self.connections.retain(|_, connection| !matches!(connection.phase, Phase::Closed));
        self.paused_until = self.paused_until.filter(|until| *until > now);
    }

    pub fn deadline(&self) -> Option<Instant> {
        self.connections.values().filter_map(Connection::deadline).chain(self.paused_until).min()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // Before the directory, with which the lock goes.
        let _ = fs::remove_file(&self.path);
    }
}

#[cfg(any(target_os = "linux", target_os = "android"))]
fn peer(stream: &UnixStream) -> nix::Result<Uid> {
    use nix::sys::socket::{getsockopt, sockopt::PeerCredentials};
    Ok(Uid::from_raw(getsockopt(stream, PeerCredentials)?.uid()))
}

#[cfg(not(any(target_os = "linux", target_os = "android")))]
fn peer(stream: &UnixStream) -> nix::Result<Uid> {
    Ok(nix::unistd::getpeereid(stream)?.0)
}
