//! Who is told of I/O on a descriptor, and whether.

use crate::errno::Result;
use libc::c_int;

cfg_if::cfg_if! {
    if #[cfg(has_setown)] {
        pub(crate) fn set(fd: c_int, owner: c_int) -> Result<()> {
            // SAFETY: takes plain values.
            crate::errno::check(unsafe { libc::fcntl(fd, libc::F_SETOWN, owner) }).map(drop)
        }

        /// Without an owner, F_GETOWN of glibc, which asks for the structure too, returns garbage in
        /// gVisor, which then writes nothing.
        #[cfg(has_setsig)]
        pub(crate) fn get(fd: c_int) -> Result<c_int> {
            // `struct f_owner_ex`: the kind and the number.
            let mut owner = [0; 2];
            // SAFETY: room for the structure.
            crate::errno::check(unsafe { libc::fcntl(fd, F_GETOWN_EX, &mut owner) })?;
            Ok(if owner[0] == F_OWNER_PGRP { -owner[1] } else { owner[1] })
        }

        #[cfg(not(has_setsig))]
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
            crate::errno::check(unsafe { libc::fcntl(fd, libc::F_SETFL, flags) })?;
            // Linux leaves the flag out for a file that never tells, and says nothing.
            #[cfg(any(target_os = "linux", target_os = "android"))]
            {
                // SAFETY: takes plain values.
                if on && unsafe { libc::fcntl(fd, libc::F_GETFL) } & libc::O_ASYNC == 0 {
                    return Err(crate::Errno::from_raw_os_error(libc::EOPNOTSUPP));
                }
            }
            Ok(())
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
        // The same on every processor; `libc` does not export them everywhere.
        pub(crate) const F_SETSIG: c_int = 10;
        pub(crate) const F_GETOWN_EX: c_int = 16;
        pub(crate) const F_OWNER_PGRP: c_int = 2;

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
