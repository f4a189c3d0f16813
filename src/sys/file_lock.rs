//! Locks on files that last as long as somebody has the file open.

#![cfg(feature = "std")]

use crate::errno::Result;
use libc::c_int;

cfg_if::cfg_if! {
    if #[cfg(has_flock)] {
        use crate::errno::check;

        /// Locks the file without waiting; `EAGAIN`: somebody else has. The lock belongs to the
        /// open file: a child that inherits the descriptor keeps it, and other descriptors of the
        /// same file can come and go.
        pub(crate) fn lock(fd: c_int) -> Result<()> {
            // SAFETY: takes plain values.
            check(unsafe { libc::flock(fd, libc::LOCK_EX | libc::LOCK_NB) }).map(drop)
        }

        /// For everybody who has the open file.
        pub(crate) fn unlock(fd: c_int) {
            // SAFETY: takes plain values.
            unsafe { libc::flock(fd, libc::LOCK_UN) };
        }
    } else if #[cfg(has_file_locks)] {
        use crate::errno::{check, Errno};
        use core::ptr;

        /// Locks the file without waiting; `EAGAIN`: another process has. The lock belongs to this
        /// process alone, and goes when it closes *any* descriptor of the file: POSIX wants it so.
        pub(crate) fn lock(fd: c_int) -> Result<()> {
            // SAFETY: a structure made of integers.
            let mut lock: libc::flock = unsafe { core::mem::zeroed() };
            lock.l_type = libc::F_WRLCK as _;
            lock.l_whence = libc::SEEK_SET as _;
            // SAFETY: the command reads one such structure.
            match check(unsafe { libc::fcntl(fd, libc::F_SETLK, ptr::addr_of!(lock)) }) {
                // POSIX allows both for a lock that somebody holds.
                Err(Errno::EACCES) => Err(Errno::EAGAIN),
                locked => locked.map(drop),
            }
        }

        /// It goes when the caller closes the descriptor.
        pub(crate) fn unlock(_: c_int) {}
    } else {
        pub(crate) fn lock(_: c_int) -> Result<()> {
            Err(crate::Errno::ENOSYS)
        }

        pub(crate) fn unlock(_: c_int) {}
    }
}
