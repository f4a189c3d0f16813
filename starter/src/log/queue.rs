//! Between whoever has something to say and the thread that writes it. Neither waits for the other:
//! what does not fit is counted, and the count is a line of its own as soon as there is room.

use super::target::Target;
use std::io::{self, Write};
use std::panic::{self, AssertUnwindSafe};
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering::Relaxed};
use std::sync::OnceLock;
use std::thread;
use std::time::{Duration, Instant};
use tracing_appender::non_blocking::{NonBlocking, NonBlockingBuilder, WorkerGuard};

/// Messages and bytes that wait at most.
const MESSAGES: usize = 1024;
const BYTES: usize = 1 << 20;

/// Beyond this, services wait; the rest is for the starter's own lines.
const SERVICES: usize = BYTES / 4;

/// A log that has written nothing for so long counts as stuck.
const STUCK: Duration = Duration::from_secs(1);

struct Shared {
    sender: OnceLock<NonBlocking>,
    messages: AtomicUsize,
    bytes: AtomicUsize,
    /// Lines that could not be written and have not been told of.
    lost: AtomicU64,
    /// Milliseconds since `BEGAN` when something was last written, or first waited.
    moved: AtomicU64,
}

static SHARED: Shared = Shared {
    sender: OnceLock::new(),
    messages: AtomicUsize::new(0),
    bytes: AtomicUsize::new(0),
    lost: AtomicU64::new(0),
    moved: AtomicU64::new(0),
};

fn milliseconds() -> u64 {
    static BEGAN: OnceLock<Instant> = OnceLock::new();
    BEGAN.get_or_init(Instant::now).elapsed().as_millis() as u64
}

fn lines(text: &[u8]) -> u64 {
    text.iter().filter(|byte| **byte == b'\n').count().max(1) as u64
}

/// Starts the thread, in which every signal is blocked: they are for the loop.
pub fn start(target: Target, json: bool) -> io::Result<WorkerGuard> {
    let _blocked = signal::BlockGuard::new(signal::SignalSet::full());
    let writer = Writer { target, json, mid_line: false };
    let builder = NonBlockingBuilder::default().buffered_lines_limit(MESSAGES).thread_name("log");
    // Where no thread can be started the builder panics, and a message of its own is no help.
    let hook = panic::take_hook();
    panic::set_hook(Box::new(|_| {}));
    let made = panic::catch_unwind(AssertUnwindSafe(|| builder.finish(writer)));
    panic::set_hook(hook);
    let (sender, guard) = made.map_err(|_| {
        io::Error::other(
            "no thread can be started for the log: raise `ulimit -u` or the cgroup's pids.max",
        )
    })?;
    SHARED.sender.get_or_init(|| sender);
    Ok(guard)
}

/// A thread in which every signal is blocked.
pub fn spawn_quiet(work: impl FnOnce() + Send + 'static) -> io::Result<()> {
    let _blocked = signal::BlockGuard::new(signal::SignalSet::full());
    thread::Builder::new().spawn(work).map(drop)
}

/// The side of those who have something to say.
pub struct Queue;

impl Write for Queue {
    fn write(&mut self, text: &[u8]) -> io::Result<usize> {
        let Some(sender) = SHARED.sender.get() else { return Ok(text.len()) };
        let waiting = SHARED.messages.fetch_add(1, Relaxed);
        let bytes = SHARED.bytes.fetch_add(text.len(), Relaxed);
        if waiting == 0 {
            SHARED.moved.store(milliseconds(), Relaxed);
        }
        if waiting < MESSAGES && bytes + text.len() <= BYTES {
            sender.clone().write_all(text)?;
        } else {
            SHARED.lost.fetch_add(lines(text), Relaxed);
            taken(text);
        }
        Ok(text.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn taken(text: &[u8]) {
    SHARED.messages.fetch_sub(1, Relaxed);
    SHARED.bytes.fetch_sub(text.len(), Relaxed);
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Room {
    Yes,
    /// Soon: it is being written.
    Later,
    /// Nobody takes it: who waits would wait for long.
    Stuck,
}

/// Whether there is room for what services say.
pub fn room() -> Room {
    let full =
        SHARED.bytes.load(Relaxed) > SERVICES || SHARED.messages.load(Relaxed) > MESSAGES / 2;
    let since = milliseconds().saturating_sub(SHARED.moved.load(Relaxed));
    match full {
        false => Room::Yes,
        true if since < STUCK.as_millis() as u64 => Room::Later,
        true => Room::Stuck,
    }
}

/// The side of the thread.
struct Writer {
    target: Target,
    json: bool,
    /// A line has been written in part.
    mid_line: bool,
}

impl Writer {
    /// `false`: not all of it has been written.
    fn put(&mut self, text: &[u8]) -> bool {
        let end = if self.mid_line { &b"\n"[..] } else { b"" };
        for mut rest in [end, text] {
            while !rest.is_empty() {
                match self.target.write(rest) {
                    Ok(0) => return false,
                    Ok(length) => {
                        self.mid_line = rest[length - 1] != b'\n';
                        rest = &rest[length..];
                        SHARED.moved.store(milliseconds(), Relaxed);
                    }
                    Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                    Err(_) => return false,
                }
            }
        }
        true
    }

    fn tell_of_lost(&mut self) {
        let lost = SHARED.lost.load(Relaxed);
        if lost == 0 {
            return;
        }
        let text = format!("{lost} lines of the log could not be written");
        let text = if self.json {
            format!("{{\"level\":\"ERROR\",\"message\":\"{text}\"}}\n")
        } else {
            text + "\n"
        };
        if self.put(text.as_bytes()) {
            SHARED.lost.fetch_sub(lost, Relaxed);
        }
    }
}

impl Write for Writer {
    fn write(&mut self, text: &[u8]) -> io::Result<usize> {
        self.tell_of_lost();
        if !self.put(text) {
            SHARED.lost.fetch_add(lines(text), Relaxed);
        }
        taken(text);
        Ok(text.len())
    }

    /// All that waited has been written.
    fn flush(&mut self) -> io::Result<()> {
        self.tell_of_lost();
        Ok(())
    }
}
