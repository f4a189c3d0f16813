//! The frame that the kernel makes for a handler: whether that is what an entry was called with.
//!
//! Somebody's handler that puts an entry back and calls it, with the number alone, leaves anything
//! in the registers of the other arguments.

use core::mem::align_of;
use libc::{c_int, c_void, siginfo_t};

/// Whether this is what the kernel passes for a signal of that number. Both are in its frame, close
/// to each other, and `siginfo_t` begins with the number. (Where the stack is does not tell: the
/// address sanitizer keeps local variables elsewhere.) Elsewhere than on Linux the C library may
/// stand in between and pass a copy.
pub(crate) fn is_kernels(info: *mut siginfo_t, context: *mut c_void, number: c_int) -> bool {
    let is_there = if cfg!(any(target_os = "linux", target_os = "android")) {
        const FRAME: usize = 16 << 10;
        /// Below that no program has memory.
        const LOWEST: usize = 64 << 10;
        let (info, context) = (info as usize, context as usize);
        let are_close = info.abs_diff(context) < FRAME && info.min(context) >= LOWEST;
        are_close && info % align_of::<siginfo_t>() == 0
    } else {
        !info.is_null()
    };
    // SAFETY: in the frame, or what the C library has passed. Words that are neither are hardly so
    // close, and do not begin with the number.
    is_there && unsafe { (*info).si_signo } == number
}
