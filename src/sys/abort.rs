//! The end of a process that must not continue. Async-signal-safe.

use core::fmt;

/// Standard error, without a buffer or a lock.
pub(crate) struct Stderr;

impl fmt::Write for Stderr {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        // SAFETY: the bytes are there; what cannot be written is lost.
        unsafe { libc::write(libc::STDERR_FILENO, text.as_ptr().cast(), text.len()) };
        Ok(())
    }
}

/// Writes the message to standard error and ends the process by SIGABRT.
#[cold]
#[inline(never)]
pub(crate) fn abort(message: &str) -> ! {
    let _ = fmt::Write::write_str(&mut Stderr, message);
    // SAFETY: takes nothing.
    unsafe { libc::abort() }
}
