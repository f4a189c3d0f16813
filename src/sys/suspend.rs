//! `sigsuspend`, and the link name under which each system keeps it.

use libc::sigset_t;

cfg_if::cfg_if! {
    if #[cfg(target_os = "redox")] {
        extern "C" {
            // The system has it, `libc` does not export it.
            fn sigsuspend(mask: *const sigset_t) -> libc::c_int;
        }
    } else {
        use libc::sigsuspend;
    }
}

/// Returns after a handler has run.
pub(crate) fn suspend(mask: &sigset_t) {
    // SAFETY: the pointer leads to a whole set. The call always "fails", with EINTR.
    unsafe { sigsuspend(mask) };
}
