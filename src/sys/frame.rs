//! The frame that the kernel makes for a handler: whether that is what an entry was called with.
//!
//! Somebody's handler that puts an entry back and calls it, with the number alone, leaves anything in
//! the registers of the other arguments.

use libc::{c_int, siginfo_t};

/// Whether a pointer leads into the frame of an entry that is still running: above the entry's own,
/// and not far. Elsewhere than on Linux the C library may stand in between and pass a copy: what is
/// not null is believed.
pub(crate) fn holds<T>(pointer: *mut T) -> bool {
    if cfg!(any(target_os = "linux", target_os = "android")) {
        const SIZE: usize = 16 << 10;
        let here = 0_u8;
        let above = (pointer as usize).wrapping_sub(core::ptr::addr_of!(here) as usize);
        above < SIZE && pointer as usize % core::mem::align_of::<T>() == 0
    } else {
        !pointer.is_null()
    }
}

/// Whether this is what is known of a signal of that number.
pub(crate) fn holds_info(info: *mut siginfo_t, number: c_int) -> bool {
    // SAFETY: in the thread's stack, or what the kernel or the C library has passed. Words that are
    // no siginfo_t hardly begin with the number.
    holds(info) && unsafe { (*info).si_signo } == number
}
