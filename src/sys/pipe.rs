//! Pipes whose ends an `exec` closes, above the standard descriptors.

use crate::errno::{check, Errno, Result};
use libc::c_int;

/// The end to read from and the end to write to.
pub(crate) fn pipe() -> Result<[c_int; 2]> {
    // An old kernel or a sandbox may not know the first; both fail for want of descriptors.
    let [read, write] = close_on_exec_pipe().or_else(|_| plain_pipe())?;
    let read = above_stdio(read);
    match (read, above_stdio(write)) {
        (Ok(read), Ok(write)) => Ok([read, write]),
        (Ok(fd), Err(error)) | (Err(error), Ok(fd)) => {
            // SAFETY: made above.
            unsafe { libc::close(fd) };
            Err(error)
        }
        (Err(error), Err(_)) => Err(error),
    }
}

cfg_if::cfg_if! {
    if #[cfg(has_pipe2)] {
        fn close_on_exec_pipe() -> Result<[c_int; 2]> {
            let mut fds = [-1; 2];
            // SAFETY: the array has room for the two descriptors.
            check(unsafe { libc::pipe2(fds.as_mut_ptr(), libc::O_CLOEXEC) })?;
            Ok(fds)
        }
    } else {
        fn close_on_exec_pipe() -> Result<[c_int; 2]> {
            Err(Errno::ENOSYS)
        }
    }
}

/// Between `pipe` and `fcntl` another thread's `exec` can carry the ends away: there is nothing
/// better.
fn plain_pipe() -> Result<[c_int; 2]> {
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

/// The same open file under a number above the standard ones, which others take for theirs. On an
/// error it is closed: `EMFILE` where the limit allows no such number.
pub(crate) fn above_stdio(fd: c_int) -> Result<c_int> {
    if fd > libc::STDERR_FILENO {
        return Ok(fd);
    }
    // SAFETY: takes plain values.
    let moved = check(unsafe { libc::fcntl(fd, libc::F_DUPFD_CLOEXEC, libc::STDERR_FILENO + 1) });
    // SAFETY: the caller has given it up.
    unsafe { libc::close(fd) };
    moved.map_err(|error| if error == Errno::EINVAL { Errno::EMFILE } else { error })
}

pub(crate) fn close_on_exec(fd: c_int) -> Result<()> {
    // SAFETY: takes plain values.
    check(unsafe { libc::fcntl(fd, libc::F_SETFD, libc::FD_CLOEXEC) }).map(drop)
}
