//! The mask in the context that a handler interrupted, which becomes the thread's when the handler returns.
//!
//! In a signal frame it is the kernel's set, 8 bytes, and not the C library's 128, behind which other parts of the frame
//! follow: read and written through `sigismember` and `sigaddset` alone, which touch the word of one signal, and never as a
//! whole.

use crate::set::SignalSet;
use crate::signal::Signal;
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
    // SAFETY: by the caller's promise; one word is read at a time.
    let blocked = |signal: &Signal| unsafe { libc::sigismember(mask_of(context), signal.as_raw()) == 1 };
    (1..=HIGHEST).filter_map(Signal::from_raw).filter(blocked).collect()
}

/// Adds to the mask.
///
/// SAFETY: as for `mask_of`.
pub(crate) unsafe fn block(context: *mut c_void, set: SignalSet) {
    for signal in set {
        // SAFETY: by the caller's promise; one word is written at a time.
        unsafe { libc::sigaddset(mask_of(context), signal.as_raw()) };
    }
}
