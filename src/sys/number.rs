//! Signal numbers: those that `libc` does not export, the highest one, and the realtime range.

use libc::c_int;

cfg_if::cfg_if! {
    if #[cfg(all(any(target_os = "linux", target_os = "android"), any(
        target_arch = "mips", target_arch = "mips64", target_arch = "mips32r6", target_arch = "mips64r6",
    )))] {
        pub(crate) const HIGHEST: c_int = 127;
        // Some versions of libc give 64-bit MIPS under glibc the numbers and the struct sigaction
        // of x86. Corrupting memory is no option.
        const _: () = assert!(
            libc::SIGCHLD == 18,
            "this version of the libc crate has the wrong signal numbers for this target: use 0.2.189 or older"
        );
    } else if #[cfg(target_vendor = "apple")] {
        pub(crate) const HIGHEST: c_int = 31;
    } else if #[cfg(target_os = "freebsd")] {
        pub(crate) const HIGHEST: c_int = 128; // _SIG_MAXSIG; NSIG says 32
    } else if #[cfg(any(target_os = "netbsd", target_os = "dragonfly"))] {
        pub(crate) const HIGHEST: c_int = 63;
    } else if #[cfg(any(target_os = "openbsd", target_os = "hurd"))] {
        pub(crate) const HIGHEST: c_int = 32;
    } else if #[cfg(any(target_os = "illumos", target_os = "solaris"))] {
        pub(crate) const HIGHEST: c_int = 73;
    } else if #[cfg(target_os = "aix")] {
        pub(crate) const HIGHEST: c_int = 255;
    } else {
        pub(crate) const HIGHEST: c_int = 64;
    }
}

cfg_if::cfg_if! {
    if #[cfg(not(has_realtime))] {
        pub(crate) fn realtime() -> Option<(c_int, c_int)> {
            None
        }
    } else if #[cfg(target_os = "freebsd")] {
        pub(crate) fn realtime() -> Option<(c_int, c_int)> {
            Some((65, 126))
        }
    } else if #[cfg(target_os = "netbsd")] {
        pub(crate) fn realtime() -> Option<(c_int, c_int)> {
            Some((33, 63))
        }
    } else if #[cfg(target_os = "nto")] {
        pub(crate) fn realtime() -> Option<(c_int, c_int)> {
            Some((41, 56))
        }
    } else if #[cfg(target_os = "cygwin")] {
        pub(crate) fn realtime() -> Option<(c_int, c_int)> {
            Some((32, 64))
        }
    } else if #[cfg(target_os = "redox")] {
        pub(crate) fn realtime() -> Option<(c_int, c_int)> {
            Some((35, 64))
        }
    } else if #[cfg(target_os = "aix")] {
        pub(crate) fn realtime() -> Option<(c_int, c_int)> {
            Some((libc::SIGRTMIN, libc::SIGRTMAX))
        }
    } else if #[cfg(target_os = "haiku")] {
        extern "C" {
            fn __signal_get_sigrtmin() -> c_int;
            fn __signal_get_sigrtmax() -> c_int;
        }
        pub(crate) fn realtime() -> Option<(c_int, c_int)> {
            // SAFETY: both take nothing and return a constant of the running system.
            unsafe { Some((__signal_get_sigrtmin(), __signal_get_sigrtmax())) }
        }
    } else {
        /// The first and the last realtime signal of the running C library, which keeps some for
        /// itself.
        pub(crate) fn realtime() -> Option<(c_int, c_int)> {
            Some((libc::SIGRTMIN(), libc::SIGRTMAX()))
        }
    }
}

#[cfg(has_sigemt)]
pub(crate) const SIGEMT: c_int = 7;
#[cfg(has_sigpwr)]
cfg_if::cfg_if! {
    if #[cfg(target_os = "netbsd")] {
        pub(crate) const SIGPWR: c_int = 32;
    } else {
        pub(crate) use libc::SIGPWR;
    }
}
#[cfg(has_sigthr)]
pub(crate) const SIGTHR: c_int = 32;
#[cfg(has_siglibrt)]
pub(crate) const SIGLIBRT: c_int = 33;
