//! The log: one line for each event, to standard error or to syslog. That it cannot be written
//! stops nothing.

mod syslog;

use nix::errno::Errno;
use nix::poll::{poll, PollFd, PollFlags, PollTimeout};
use std::io::{self, Write};
use std::os::fd::AsFd;
use std::sync::atomic::{AtomicU64, Ordering};
use tracing_subscriber::fmt;

#[derive(Clone, Copy, Debug, PartialEq, clap::ValueEnum)]
pub enum Log {
    /// Lines for people, on standard error
    Stderr,
    /// One JSON object a line, on standard error
    Json,
    /// The system's log
    Syslog,
}

pub fn init(log: Log) {
    let lines = fmt().log_internal_errors(false).with_ansi(false).with_target(false);
    match log {
        Log::Stderr => lines.with_writer(|| Stderr { json: false }).init(),
        Log::Json => lines.json().flatten_event(true).with_writer(|| Stderr { json: true }).init(),
        Log::Syslog => {
            lines.without_time().with_level(false).with_writer(syslog::Syslog::new()).init();
        }
    }
}

/// Standard error. A line that could not be written is counted, and the next one that can be is
/// preceded by that number.
struct Stderr {
    json: bool,
}

static LOST: AtomicU64 = AtomicU64::new(0);

impl Write for Stderr {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        let mut stderr = io::stderr().lock();
        let lost = LOST.load(Ordering::Relaxed);
        let text = format!("{lost} lines of the log could not be written");
        let text = if self.json {
            format!("{{\"level\":\"ERROR\",\"message\":\"{text}\"}}\n")
        } else {
            text + "\n"
        };
        if lost > 0 && has_room(&stderr, lost) && stderr.write_all(text.as_bytes()).is_ok() {
            LOST.fetch_sub(lost, Ordering::Relaxed);
        }
        let lost = LOST.load(Ordering::Relaxed);
        if !has_room(&stderr, lost) || stderr.write_all(line).is_err() {
            LOST.fetch_add(1, Ordering::Relaxed);
        }
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Whether a line can be written to a pipe or terminal without waiting for whoever reads there. A
/// slow reader is given time, once.
fn has_room(stderr: &impl AsFd, lost: u64) -> bool {
    let patience = PollTimeout::from(if lost == 0 { 1000u16 } else { 0 });
    let mut entry = [PollFd::new(stderr.as_fd(), PollFlags::POLLOUT)];
    loop {
        match poll(&mut entry, patience) {
            Err(Errno::EINTR) => {}
            found => return found != Ok(0),
        }
    }
}
