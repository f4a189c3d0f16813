//! Who is told of I/O on a descriptor, and whether.

use crate::errno::Result;
use libc::c_int;

cfg_if::cfg_if! {
    if #[cfg(has_setown)] {
        pub(crate) fn set(fd: c_int, owner: c_int) -> Result<()> {
            // SAFETY: takes plain values.
            crate::errno::check(unsafe { libc::fcntl(fd, libc::F_SETOWN, owner) }).map(drop)
        }

        pub(crate) fn get(fd: c_int) -> Result<c_int> {
            crate::sys::errno::set(0);
            // SAFETY: takes plain values.
            let owner = unsafe { libc::fcntl(fd, libc::F_GETOWN) };
            // Group 1 looks like an error and is none.
            if owner == -1 && crate::sys::errno::get() != 0 {
                return Err(crate::Errno::last());
            }
            Ok(owner)
        }
    } else {
        pub(crate) fn set(_: c_int, _: c_int) -> Result<()> {
            Err(crate::Errno::ENOSYS)
        }

        pub(crate) fn get(_: c_int) -> Result<c_int> {
            Err(crate::Errno::ENOSYS)
        }
    }
}

cfg_if::cfg_if! {
    if #[cfg(has_o_async)] {
        pub(crate) fn notify(fd: c_int, on: bool) -> Result<()> {
            // SAFETY: takes plain values.
            let flags = crate::errno::check(unsafe { libc::fcntl(fd, libc::F_GETFL) })?;
            let flags = if on { flags | libc::O_ASYNC } else { flags & !libc::O_ASYNC };
            // SAFETY: takes plain values.
            crate::errno::check(unsafe { libc::fcntl(fd, libc::F_SETFL, flags) }).map(drop)
        }
    } else if #[cfg(has_fioasync)] {
        pub(crate) fn notify(fd: c_int, on: bool) -> Result<()> {
            let on = c_int::from(on);
            // SAFETY: the request reads one int.
            crate::errno::check(unsafe { libc::ioctl(fd, libc::FIOASYNC as _, &on) }).map(drop)
        }
    } else {
        pub(crate) fn notify(_: c_int, _: bool) -> Result<()> {
            Err(crate::Errno::ENOSYS)
        }
    }
}

cfg_if::cfg_if! {
    if #[cfg(has_setsig)] {
        /// The same on every processor; `libc` does not export it everywhere.
        pub(crate) const F_SETSIG: c_int = 10;

        /// 0 is the default: SIGIO, without saying what has become possible.
        pub(crate) fn signal(fd: c_int, signal: c_int) -> Result<()> {
            // SAFETY: takes plain values.
            crate::errno::check(unsafe { libc::fcntl(fd, F_SETSIG, signal) }).map(drop)
        }
    } else {
        pub(crate) fn signal(_: c_int, _: c_int) -> Result<()> {
            Err(crate::Errno::ENOSYS)
        }
    }
}
