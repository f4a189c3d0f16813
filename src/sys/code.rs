//! The codes in `si_code` that say where a signal came from, from the systems' own headers: `libc`
//! exports few.

use libc::c_int;

/// What the numbers mean on one platform.
pub(crate) struct Codes {
    /// `kill`: process and user of the sender are filled in.
    pub(crate) user: c_int,
    /// The calls that direct a signal to one thread: the sender too.
    pub(crate) thread: c_int,
    /// `sigqueue`: the sender and a value.
    pub(crate) queue: c_int,
    /// A value without a sender, as in the next two.
    pub(crate) timer: c_int,
    pub(crate) async_io: c_int,
    pub(crate) message: c_int,
    /// `CLD_EXITED`. `KILLED`, `DUMPED`, `TRAPPED`, `STOPPED` and `CONTINUED` follow it everywhere.
    pub(crate) child: c_int,
}

/// A code that no system has.
pub(crate) const NONE: c_int = c_int::MIN;

#[allow(dead_code)]
const fn codes(user: c_int, thread: c_int, queue: c_int, valued: [c_int; 3]) -> Codes {
    let [timer, async_io, message] = valued;
    Codes { user, thread, queue, timer, async_io, message, child: 1 }
}

cfg_if::cfg_if! {
    if #[cfg(all(any(target_os = "linux", target_os = "android"), any(
        target_arch = "mips", target_arch = "mips64", target_arch = "mips32r6",
        target_arch = "mips64r6",
    )))] {
        pub(crate) const CODES: Codes = codes(0, -6, -1, [-3, -2, -4]);
    } else if #[cfg(any(target_os = "linux", target_os = "android"))] {
        pub(crate) const CODES: Codes = codes(0, -6, -1, [-2, -4, -3]);
    } else if #[cfg(target_vendor = "apple")] {
        pub(crate) const CODES: Codes = codes(0x10001, NONE, 0x10002, [0x10003, 0x10004, 0x10005]);
    } else if #[cfg(target_os = "freebsd")] {
        pub(crate) const CODES: Codes =
            codes(0x10001, 0x10007, 0x10002, [0x10003, 0x10004, 0x10005]);
    } else if #[cfg(target_os = "netbsd")] {
        pub(crate) const CODES: Codes = codes(0, -5, -1, [-2, -3, -4]);
    } else if #[cfg(any(target_os = "openbsd", target_os = "illumos", target_os = "solaris"))] {
        pub(crate) const CODES: Codes = codes(0, -1, -2, [-3, -4, -5]);
    } else if #[cfg(target_os = "redox")] {
        // Its siginfo_t is not known here: no code says anything.
        pub(crate) const CODES: Codes =
            Codes { child: NONE, ..codes(NONE, NONE, NONE, [NONE; 3]) };
    } else if #[cfg(target_os = "haiku")] {
        pub(crate) const CODES: Codes = Codes { child: 60, ..codes(0, NONE, 1, [2, 3, 4]) };
    } else if #[cfg(target_os = "aix")] {
        pub(crate) const CODES: Codes = Codes { child: 10, ..codes(0, NONE, 71, [72, 73, 74]) };
    } else if #[cfg(target_os = "cygwin")] {
        pub(crate) const CODES: Codes = Codes { child: 28, ..codes(0, NONE, 5, [4, 2, 3]) };
    } else {
        pub(crate) const CODES: Codes = codes(0, NONE, -1, [-2, -3, -4]);
    }
}

/// Whether the table says anything.
pub(crate) const fn are_known() -> bool {
    CODES.user != NONE
}

pub(crate) fn from_user(code: c_int) -> bool {
    code != NONE && (code == CODES.user || code == CODES.thread || code == CODES.queue)
}

pub(crate) fn has_value(code: c_int) -> bool {
    code != NONE && [CODES.queue, CODES.timer, CODES.async_io, CODES.message].contains(&code)
}

/// Whether the kernel made the signal because of something that happened in it (a fault, a child,
/// I/O), so that the fields of that event are filled in. `SI_KERNEL` and its like, which carry
/// none, are left out.
pub(crate) fn from_kernel(code: c_int) -> bool {
    are_known() && code > 0 && code < 0x80 && !from_user(code) && !has_value(code)
}

/// For a signal of a fault: whether an instruction has failed. Of some failures Linux knows no
/// address (x86: of a pointer that is none), and says `SI_KERNEL`.
pub(crate) fn is_fault(code: c_int) -> bool {
    let has_no_fields = cfg!(any(target_os = "linux", target_os = "android")) && code == 0x80;
    from_kernel(code) || has_no_fields
}

/// Whether a code of the kernel's (`from_kernel`) says that I/O has become possible, for a signal
/// to which it gives no codes of its own: only for one that was chosen by `F_SETSIG`, `POLL_IN` (1)
/// to `POLL_HUP` (6).
pub(crate) fn is_chosen_io(code: c_int) -> bool {
    cfg!(has_setsig) && (1..=6).contains(&code)
}
