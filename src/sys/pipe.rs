//! Pipes whose ends an `exec` closes.

use crate::errno::{check, Result};
use libc::c_int;

cfg_if::cfg_if! {
    if #[cfg(has_pipe2)] {
        /// The end to read from and the end to write to.
        pub(crate) fn pipe() -> Result<[c_int; 2]> {
            let mut fds = [-1; 2];
            // SAFETY: the array has room for the two descriptors.
            check(unsafe { libc::pipe2(fds.as_mut_ptr(), libc::O_CLOEXEC) })?;
            Ok(fds)
        }
    } else {
        /// The end to read from and the end to write to. Between `pipe` and `fcntl` another thread's `exec` can carry them
        /// away: the platform offers nothing better.
        pub(crate) fn pipe() -> Result<[c_int; 2]> {
            let mut fds = [-1; 2];
            // SAFETY: the array has room for the two descriptors.
            check(unsafe { libc::pipe(fds.as_mut_ptr()) })?;
            if let Err(error) = close_on_exec(fds[0]).and_then(|()| close_on_exec(fds[1])) {
                // SAFETY: both were made above.
                unsafe {
                    libc::close(fds[0]);
                    libc::close(fds[1]);
                }
                return Err(error);
            }
            Ok(fds)
        }
    }
}

pub(crate) fn close_on_exec(fd: c_int) -> Result<()> {
    // SAFETY: takes plain values.
    check(unsafe { libc::fcntl(fd, libc::F_SETFD, libc::FD_CLOEXEC) }).map(drop)
}
