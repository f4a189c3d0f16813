//! What the tests share.

#![allow(dead_code)] // not every platform and set of features uses all of it

pub mod load;
pub mod package;
pub mod process;
pub mod raw;
pub mod strace;
#[cfg(all(target_os = "linux", target_arch = "x86_64"))]
pub mod tracer;

pub use crate::harness::skip;

use signal::child::Status;
use signal::{Action, Errno, Pid, Signal, SignalSet};
use std::fs::File;
use std::io::{self, Read, Write};
#[cfg(feature = "std")]
use std::os::unix::io::{AsFd, BorrowedFd};
use std::os::unix::io::{AsRawFd, FromRawFd, RawFd};
use std::panic::{catch_unwind, AssertUnwindSafe};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst};
use std::time::{Duration, Instant};

/// For handlers. Each test has its own, since it has a process of its own.
pub static FLAG: AtomicBool = AtomicBool::new(false);
pub static COUNT: AtomicUsize = AtomicUsize::new(0);

pub fn count() -> usize {
    COUNT.load(SeqCst)
}

/// Skips the test where the platform lacks something.
pub fn needs(has: bool, otherwise: &str) {
    if !has {
        skip(otherwise)
    }
}

/// `SIGRTMIN` and so many.
pub fn realtime_or_skip(offset: u32) -> Signal {
    Signal::realtime(offset).unwrap_or_else(|| skip("no realtime signals here"))
}

/// The signals that the C library reserves: no program can put them into a set.
pub fn reserved_signals() -> Vec<Signal> {
    let known: Vec<Signal> = Signal::all().collect();
    let reserved =
        |signal: &Signal| !known.contains(signal) && !SignalSet::full().contains(*signal);
    (1..=1000).filter_map(Signal::from_raw).filter(reserved).collect()
}

/// As the library reports errors.
pub fn errno<T>(result: io::Result<T>) -> Result<T, Errno> {
    result.map_err(|error| Errno::from_raw_os_error(error.raw_os_error().expect("of the system")))
}

/// A heavy count, smaller where `SIGNAL_TEST_SCALE` asks for it.
pub fn scaled(count: usize) -> usize {
    let divisor =
        std::env::var("SIGNAL_TEST_SCALE").ok().and_then(|text| text.parse().ok()).unwrap_or(1);
    (count / divisor).max(1)
}

/// Forks a child that runs `body` and exits with the code that it returns; 101 if it panics.
pub fn fork(body: impl FnOnce() -> i32) -> Pid {
    io::stdout().flush().unwrap();
    // SAFETY: the tests fork from one thread, or the child uses only what a fork leaves intact.
    match unsafe { libc::fork() } {
        0 => {
            let code = catch_unwind(AssertUnwindSafe(body)).unwrap_or(101);
            // SAFETY: ends the child without running the parent's destructors.
            unsafe { libc::_exit(code) }
        }
        pid => Pid::from_raw(pid).expect("fork"),
    }
}

/// Waits for a child to end.
pub fn wait_for(pid: Pid) -> Status {
    Status::from_raw(process::wait(pid, 0))
}

/// Runs `body` in a child, which then exits with code 0; how the child ended.
pub fn status_of(body: impl FnOnce()) -> Status {
    wait_for(fork(|| {
        body();
        0
    }))
}

/// Runs `body` in a child and expects that to end with code 0.
pub fn in_child(body: impl FnOnce()) {
    let status = status_of(body);
    assert!(status.success(), "the child {status}");
}

/// Looks until `condition` holds, for a minute at most.
pub fn eventually(what: &str, mut condition: impl FnMut() -> bool) {
    let start = Instant::now();
    while !condition() {
        assert!(start.elapsed() < Duration::from_secs(60), "never happened: {what}");
        std::thread::yield_now();
    }
}

/// Sleeps for so many milliseconds; true if a signal ended that. A pace: no test relies on it.
pub fn pause(milliseconds: i32) -> bool {
    // SAFETY: no entries.
    let interrupted = unsafe { libc::poll(std::ptr::null_mut(), 0, milliseconds) } != 0;
    assert!(!interrupted || Errno::last() == Errno::EINTR, "poll: {}", Errno::last());
    interrupted
}

/// The two ends of a pipe: the one to read from, and the one to write to.
pub fn pipe() -> (File, File) {
    let mut fds = [-1; 2];
    // SAFETY: room for two descriptors, which have no other owner.
    unsafe {
        assert_eq!(libc::pipe(fds.as_mut_ptr()), 0);
        (File::from_raw_fd(fds[0]), File::from_raw_fd(fds[1]))
    }
}

/// A descriptor as the library takes it.
#[cfg(feature = "std")]
pub fn fd(file: &impl AsFd) -> BorrowedFd<'_> {
    file.as_fd()
}

#[cfg(not(feature = "std"))]
pub fn fd(file: &impl AsRawFd) -> RawFd {
    file.as_raw_fd()
}

/// A number that nothing keeps open, as the library takes it.
#[cfg(feature = "std")]
pub fn bare_fd(number: RawFd) -> BorrowedFd<'static> {
    // SAFETY: not -1; the tests see that it is refused or harmless.
    unsafe { BorrowedFd::borrow_raw(number) }
}

#[cfg(not(feature = "std"))]
pub fn bare_fd(number: RawFd) -> RawFd {
    number
}

/// One process tells another that it has come so far: each `open` lets one `wait` pass.
pub struct Latch {
    read: File,
    write: File,
}

impl Latch {
    pub fn new() -> Latch {
        let (read, write) = pipe();
        Latch { read, write }
    }

    /// For a handler that opens the latch by writing a byte.
    pub fn write_end(&self) -> RawFd {
        self.write.as_raw_fd()
    }

    pub fn open(&self) {
        (&self.write).write_all(b"x").unwrap();
    }

    pub fn wait(&self) {
        (&self.read).read_exact(&mut [0]).unwrap();
    }
}

/// The process group of the test.
pub fn own_group() -> Pid {
    // SAFETY: takes nothing.
    Pid::from_raw(unsafe { libc::getpgrp() }).unwrap()
}

/// The open descriptors of this process below 256.
pub fn open_descriptors() -> Vec<i32> {
    // SAFETY: asks for flags.
    (0..256).filter(|fd| unsafe { libc::fcntl(*fd, libc::F_GETFD) } != -1).collect()
}

/// What every error path must leave alone: all actions, the mask of the thread, the descriptors.
pub fn signal_state() -> (Vec<Option<Action>>, SignalSet, Vec<i32>) {
    let actions = (1..=128).filter_map(Signal::from_raw).map(|signal| signal::query(signal).ok());
    (actions.collect(), signal::blocked(), open_descriptors())
}
