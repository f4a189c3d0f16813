//! Where there is no deferral, or the feature `defer` is off: the same functions as in
//! `entry/deferred.rs`. A section is then a block.

use crate::set::SignalSet;
#[cfg(feature = "defer")]
use crate::sigmask;
use crate::signal::Signal;
use libc::{c_int, c_void, siginfo_t};

/// # Safety
///
/// None here.
#[inline(always)]
pub(super) unsafe fn defer(_: usize, _: Signal, _: *mut siginfo_t, _: *mut c_void) -> bool {
    false
}

#[cfg(feature = "defer")]
pub(crate) fn enter() -> Option<SignalSet> {
    Some(sigmask::swap(libc::SIG_BLOCK, SignalSet::asynchronous()))
}

#[cfg(feature = "defer")]
pub(crate) fn leave(blocked: Option<SignalSet>) {
    if let Some(mask) = blocked {
        sigmask::set(libc::SIG_SETMASK, mask);
    }
}

#[inline(always)]
pub(crate) fn change_mask(_: c_int, _: SignalSet) -> Option<SignalSet> {
    None
}

#[inline(always)]
pub(crate) fn is_inside() -> bool {
    false
}

#[inline(always)]
pub(crate) fn note_one_shot(_: Signal, _: bool) {}
