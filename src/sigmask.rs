//! The calling thread's mask as the kernel has it, past any deferred section.

use crate::errno::check_pthread;
use crate::set::SignalSet;
use crate::sys::abort::abort;
use crate::sys::sigset;
use core::mem::MaybeUninit;
use core::ptr;
use libc::{c_int, sigset_t};

/// Changes the mask (`how` is one of the three `SIG_` constants) and returns the old one.
#[inline(always)] // each further return after a system call costs
pub(crate) fn swap(how: c_int, set: SignalSet) -> SignalSet {
    let new = sigset::argument(set.to_words());
    let mut old = MaybeUninit::uninit();
    call(how, new.as_ptr(), old.as_mut_ptr());
    // SAFETY: filled by the call, which cannot have failed.
    SignalSet::from_words(unsafe { sigset::read(old.as_ptr()) })
}

/// Changes the mask.
#[inline(always)]
pub(crate) fn set(how: c_int, set: SignalSet) {
    call(how, sigset::argument(set.to_words()).as_ptr(), ptr::null_mut());
}

/// The mask.
pub(crate) fn get() -> SignalSet {
    let mut old = MaybeUninit::uninit();
    call(libc::SIG_BLOCK, ptr::null(), old.as_mut_ptr());
    // SAFETY: filled by the call, which cannot have failed.
    SignalSet::from_words(unsafe { sigset::read(old.as_ptr()) })
}

/// With a valid `how` the call has nothing to fail of. If it fails all the same (a sandbox, say),
/// continuing with signals where the program has excluded them would be worse than ending; and a
/// handler must not panic.
#[inline(always)]
fn call(how: c_int, new: *const sigset_t, old: *mut sigset_t) {
    // SAFETY: `new` is null or points to a set, of which the kernel's part is filled in; `old` is
    // null or points to room for one.
    let changed = check_pthread(unsafe { libc::pthread_sigmask(how, new, old) });
    if changed.is_err() {
        abort("signal: the thread's signal mask cannot be changed, aborting\n");
    }
}
