//! The system's log, in the form that every `syslogd` and journald take:
//! `<priority>name[pid]: text`, one datagram each.

use std::io::{self, Write};
use std::os::unix::net::UnixDatagram;
use std::sync::{Mutex, PoisonError};
use tracing::{Level, Metadata};
use tracing_subscriber::fmt::MakeWriter;

/// Linux and the BSDs; macOS; older BSDs.
const PATHS: [&str; 3] = ["/dev/log", "/var/run/syslog", "/var/run/log"];

/// LOG_DAEMON.
const FACILITY: u8 = 3 << 3;

/// `None` until there is somebody at the other end.
static SOCKET: Mutex<Option<UnixDatagram>> = Mutex::new(None);

pub struct Syslog;

pub struct Line {
    severity: u8,
}

impl MakeWriter<'_> for Syslog {
    type Writer = Line;

    fn make_writer(&self) -> Line {
        Line { severity: 6 }
    }

    fn make_writer_for(&self, meta: &Metadata<'_>) -> Line {
        let severity = match *meta.level() {
            Level::ERROR => 3,
            Level::WARN => 4,
            Level::INFO => 6,
            _ => 7,
        };
        Line { severity }
    }
}

impl Write for Line {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        send(self.severity, line).map(|()| line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// One line. That it cannot be sent is no error: there is nobody to tell.
pub fn send(severity: u8, line: &[u8]) -> io::Result<()> {
    let mut text =
        format!("<{}>starter[{}]: ", FACILITY | severity, std::process::id()).into_bytes();
    text.extend_from_slice(line.trim_ascii());
    let mut socket = SOCKET.lock().unwrap_or_else(PoisonError::into_inner);
    // Twice: the other end may have been started anew.
    for _ in 0..2 {
        if socket.is_none() {
            *socket = connect();
        }
        match socket.as_ref().map(|socket| socket.send(&text)) {
            Some(Ok(_)) => break,
            _ => *socket = None,
        }
    }
    Ok(())
}

fn connect() -> Option<UnixDatagram> {
    let socket = UnixDatagram::unbound().ok()?;
    // Services are more important than what is told of them: a full socket does not stop the
    // starter.
    socket.set_nonblocking(true).ok()?;
    PATHS.iter().any(|path| socket.connect(path).is_ok()).then_some(socket)
}
