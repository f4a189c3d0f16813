//! How a service says that it is ready: by a line on the descriptor whose number is in `NOTIFY_FD`,
//! or by systemd's protocol, a datagram `READY=1` to the socket that `NOTIFY_SOCKET` names.

use crate::process::{pass_on, NOTIFY_FD};
use nix::unistd::{chown, Uid};
use std::fs::{self, Permissions};
use std::io::{self, PipeReader, PipeWriter, Read};
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixDatagram;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicU64, Ordering};

#[derive(Debug, PartialEq)]
pub enum Message {
    Ready,
    /// What the service says of itself.
    Status(String),
}

/// More than this at once has to wait: a service that talks too much must not keep the others
/// waiting.
const AT_ONCE: usize = 16;

pub struct Notifier {
    /// `None`: the service has closed it.
    pipe: Option<PipeReader>,
    /// The service's end, until it has been started.
    service: Option<PipeWriter>,
    socket: Socket,
}

/// A socket whose name goes with it.
struct Socket {
    socket: UnixDatagram,
    path: PathBuf,
}

impl Drop for Socket {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.path);
    }
}

impl Socket {
    fn bind(path: PathBuf, owner: Option<Uid>) -> io::Result<Socket> {
        let socket = UnixDatagram::bind(&path)?;
        let socket = Socket { socket, path };
        socket.socket.set_nonblocking(true)?;
        fs::set_permissions(&socket.path, Permissions::from_mode(0o600))?;
        chown(&socket.path, owner, None)?;
        Ok(socket)
    }
}

impl Notifier {
    /// Makes a pipe and a socket, and has `command` know of them. The socket belongs to `owner`.
    pub fn new(
        directory: &Path,
        owner: Option<Uid>,
        command: &mut Command,
    ) -> io::Result<Notifier> {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        let path = directory.join(NEXT.fetch_add(1, Ordering::Relaxed).to_string());
        let explain = |error: io::Error| match error.raw_os_error() {
            // Has nothing to do with the path, and passes.
            Some(libc::EMFILE | libc::ENFILE | libc::ENOMEM) => error,
            _ => io::Error::other(format!("socket `{}`: {error}", path.display())),
        };
        let socket = Socket::bind(path.clone(), owner).map_err(explain)?;
        let (pipe, service) = io::pipe()?;
        command.env("NOTIFY_SOCKET", &path).env("NOTIFY_FD", NOTIFY_FD.to_string());
        pass_on(command, &service);
        Ok(Notifier { pipe: Some(pipe), service: Some(service), socket })
    }

    /// The service has its end now.
    pub fn started(&mut self) {
        self.service = None;
    }

    pub fn fds(&self) -> impl Iterator<Item = BorrowedFd<'_>> {
        [Some(self.socket.socket.as_fd()), self.pipe.as_ref().map(AsFd::as_fd)]
            .into_iter()
            .flatten()
    }

    /// What the service has said. Never waits.
    pub fn hear(&mut self) -> Vec<Message> {
        let mut messages = Vec::new();
        let mut buffer = [0; 4096];
        for _ in 0..AT_ONCE {
            let Ok(length) = self.socket.socket.recv(&mut buffer) else { break };
            messages
                .extend(String::from_utf8_lossy(&buffer[..length]).lines().filter_map(understand));
        }
        for _ in 0..AT_ONCE {
            if !self.pipe.as_ref().is_some_and(is_readable) {
                break;
            }
            match self.pipe.as_mut().map_or(Ok(0), |pipe| pipe.read(&mut buffer)) {
                Ok(0) => self.pipe = None,
                Ok(length) if buffer[..length].contains(&b'\n') => messages.push(Message::Ready),
                _ => {}
            }
        }
        messages
    }
}

fn is_readable(pipe: &PipeReader) -> bool {
    use nix::poll::{poll, PollFd, PollFlags, PollTimeout};
    let mut entry = [PollFd::new(pipe.as_fd(), PollFlags::POLLIN)];
    poll(&mut entry, PollTimeout::ZERO) == Ok(1)
}

/// One line of a datagram; what is not understood is left alone, as the protocol wants it.
fn understand(line: &str) -> Option<Message> {
    match line.split_once('=')? {
        ("READY", "1") => Some(Message::Ready),
        ("STATUS", text) => {
            Some(Message::Status(text.chars().filter(|c| !c.is_control()).take(200).collect()))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_protocols_are_understood() {
        let directory = std::env::temp_dir().join(format!("starter-notify-{}", std::process::id()));
        fs::create_dir(&directory).unwrap();
        let mut command = Command::new("true");
        let mut notifier = Notifier::new(&directory, None, &mut command).unwrap();
        let path = notifier.socket.path.clone();
        assert_eq!(notifier.hear(), []);
        let client = UnixDatagram::unbound().unwrap();
        client.send_to(b"STATUS=warming up\nMAINPID=7\nREADY=1\nREADY=0\n", &path).unwrap();
        let status = Message::Status("warming up".to_owned());
        assert_eq!(notifier.hear(), [status, Message::Ready]);
        let mut service = notifier.service.take().unwrap();
        io::Write::write_all(&mut service, b"\n").unwrap();
        assert_eq!(notifier.hear(), [Message::Ready]);
        drop(service);
        assert_eq!(notifier.hear(), []);
        assert!(notifier.pipe.is_none());
        drop(notifier);
        assert!(!path.exists());
        fs::remove_dir(directory).unwrap();
    }
}
