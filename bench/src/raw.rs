//! Signals with `libc` alone, in the obvious way: everything else is compared with this.

use libc::{c_int, sigset_t};
use std::mem::MaybeUninit;
use std::ptr;
use std::sync::atomic::{AtomicI32, AtomicUsize, Ordering::Relaxed};

pub static HITS: AtomicUsize = AtomicUsize::new(0);
static PIPE: AtomicI32 = AtomicI32::new(-1);

/// A handler that preserves `errno` and counts.
pub extern "C" fn count(_: c_int) {
    // SAFETY: the address of this thread's errno.
    let errno = unsafe { libc::__errno_location() };
    // SAFETY: as above.
    let kept = unsafe { *errno };
    HITS.fetch_add(1, Relaxed);
    // SAFETY: as above.
    unsafe { *errno = kept };
}

pub extern "C" fn nothing(_: c_int) {}

/// The handler of a self-pipe.
extern "C" fn notify(_: c_int) {
    // SAFETY: the address of this thread's errno; one byte.
    unsafe {
        let errno = libc::__errno_location();
        let kept = *errno;
        libc::write(PIPE.load(Relaxed), ptr::addr_of!(kept).cast(), 1);
        *errno = kept;
    }
}

#[inline(always)]
pub fn install(signal: c_int, handler: extern "C" fn(c_int)) {
    // SAFETY: made of integers; the handlers of this file are async-signal-safe.
    unsafe {
        let mut action: libc::sigaction = std::mem::zeroed();
        let mut old: libc::sigaction = std::mem::zeroed();
        action.sa_sigaction = handler as *const () as usize;
        action.sa_flags = libc::SA_RESTART;
        libc::sigemptyset(&mut action.sa_mask);
        assert_eq!(libc::sigaction(signal, &action, &mut old), 0);
    }
}

#[inline(always)]
pub fn query(signal: c_int) -> libc::sigaction {
    let mut old = MaybeUninit::zeroed();
    // SAFETY: `old` is valid for writes of the structure, which is made of integers.
    unsafe {
        assert_eq!(libc::sigaction(signal, ptr::null(), old.as_mut_ptr()), 0);
        old.assume_init()
    }
}

pub fn raise(signal: c_int) {
    // SAFETY: takes a plain value.
    unsafe { libc::raise(signal) };
}

pub fn set(signals: &[c_int]) -> sigset_t {
    let mut set = MaybeUninit::zeroed();
    // SAFETY: `set` is valid for writes of a set.
    unsafe {
        libc::sigemptyset(set.as_mut_ptr());
        for signal in signals {
            libc::sigaddset(set.as_mut_ptr(), *signal);
        }
        set.assume_init()
    }
}

#[inline(always)]
pub fn block(set: &sigset_t) -> sigset_t {
    let mut old = MaybeUninit::uninit();
    // SAFETY: `set` is a set, and `old` is valid for writes of one.
    unsafe {
        assert_eq!(libc::pthread_sigmask(libc::SIG_BLOCK, set, old.as_mut_ptr()), 0);
        old.assume_init()
    }
}

#[inline(always)]
pub fn restore(old: &sigset_t) {
    // SAFETY: `old` is a set.
    unsafe { assert_eq!(libc::pthread_sigmask(libc::SIG_SETMASK, old, ptr::null_mut()), 0) };
}

/// A non-blocking pipe, and a handler that writes to it.
pub struct SelfPipe(c_int);

impl SelfPipe {
    pub fn new(signal: c_int) -> SelfPipe {
        let mut fds = [-1; 2];
        // SAFETY: `fds` is valid for writes of two descriptors.
        let result = unsafe { libc::pipe2(fds.as_mut_ptr(), libc::O_NONBLOCK | libc::O_CLOEXEC) };
        assert_eq!(result, 0);
        PIPE.store(fds[1], Relaxed);
        install(signal, notify);
        SelfPipe(fds[0])
    }

    /// Reads until the pipe is empty.
    pub fn drain(&self) {
        let mut bytes = [0u8; 1024];
        // SAFETY: `bytes` is valid for writes of its length.
        while unsafe { libc::read(self.0, bytes.as_mut_ptr().cast(), bytes.len()) } > 0 {}
    }

    /// Sleeps until a signal has arrived.
    pub fn wait(&self) {
        let mut fd = libc::pollfd { fd: self.0, events: libc::POLLIN, revents: 0 };
        // SAFETY: one entry. It ends with EINTR when the handler has run.
        while unsafe { libc::poll(&mut fd, 1, -1) } < 1 {}
        self.drain();
    }
}
