//! The side of the starter: the socket and its connections.

use super::connection::{Connection, Phase, Wait};
use super::socket::Socket;
use super::{Answer, Request};
use crate::supervisor::{Changes, Goal, Progress};
use crate::watched::{Source, Watched};
use indexmap::{IndexMap, IndexSet};
use nix::unistd::{geteuid, Uid};
use polling::Poller;
use std::collections::HashSet;
use std::io::{self, ErrorKind, Write};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Connections at once that have not said what they want, or have not fetched the answer. Only the
/// owner and root get one at all. The oldest goes for a new one.
const MOST: usize = 64;

/// Connections at once that wait for services, or follow them.
const MOST_PATIENT: usize = 512;

/// How long nobody is let in when there is no descriptor left.
const PAUSE: Duration = Duration::from_millis(200);

/// How often it is seen whether the socket is still there, if something happens anyway.
const LOOK: Duration = Duration::from_secs(10);

/// Who has swept away the socket may sweep away more.
const LOOK_AGAIN: Duration = Duration::from_secs(1);

pub struct Server {
    socket: Socket,
    poller: Arc<Poller>,
    connections: IndexMap<usize, Connection>,
    next: usize,
    paused_until: Option<Instant>,
    looked: Instant,
    look_again: Option<Instant>,
}

impl Server {
    pub fn bind(poller: &Arc<Poller>, path: &Path) -> io::Result<Server> {
        Ok(Server {
            socket: Socket::bind(poller, path)?,
            poller: Arc::clone(poller),
            connections: IndexMap::new(),
            next: 1,
            paused_until: None,
            looked: Instant::now(),
            look_again: None,
        })
    }

    /// For the sockets of the services.
    pub fn directory(&self) -> &Path {
        self.socket.directory()
    }

    /// Makes the socket again if somebody has removed it.
    pub fn restore(&mut self) {
        self.looked = Instant::now();
        let restored = self.socket.restore();
        self.look_again = restored.then(|| self.looked + LOOK_AGAIN);
    }

    /// Something has happened on a connection. A request wants `answer`, `wait` or `follow`.
    pub fn handle(&mut self, id: usize, writable: bool, now: Instant) -> Option<Request> {
        self.connections.get_mut(&id)?.handle(writable, now)
    }

    pub fn accept(&mut self, now: Instant) {
        // What these ask for is heard before more of them come.
        for _ in 0..MOST / 2 {
            match self.socket.listener().get().accept() {
                Ok((stream, _)) => self.admit(stream, now),
                Err(error) => match error.kind() {
                    ErrorKind::WouldBlock => return,
                    ErrorKind::Interrupted | ErrorKind::ConnectionAborted => {}
                    _ => {
                        tracing::warn!("control socket: {error}");
                        self.paused_until = Some(now + PAUSE);
                        self.socket.listener().pause();
                        return;
                    }
                },
            }
        }
    }

    fn admit(&mut self, stream: UnixStream, now: Instant) {
        if stream.set_nonblocking(true).is_err() {
            return;
        }
        let refuse = |mut stream: UnixStream, why: &str| {
            let mut line = serde_json::to_vec(&Answer::Error(why.to_owned())).unwrap_or_default();
            line.push(b'\n');
            let _ = stream.write(&line);
        };
        match peer(&stream) {
            Ok(uid) if uid == geteuid() || uid.is_root() => {}
            Ok(uid) => {
                tracing::warn!(uid = uid.as_raw(), "control socket: refused");
                return refuse(
                    stream,
                    "only the user that runs the starter, and root, may do that",
                );
            }
            Err(error) => return tracing::warn!("control socket: {error}"),
        }
        self.make_room();
        let id = self.next;
        self.next += 1;
        match Watched::new(&self.poller, stream, Source::Connection(id)) {
            Ok(stream) => drop(self.connections.insert(id, Connection::new(stream, now))),
            Err(error) => tracing::warn!("control socket: {error}"),
        }
    }

    fn make_room(&mut self) {
        let hasty = |connection: &Connection| !connection.is_patient();
        if self.connections.values().filter(|connection| hasty(connection)).count() >= MOST {
            let oldest = self.connections.iter().find(|(_, connection)| hasty(connection));
            if let Some(id) = oldest.map(|(id, _)| *id) {
                self.connections.shift_remove(&id);
            }
        }
    }

    /// Returns the next request of this client, if that is there already.
    pub fn answer(&mut self, id: usize, answer: &Answer, now: Instant) -> Option<Request> {
        self.connections.get_mut(&id)?.answer(answer, now)
    }

    /// The answer comes when services have come so far. `names` are those to wait for.
    pub fn wait_for_services(
        &mut self,
        id: usize,
        names: IndexSet<String>,
        goal: Goal,
    ) -> Result<(), &'static str> {
        let pending = names.iter().cloned().collect();
        self.wait(id, Wait::Services { names, pending, goal })
    }

    pub fn wait_for_reload(&mut self, id: usize) -> Result<(), &'static str> {
        self.wait(id, Wait::Reload)
    }

    pub fn follow(&mut self, id: usize, name: String, first: String) -> Result<(), &'static str> {
        self.is_room()?;
        if let Some(connection) = self.connections.get_mut(&id) {
            connection.follow(name, first);
        }
        Ok(())
    }

    fn wait(&mut self, id: usize, wait: Wait) -> Result<(), &'static str> {
        self.is_room()?;
        if let Some(connection) = self.connections.get_mut(&id) {
            connection.wait(wait);
        }
        Ok(())
    }

    fn is_room(&self) -> Result<(), &'static str> {
        if self.connections.values().filter(|it| it.is_patient()).count() < MOST_PATIENT {
            Ok(())
        } else {
            Err("it is being done, but too many wait already")
        }
    }

    /// A service has written something.
    pub fn hear(&mut self, name: &str, text: &[u8]) {
        if self.connections.is_empty() {
            return;
        }
        let text = String::from_utf8_lossy(text);
        self.connections.values_mut().for_each(|connection| connection.hear(name, &text));
    }

    /// There is no such service any more.
    pub fn forget(&mut self, name: &str, now: Instant) {
        self.connections.values_mut().for_each(|connection| connection.forget(name, now));
    }

    /// The configuration has been read. Returns the next requests, if they are there already.
    pub fn reloaded(
        &mut self,
        outcome: &Result<Changes, String>,
        now: Instant,
    ) -> Vec<(usize, Request)> {
        let answer = match outcome {
            Ok(changes) => Answer::Changes(changes.clone()),
            Err(why) => Answer::Error(why.clone()),
        };
        let waits =
            |connection: &mut Connection| *connection.phase() == Phase::Waiting(Wait::Reload);
        let connections = self.connections.iter_mut();
        let waiting = connections
            .filter_map(|(id, connection)| waits(connection).then_some((*id, connection)));
        waiting
            .filter_map(|(id, connection)| Some((id, connection.answer(&answer, now)?)))
            .collect()
    }

    /// Answers those who wait for what is so by now, given about whom something has changed, and
    /// forgets those who are gone. Returns the next requests, if they are there already.
    pub fn step(
        &mut self,
        now: Instant,
        changed: &[String],
        progress: impl Fn(&str, Goal) -> Progress,
    ) -> Vec<(usize, Request)> {
        let mut requests = Vec::new();
        for (id, connection) in &mut self.connections {
            connection.expire(now);
            let Phase::Waiting(Wait::Services { names, pending, goal }) = connection.phase() else {
                continue;
            };
            let answer = match waited(names, pending, *goal, changed, &progress) {
                Progress::Pending => continue,
                Progress::Reached => Answer::Done(std::mem::take(names).into_iter().collect()),
                Progress::Missed(why) => Answer::Error(why),
            };
            requests.extend(connection.answer(&answer, now).map(|request| (*id, request)));
        }
        self.connections.retain(|_, connection| !connection.is_closed());
        if self.paused_until.is_some_and(|until| until <= now) {
            self.paused_until = None;
            if let Err(error) = self.socket.listener().resume() {
                tracing::error!("control socket: {error}");
            }
        }
        let again = self.look_again.is_some_and(|at| at <= now);
        if again || now.saturating_duration_since(self.looked) > LOOK {
            self.restore();
        }
        requests
    }

    pub fn deadline(&self) -> Option<Instant> {
        let connections = self.connections.values().filter_map(Connection::deadline);
        connections.chain(self.paused_until).chain(self.look_again).min()
    }
}

/// How far those have come that somebody waits for: only what has changed is looked at, if some are
/// pending still.
fn waited(
    names: &IndexSet<String>,
    pending: &mut HashSet<String>,
    goal: Goal,
    changed: &[String],
    progress: impl Fn(&str, Goal) -> Progress,
) -> Progress {
    let affected = changed.iter().map(String::as_str).filter(|name| names.contains(*name));
    let look: Vec<&str> = if pending.len() == names.len() {
        names.iter().map(String::as_str).collect()
    } else {
        affected.collect()
    };
    for name in look {
        match progress(name, goal) {
            Progress::Reached => drop(pending.remove(name)),
            Progress::Pending => drop(pending.insert(name.to_owned())),
            missed @ Progress::Missed(_) => return missed,
        }
    }
    if pending.is_empty() {
        Progress::Reached
    } else {
        Progress::Pending
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
