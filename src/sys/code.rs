//! The codes in `si_code` that say where a signal came from, from the systems' own headers: `libc` exports few.

use libc::c_int;

/// What the numbers mean on one platform.
pub(super) struct Codes {
    /// `kill`, and the calls that direct a signal to one thread: process and user of the sender are filled in.
    pub(super) sent: &'static [c_int],
    /// `sigqueue`: the sender and a value.
    pub(super) queued: c_int,
    /// Timers, asynchronous I/O and message queues: a value.
    pub(super) valued: [c_int; 3],
}

cfg_if::cfg_if! {
    if #[cfg(all(any(target_os = "linux", target_os = "android"), any(
        target_arch = "mips", target_arch = "mips64", target_arch = "mips32r6", target_arch = "mips64r6",
    )))] {
        pub(super) const CODES: Codes = Codes { sent: &[0, -6], queued: -1, valued: [-3, -2, -4] };
    } else if #[cfg(any(target_os = "linux", target_os = "android"))] {
        pub(super) const CODES: Codes = Codes { sent: &[0, -6], queued: -1, valued: [-2, -4, -3] };
    } else if #[cfg(target_vendor = "apple")] {
        pub(super) const CODES: Codes = Codes { sent: &[0x10001], queued: 0x10002, valued: [0x10003, 0x10004, 0x10005] };
    } else if #[cfg(target_os = "freebsd")] {
        pub(super) const CODES: Codes =
            Codes { sent: &[0x10001, 0x10007], queued: 0x10002, valued: [0x10003, 0x10004, 0x10005] };
    } else if #[cfg(target_os = "netbsd")] {
        pub(super) const CODES: Codes = Codes { sent: &[0, -5], queued: -1, valued: [-2, -3, -4] };
    } else if #[cfg(any(target_os = "openbsd", target_os = "illumos", target_os = "solaris"))] {
        pub(super) const CODES: Codes = Codes { sent: &[0, -1], queued: -2, valued: [-3, -4, -5] };
    } else if #[cfg(target_os = "redox")] {
        // Its siginfo_t is not known here: no code says anything.
        pub(super) const CODES: Codes = Codes { sent: &[], queued: c_int::MIN, valued: [c_int::MIN; 3] };
    } else if #[cfg(target_os = "haiku")] {
        pub(super) const CODES: Codes = Codes { sent: &[0], queued: 1, valued: [2, 3, 4] };
    } else if #[cfg(target_os = "aix")] {
        pub(super) const CODES: Codes = Codes { sent: &[0], queued: 71, valued: [72, 73, 74] };
    } else if #[cfg(target_os = "cygwin")] {
        pub(super) const CODES: Codes = Codes { sent: &[0], queued: 5, valued: [4, 2, 3] };
    } else {
        pub(super) const CODES: Codes = Codes { sent: &[0], queued: -1, valued: [-2, -3, -4] };
    }
}

pub(crate) fn from_user(code: c_int) -> bool {
    CODES.sent.contains(&code) || code == CODES.queued && code != c_int::MIN
}

pub(crate) fn has_value(code: c_int) -> bool {
    (code == CODES.queued || CODES.valued.contains(&code)) && code != c_int::MIN
}

/// Whether the kernel made the signal because of something that happened in it (a fault, a child, I/O), so that the
/// fields of that event are filled in. `SI_KERNEL` and its like, which carry none, are left out.
pub(crate) fn from_kernel(code: c_int) -> bool {
    cfg!(not(target_os = "redox"))
        && code > 0
        && code < 0x80
        && !from_user(code)
        && !has_value(code)
}
