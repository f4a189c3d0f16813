//! The system's log, in the form that every `syslogd` and journald take:
//! `<priority>name[pid]: text`, one datagram each.

use std::io::{self, Write};
use std::os::unix::net::UnixDatagram;
use std::sync::Mutex;
use tracing::{Level, Metadata};
use tracing_subscriber::fmt::MakeWriter;

/// Linux and the BSDs; macOS; older BSDs.
const PATHS: [&str; 3] = ["/dev/log", "/var/run/syslog", "/var/run/log"];

/// LOG_DAEMON.
const FACILITY: u8 = 3 << 3;

pub struct Syslog {
    /// `None` until there is somebody at the other end.
    socket: Mutex<Option<UnixDatagram>>,
}

pub struct Line<'a> {
    socket: &'a Mutex<Option<UnixDatagram>>,
    severity: u8,
}

impl Syslog {
    pub fn new() -> Syslog {
        Syslog { socket: Mutex::new(None) }
    }
}

impl<'a> MakeWriter<'a> for Syslog {
    type Writer = Line<'a>;

    fn make_writer(&'a self) -> Line<'a> {
        Line { socket: &self.socket, severity: 6 }
    }

    fn make_writer_for(&'a self, meta: &Metadata<'_>) -> Line<'a> {
        let severity = match *meta.level() {
            Level::ERROR => 3,
            Level::WARN => 4,
            Level::INFO => 6,
            _ => 7,
        };
        Line { socket: &self.socket, severity }
    }
}

impl Write for Line<'_> {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        let mut text =
            format!("<{}>starter[{}]: ", FACILITY | self.severity, std::process::id()).into_bytes();
        text.extend_from_slice(line.trim_ascii());
        let mut socket = self.socket.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
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
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn connect() -> Option<UnixDatagram> {
    let socket = UnixDatagram::unbound().ok()?;
    // Services are more important than what is told of them: a full socket does not stop the
    // starter.
    socket.set_nonblocking(true).ok()?;
    PATHS.iter().any(|path| socket.connect(path).is_ok()).then_some(socket)
}
