//! Where the calling thread's `errno` lives.

use libc::c_int;

cfg_if::cfg_if! {
    if #[cfg(any(target_os = "linux", target_os = "dragonfly", target_os = "hurd", target_os = "redox"))] {
        use libc::__errno_location as location;
    } else if #[cfg(any(target_vendor = "apple", target_os = "freebsd"))] {
        use libc::__error as location;
    } else if #[cfg(any(target_os = "illumos", target_os = "solaris"))] {
        use libc::___errno as location;
    } else if #[cfg(target_os = "haiku")] {
        use libc::_errnop as location;
    } else if #[cfg(target_os = "nto")] {
        use libc::__get_errno_ptr as location;
    } else if #[cfg(target_os = "aix")] {
        use libc::_Errno as location;
    } else {
        // Android, NetBSD, OpenBSD, Cygwin.
        use libc::__errno as location;
    }
}

pub(crate) fn get() -> c_int {
    // SAFETY: the location is the calling thread's own, valid as long as the thread lives.
    unsafe { *location() }
}

pub(crate) fn set(value: c_int) {
    // SAFETY: as in `get`.
    unsafe { *location() = value }
}
