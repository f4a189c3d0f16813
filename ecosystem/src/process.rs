//! Children that are forked, and how they end.

use libc::{c_int, pid_t};
use std::panic::{catch_unwind, AssertUnwindSafe};

/// A child in which something was wrong, and one that panicked.
pub const WRONG: c_int = 1;
const PANICKED: c_int = 101;

/// A step that takes longer hangs: the child dies by SIGALRM.
const LIMIT: u32 = 60;

/// How a child has ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    Exit(c_int),
    Signal(c_int),
}

/// Runs `body` in a child, whose exit code it returns.
pub fn fork(body: impl FnOnce() -> c_int) -> pid_t {
    // SAFETY: this process has one thread; or those of an event loop too, and then the child takes
    // no lock that they may have held, except the allocator's, which the C library sees to.
    match unsafe { libc::fork() } {
        -1 => panic!("fork: {}", std::io::Error::last_os_error()),
        0 => {
            limit(LIMIT);
            let code = catch_unwind(AssertUnwindSafe(body)).unwrap_or(PANICKED);
            // SAFETY: ends the child; nothing of the parent's is flushed or dropped.
            unsafe { libc::_exit(code) }
        }
        child => child,
    }
}

/// How long the calling process may live on, 0 for ever.
pub fn limit(seconds: u32) {
    // SAFETY: takes a plain value.
    unsafe { libc::alarm(seconds) };
}

/// Waits for a child, or for any with -1.
pub fn wait(child: pid_t) -> (pid_t, End) {
    loop {
        let mut status = 0;
        // SAFETY: room for the status.
        let ended = unsafe { libc::waitpid(child, &mut status, 0) };
        if ended > 0 && libc::WIFEXITED(status) {
            return (ended, End::Exit(libc::WEXITSTATUS(status)));
        }
        if ended > 0 {
            return (ended, End::Signal(libc::WTERMSIG(status)));
        }
        let error = std::io::Error::last_os_error();
        assert_eq!(error.raw_os_error(), Some(libc::EINTR), "waitpid: {error}");
    }
}

/// How `body` ends in a child.
pub fn run(body: impl FnOnce() -> c_int) -> End {
    wait(fork(body)).1
}

/// No core files, and an overflow of the stack ends a process soon and in silence: the first
/// version has many.
pub fn prepare() {
    let set = |resource, size| {
        let mut limit = libc::rlimit { rlim_cur: 0, rlim_max: 0 };
        // SAFETY: room for the limit, and then a whole structure. What cannot be set stays.
        unsafe {
            libc::getrlimit(resource, &mut limit);
            limit.rlim_cur = limit.rlim_max.min(size);
            libc::setrlimit(resource, &limit);
        }
    };
    set(libc::RLIMIT_STACK, 512 << 10);
    set(libc::RLIMIT_CORE, 0);
    // SAFETY: takes plain values.
    unsafe { libc::signal(libc::SIGSEGV, libc::SIG_DFL) };
}
