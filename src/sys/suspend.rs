//! `sigsuspend`, and the link name under which each system keeps it.

use super::sigset::{self, Words};

cfg_if::cfg_if! {
    if #[cfg(target_os = "redox")] {
        extern "C" {
            // The system has it, `libc` does not export it.
            fn sigsuspend(mask: *const libc::sigset_t) -> libc::c_int;
        }
    } else {
        use libc::sigsuspend;
    }
}

/// Returns after a handler has run.
pub(crate) fn suspend(mask: Words) {
    // SAFETY: points to a set, of which the kernel's part is filled in. The call always "fails",
    // with EINTR.
    unsafe { sigsuspend(sigset::argument(mask).as_ptr()) };
}
