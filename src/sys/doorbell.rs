//! What wakes the reader of a self-pipe: an eventfd, or a pipe where there is none. Non-blocking, close-on-exec.

use crate::errno::{check, Result};
use crate::sys::pipe::close_on_exec;
use libc::c_int;

/// The descriptors to read and to write: the same one for an eventfd.
#[derive(Clone, Copy)]
pub(crate) struct Doorbell {
    pub(crate) read: c_int,
    pub(crate) write: c_int,
}

cfg_if::cfg_if! {
    if #[cfg(has_eventfd)] {
        fn create() -> Result<Doorbell> {
            // SAFETY: takes plain values.
            let fd = check(unsafe { libc::eventfd(0, libc::EFD_NONBLOCK | libc::EFD_CLOEXEC) })?;
            Ok(Doorbell { read: fd, write: fd })
        }
    } else {
        fn create() -> Result<Doorbell> {
            let fds = crate::sys::pipe::pipe()?;
            let bell = Doorbell { read: fds[0], write: fds[1] };
            for fd in fds {
                // SAFETY: the descriptor was made above.
                if let Err(error) = check(unsafe { libc::fcntl(fd, libc::F_SETFL, libc::O_NONBLOCK) }) {
                    bell.close();
                    return Err(error);
                }
            }
            Ok(bell)
        }
    }
}

impl Doorbell {
    pub(crate) fn new() -> Result<Doorbell> {
        create()
    }

    /// Puts a new doorbell under the numbers of this one.
    pub(crate) fn renew(self) -> Result<()> {
        let new = create()?;
        let mut moved = put(new.read, self.read);
        if self.write != self.read {
            moved = moved.and_then(|()| put(new.write, self.write));
        }
        new.close();
        moved
    }

    /// Async-signal-safe.
    pub(crate) fn close(self) {
        // The writing end first, so that nobody meets a pipe without a reader.
        // SAFETY: whoever calls this owns the descriptors and gives them up.
        unsafe { libc::close(self.write) };
        if self.read != self.write {
            // SAFETY: as above.
            unsafe { libc::close(self.read) };
        }
    }
}

fn put(fd: c_int, number: c_int) -> Result<()> {
    // SAFETY: the caller owns both descriptors.
    check(unsafe { libc::dup2(fd, number) })?;
    close_on_exec(number)
}
