//! The end of a process that must not go on. Async-signal-safe.

/// Writes the message to standard error and ends the process by SIGABRT.
#[cold]
#[inline(never)]
pub(crate) fn abort(message: &str) -> ! {
    // SAFETY: the bytes are there; the process ends whether they could be written or not.
    unsafe {
        libc::write(libc::STDERR_FILENO, message.as_ptr().cast(), message.len());
        libc::abort()
    }
}
