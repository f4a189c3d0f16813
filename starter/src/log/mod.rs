//! The log: one line for each event, and what services say. It is written by a thread of its own:
//! that it cannot be written stops nothing.

mod format;
mod queue;
mod syslog;
mod target;

pub use self::queue::{room, spawn_quiet, Room};

use self::queue::Queue;
use self::target::Target;
use std::io::{self, Write};
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc;
use std::sync::OnceLock;
use std::time::Duration;
use tracing_appender::non_blocking::WorkerGuard;
use tracing_subscriber::fmt;

#[derive(Clone, Copy, Debug, PartialEq, clap::ValueEnum)]
pub enum Log {
    /// Lines for people, on standard error or in the file
    Stderr,
    /// One JSON object a line, on standard error or in the file
    Json,
    /// The system's log
    Syslog,
}

/// How lines of services are written. Set once.
static FORM: OnceLock<Log> = OnceLock::new();

/// The log's file is to be opened again: somebody has moved it away.
static REOPEN: AtomicBool = AtomicBool::new(false);

/// Dropping it writes what waits to be written, for a second at most.
pub struct Guard(Option<WorkerGuard>);

/// Begins with it. `file` takes the place of standard error. The process must be where it stays:
/// this starts a thread.
pub fn init(log: Log, file: Option<PathBuf>) -> io::Result<Guard> {
    let lines = fmt().log_internal_errors(false).with_ansi(false).with_target(false);
    FORM.get_or_init(|| log);
    if log == Log::Syslog {
        lines.without_time().with_level(false).with_writer(syslog::Syslog).init();
        return Ok(Guard(None));
    }
    let guard = queue::start(Target::open(file)?, log == Log::Json)?;
    match log {
        Log::Json => lines.json().flatten_event(true).with_writer(|| Queue).init(),
        _ => lines.with_writer(|| Queue).init(),
    }
    Ok(Guard(Some(guard)))
}

pub fn reopen() {
    REOPEN.store(true, Ordering::Relaxed);
}

/// Whole lines that a service has written.
pub fn output(name: &str, text: &[u8]) {
    // A log that cannot be written counts what is lost.
    let _ = match FORM.get() {
        Some(Log::Json) => Queue.write_all(&format::json(name, text)),
        Some(Log::Syslog) => {
            let mut lines = text.split_inclusive(|byte| *byte == b'\n');
            lines.try_for_each(|line| syslog::send(6, &format::plain(name, line)))
        }
        _ => Queue.write_all(&format::plain(name, text)),
    };
}

impl Drop for Guard {
    fn drop(&mut self) {
        let Some(guard) = self.0.take() else { return };
        // It waits for the thread for a second, but if the queue is full it writes to standard
        // output, which may be the very terminal that nobody reads: that must not be waited for.
        let (done, finished) = mpsc::channel();
        let waiter = queue::spawn_quiet(move || {
            drop(guard);
            let _ = done.send(());
        });
        if waiter.is_ok() {
            let _ = finished.recv_timeout(Duration::from_millis(1200));
        }
    }
}
