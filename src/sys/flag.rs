//! `SA_` flags: zero where the platform has none, which leaves the default behaviour of that
//! platform.

/// Whether `flag` is among `flags`: never, where the platform does not have it.
pub(crate) const fn has(flags: u32, flag: u32) -> bool {
    flags & flag != 0
}

pub(crate) const NOCLDSTOP: u32 = libc::SA_NOCLDSTOP as u32;
pub(crate) const RESETHAND: u32 = libc::SA_RESETHAND as u32;
pub(crate) const NODEFER: u32 = libc::SA_NODEFER as u32;
pub(crate) const SIGINFO: u32 = libc::SA_SIGINFO as u32;

cfg_if::cfg_if! {
    if #[cfg(has_sa_restart)] {
        pub(crate) const RESTART: u32 = libc::SA_RESTART as u32;
    } else {
        pub(crate) const RESTART: u32 = 0;
    }
}

cfg_if::cfg_if! {
    if #[cfg(has_sa_onstack)] {
        pub(crate) const ONSTACK: u32 = libc::SA_ONSTACK as u32;
    } else {
        #[allow(dead_code)]
        pub(crate) const ONSTACK: u32 = 0;
    }
}

cfg_if::cfg_if! {
    if #[cfg(has_sa_nocldwait)] {
        pub(crate) const NOCLDWAIT: u32 = libc::SA_NOCLDWAIT as u32;
    } else {
        pub(crate) const NOCLDWAIT: u32 = 0;
    }
}

cfg_if::cfg_if! {
    if #[cfg(all(has_sa_interrupt, any(target_arch = "sparc", target_arch = "sparc64")))] {
        pub(crate) const INTERRUPT: u32 = 0x10;
    } else if #[cfg(has_sa_interrupt)] {
        pub(crate) const INTERRUPT: u32 = 0x2000_0000;
    } else {
        pub(crate) const INTERRUPT: u32 = 0;
    }
}

cfg_if::cfg_if! {
    if #[cfg(any(target_os = "linux", target_os = "android"))] {
        /// `SA_RESTORER`: the C library sets it for itself and it shows up in what `sigaction`
        /// returns.
        pub(crate) const PRIVATE: u32 = 0x0400_0000;
    } else {
        pub(crate) const PRIVATE: u32 = 0;
    }
}
