//! Locks on files that a process holds as long as it lives.

use crate::errno::Result;
use libc::c_int;

cfg_if::cfg_if! {
    if #[cfg(has_file_locks)] {
        /// Locks the file for writing, without waiting. `EAGAIN` or `EACCES`: another process has.
        pub(crate) fn lock(fd: c_int) -> Result<()> {
            // SAFETY: a structure made of integers.
            let mut lock: libc::flock = unsafe { core::mem::zeroed() };
            lock.l_type = libc::F_WRLCK as _;
            lock.l_whence = libc::SEEK_SET as _;
            // SAFETY: the command reads one such structure.
            crate::errno::check(unsafe { libc::fcntl(fd, libc::F_SETLK, core::ptr::addr_of!(lock)) }).map(drop)
        }
    } else {
        pub(crate) fn lock(_: c_int) -> Result<()> {
            Err(crate::Errno::ENOSYS)
        }
    }
}
