//! The mask in the context that a handler interrupted, which becomes the thread's when the handler
//! returns.
//!
//! In a signal frame it is the kernel's set, 8 bytes, and not the C library's 128, behind which
//! other parts of the frame follow: `sigset` touches the kernel's part alone.

use super::sigset;
use core::ptr;
use libc::{c_void, sigset_t, ucontext_t};

/// # Safety
///
/// `context` must be what the kernel passed to a handler that is still running.
unsafe fn mask_of(context: *mut c_void) -> *mut sigset_t {
    // SAFETY: a ucontext_t, of which the field's address alone is taken.
    unsafe { ptr::addr_of_mut!((*context.cast::<ucontext_t>()).uc_sigmask) }
}

/// # Safety
///
/// As for `mask_of`.
pub(crate) unsafe fn mask(context: *mut c_void) -> sigset::Words {
    // SAFETY: by the caller's promise, the kernel's part is there.
    unsafe { sigset::read(mask_of(context)) }
}

/// Adds to the mask.
///
/// # Safety
///
/// As for `mask_of`.
pub(crate) unsafe fn block(context: *mut c_void, words: sigset::Words) {
    // SAFETY: as in `mask`.
    unsafe { sigset::add(mask_of(context), words) };
}
