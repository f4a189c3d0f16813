//! How a service says that it is ready: by a line on the descriptor whose number is in `NOTIFY_FD`,
//! or by systemd's protocol, a datagram `READY=1` to the socket that `NOTIFY_SOCKET` names.

use crate::process::NOTIFY_FD;
use crate::watched::{Source, Watched};
use nix::fcntl::{fcntl, FcntlArg, OFlag};
use nix::unistd::{chown, Uid};
use polling::Poller;
use std::fs::{self, DirBuilder, Permissions};
use std::io::{self, ErrorKind, PipeReader, PipeWriter, Read};
use std::os::fd::{AsRawFd, RawFd};
use std::os::unix::fs::{DirBuilderExt, PermissionsExt};
use std::os::unix::net::UnixDatagram;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::time::Duration;

#[derive(Debug, PartialEq)]
pub enum Message {
    Ready,
    /// What the service says of itself.
    Status(String),
    Reloading,
    Stopping,
    /// That it lives, or that it is stuck.
    Watchdog(bool),
    /// It needs so much more time.
    Extend(Duration),
}

/// More than this at once has to wait: a service that talks too much must not keep the others
/// waiting.
const AT_ONCE: usize = 16;

/// What one that has ended has said comes no later. The system's queue is shorter: 10, or the 512 of
/// systemd.
const LAST_WORDS: usize = 1024;

pub struct Notifier {
    /// `None`: the service has closed it.
    pipe: Option<Watched<PipeReader>>,
    /// The service's end, until it has been started.
    service: Option<PipeWriter>,
    socket: Watched<UnixDatagram>,
    /// The socket's name, which goes with it.
    _name: Name,
}

struct Name(PathBuf);

impl Drop for Name {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.0);
    }
}

impl Notifier {
    /// Makes a pipe and a socket, and has `command` know of them. The socket belongs to `owner`.
    pub fn new(
        poller: &Arc<Poller>,
        id: usize,
        directory: &Path,
        owner: Option<Uid>,
        command: &mut Command,
    ) -> io::Result<Notifier> {
        let path = directory.join(id.to_string());
        let explain = |error: io::Error| match error.raw_os_error() {
            // Has nothing to do with the path, and passes.
            Some(libc::EMFILE | libc::ENFILE | libc::ENOMEM) => error,
            _ if error.kind() == ErrorKind::InvalidInput => io::Error::other(format!(
                "socket `{}`: too long a path: choose a shorter --socket",
                path.display()
            )),
            _ => io::Error::other(format!("socket `{}`: {error}", path.display())),
        };
        let (socket, name) = bind(&path, owner).map_err(explain)?;
        let (pipe, service) = io::pipe()?;
        // This end is nobody else's.
        fcntl(&pipe, FcntlArg::F_SETFL(OFlag::O_NONBLOCK))?;
        command.env("NOTIFY_SOCKET", &path).env("NOTIFY_FD", NOTIFY_FD.to_string());
        let what = Source::Notifier(id);
        let pipe = Some(Watched::new(poller, pipe, what)?);
        let socket = Watched::new(poller, socket, what)?;
        Ok(Notifier { pipe, service: Some(service), socket, _name: name })
    }

    /// What the service is to have under the number `NOTIFY_FD`.
    pub fn service_end(&self) -> Option<RawFd> {
        self.service.as_ref().map(AsRawFd::as_raw_fd)
    }

    /// The service has its end now.
    pub fn started(&mut self) {
        self.service = None;
    }

    /// What the service has said. Never waits.
    pub fn hear(&mut self) -> Vec<Message> {
        self.hear_at_most(AT_ONCE)
    }

    /// What it has said before it ended.
    pub fn hear_last(&mut self) -> Vec<Message> {
        self.hear_at_most(LAST_WORDS)
    }

    fn hear_at_most(&mut self, datagrams: usize) -> Vec<Message> {
        let mut messages = Vec::new();
        let mut buffer = [0; 4096];
        for _ in 0..datagrams {
            let Ok(length) = self.socket.get().recv(&mut buffer) else { break };
            let text = String::from_utf8_lossy(&buffer[..length]);
            messages.extend(text.lines().filter_map(understand));
        }
        for _ in 0..AT_ONCE {
            let Some(mut pipe) = self.pipe.as_ref().map(Watched::get) else { break };
            match pipe.read(&mut buffer) {
                Ok(0) => self.pipe = None,
                Ok(length) if buffer[..length].contains(&b'\n') => messages.push(Message::Ready),
                Ok(_) => {}
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(_) => break,
            }
        }
        messages
    }
}

fn bind(path: &Path, owner: Option<Uid>) -> io::Result<(UnixDatagram, Name)> {
    let socket = match UnixDatagram::bind(path) {
        // Somebody has swept the directory away.
        Err(error) if error.kind() == ErrorKind::NotFound => {
            let directory = path.parent().unwrap_or(path);
            DirBuilder::new().mode(0o711).create(directory)?;
            UnixDatagram::bind(path)?
        }
        bound => bound?,
    };
    let name = Name(path.to_owned());
    socket.set_nonblocking(true)?;
    fs::set_permissions(path, Permissions::from_mode(0o600))?;
    chown(path, owner, None)?;
    Ok((socket, name))
}

/// One line of a datagram; what is not understood is left alone, as the protocol wants it.
fn understand(line: &str) -> Option<Message> {
    match line.split_once('=')? {
        ("READY", "1") => Some(Message::Ready),
        ("STATUS", text) => {
            Some(Message::Status(text.chars().filter(|c| !c.is_control()).take(200).collect()))
        }
        ("RELOADING", "1") => Some(Message::Reloading),
        ("STOPPING", "1") => Some(Message::Stopping),
        ("WATCHDOG", "1") => Some(Message::Watchdog(true)),
        ("WATCHDOG", "trigger") => Some(Message::Watchdog(false)),
        ("EXTEND_TIMEOUT_USEC", time) => {
            // A day: no sum of times overflows.
            let time = time.parse().ok().map(Duration::from_micros)?;
            Some(Message::Extend(time.min(Duration::from_secs(86_400))))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::place::Place;

    #[test]
    fn both_protocols_are_understood() {
        let place = Place::new();
        let mut command = Command::new("true");
        let poller = Arc::new(Poller::new().unwrap());
        let mut notifier = Notifier::new(&poller, 1, &place.0, None, &mut command).unwrap();
        let path = notifier._name.0.clone();
        assert_eq!(notifier.hear(), []);
        let client = UnixDatagram::unbound().unwrap();
        client.send_to(b"STATUS=warming up\nMAINPID=7\nREADY=1\nREADY=0\n", &path).unwrap();
        let status = Message::Status("warming up".to_owned());
        assert_eq!(notifier.hear(), [status, Message::Ready]);
        client
            .send_to(b"WATCHDOG=1\nWATCHDOG=trigger\nRELOADING=1\nSTOPPING=1\nEXTEND_TIMEOUT_USEC=1500000\nEXTEND_TIMEOUT_USEC=x", &path)
            .unwrap();
        let time = Duration::from_millis(1500);
        let all = [
            Message::Watchdog(true),
            Message::Watchdog(false),
            Message::Reloading,
            Message::Stopping,
            Message::Extend(time),
        ];
        assert_eq!(notifier.hear(), all);
        let mut service = notifier.service.take().unwrap();
        io::Write::write_all(&mut service, b"\n").unwrap();
        assert_eq!(notifier.hear(), [Message::Ready]);
        drop(service);
        assert_eq!(notifier.hear(), []);
        assert!(notifier.pipe.is_none());
        drop(notifier);
        assert!(!path.exists());
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn one_that_has_ended_is_heard_out() {
        let place = Place::new();
        let poller = Arc::new(Poller::new().unwrap());
        let mut command = Command::new("true");
        let mut notifier = Notifier::new(&poller, 1, &place.0, None, &mut command).unwrap();
        let client = UnixDatagram::unbound().unwrap();
        client.set_nonblocking(true).unwrap();
        let mut sent = 0;
        while sent < LAST_WORDS && client.send_to(b"READY=1", &notifier._name.0).is_ok() {
            sent += 1;
        }
        // More than otherwise at once, where the system's queue is that long.
        assert!(sent > 0);
        assert_eq!(notifier.hear_last().len(), sent);
        drop(notifier);
    }
}
