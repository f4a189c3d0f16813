//! The mask in the context that a handler interrupted, which becomes the thread's when the handler returns.
//!
//! In a signal frame it is the kernel's set, 8 bytes, and not the C library's 128, behind which other parts of the frame
//! follow: read and written through `sigismember` and `sigaddset` alone, which touch the word of one signal, and never as a
//! whole.

use crate::set::SignalSet;
use crate::sys::number::HIGHEST;
use core::ptr;
use libc::{c_void, sigset_t, ucontext_t};

/// SAFETY: `context` must be what the kernel passed to a handler that is still running.
unsafe fn mask_of(context: *mut c_void) -> *mut sigset_t {
    // SAFETY: a ucontext_t, of which the field's address alone is taken.
    unsafe { ptr::addr_of_mut!((*context.cast::<ucontext_t>()).uc_sigmask) }
}

/// SAFETY: as for `mask_of`.
pub(crate) unsafe fn mask(context: *mut c_void) -> SignalSet {
    let mut set = SignalSet::empty();
    for number in 1..=HIGHEST {
        // SAFETY: by the caller's promise; one word is read at a time.
        if unsafe { libc::sigismember(mask_of(context), number) } == 1 {
            // SAFETY: the pointer leads to a whole set.
            unsafe { libc::sigaddset(set.as_mut_raw(), number) };
        }
    }
    set
}

/// Adds to the mask.
///
/// SAFETY: as for `mask_of`.
pub(crate) unsafe fn block(context: *mut c_void, set: &SignalSet) {
    for number in 1..=HIGHEST {
        // SAFETY: the pointer leads to a whole set.
        if unsafe { libc::sigismember(set.as_raw(), number) } == 1 {
            // SAFETY: by the caller's promise; one word is written at a time.
            unsafe { libc::sigaddset(mask_of(context), number) };
        }
    }
}
