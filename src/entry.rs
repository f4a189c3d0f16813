//! What the kernel calls.
//!
//! A handler runs between any two instructions of the program. Code that runs in one starts in this
//! folder; it allocates nothing, takes no lock, cannot panic, keeps `errno`, and calls only
//! functions that POSIX lists as async-signal-safe. `ci/handler-calls` proves on the compiled code
//! where it can go.

pub(crate) mod chain;
// What an entry does in a deferred section, and the section itself.
#[cfg_attr(not(has_deferral), path = "entry/absent.rs")]
pub(crate) mod deferred;
#[cfg(feature = "std")]
pub(crate) mod panic;
pub(crate) mod pipe;
pub(crate) mod queue;

use crate::context::Context;
use crate::errno::{KeepErrno, Result};
use crate::info::Info;
use crate::set::SignalSet;
use crate::sigmask;
use crate::signal::{DefaultEffect, Signal};
use crate::sys::abort::abort;
use crate::sys::flag;
use crate::sys::number::HIGHEST;
use crate::sys::sigaction::{sigaction, RawAction, DEFAULT, IGNORE};
use core::mem;
use core::ptr::NonNull;
use core::sync::atomic::Ordering::{AcqRel, Acquire, Release};
use core::sync::atomic::{AtomicBool, AtomicPtr, AtomicUsize};
use libc::{c_int, c_void, siginfo_t};

/// A function that the kernel calls for a handler with SA_SIGINFO.
pub(crate) type Entry = extern "C" fn(c_int, *mut siginfo_t, *mut c_void);

/// One element for each signal.
pub(crate) struct PerSignal<T>([T; HIGHEST as usize + 1]);

impl<T> PerSignal<T> {
    pub(crate) const fn new(elements: [T; HIGHEST as usize + 1]) -> PerSignal<T> {
        PerSignal(elements)
    }

    #[inline]
    pub(crate) fn of(&self, signal: Signal) -> &T {
        // SAFETY: no signal is above the highest number.
        unsafe { self.0.get_unchecked(signal.as_raw() as usize) }
    }
}

const PANICKED: &str = "signal: a signal handler panicked, aborting\n";

/// Ends the process when a handler panics, unless the hook has (`entry/panic.rs`): the frames below
/// are the interrupted program's, not to be unwound.
struct AbortOnUnwind;

impl Drop for AbortOnUnwind {
    fn drop(&mut self) {
        abort(PANICKED)
    }
}

/// Runs what an entry is for, unless the thread is in a deferred section: then the signal comes
/// again when that ends.
#[inline(always)]
fn run(
    entry: Entry,
    number: c_int,
    info: *mut siginfo_t,
    context: *mut c_void,
    body: impl FnOnce(Signal),
) {
    if let Some(signal) = Signal::from_raw(number) {
        // SAFETY: what the kernel passed to this entry, which is still running.
        if !unsafe { deferred::defer(entry as usize, signal, info, context) } {
            body(signal);
        }
    }
}

/// Calls a function of the program, which may panic and change `errno`.
#[inline(always)]
fn guarded(call: impl FnOnce()) {
    let _errno = KeepErrno::new();
    let abort = AbortOnUnwind;
    call();
    mem::forget(abort);
}

/// The entry for handlers that take the signal.
pub(crate) extern "C" fn function<F: Fn(Signal)>(
    number: c_int,
    info: *mut siginfo_t,
    context: *mut c_void,
) {
    run(function::<F>, number, info, context, |signal| {
        // SAFETY: `F` has no size (checked where this entry was chosen) and a value of it existed
        // there, so that any aligned address is one of its values.
        guarded(|| (unsafe { NonNull::<F>::dangling().as_ref() })(signal));
    });
}

/// The entry for handlers that also take an `Info`.
pub(crate) extern "C" fn function_with_info<F: Fn(Signal, &Info)>(
    number: c_int,
    info: *mut siginfo_t,
    context: *mut c_void,
) {
    run(function_with_info::<F>, number, info, context, |signal| {
        let number_only = Info::number_only(number);
        // SAFETY: the kernel passes a whole structure, or on some systems nothing; `Info` is that
        // structure.
        let info = unsafe { info.cast::<Info>().as_ref() }.unwrap_or(&number_only);
        // SAFETY: as in `function`.
        guarded(|| (unsafe { NonNull::<F>::dangling().as_ref() })(signal, info));
    });
}

/// The entry for handlers that take the interrupted context too.
pub(crate) extern "C" fn function_with_context<F: Fn(Signal, &Info, &mut Context)>(
    number: c_int,
    info: *mut siginfo_t,
    context: *mut c_void,
) {
    run(function_with_context::<F>, number, info, context, |signal| {
        let number_only = Info::number_only(number);
        // SAFETY: as in `function_with_info`.
        let info = unsafe { info.cast::<Info>().as_ref() }.unwrap_or(&number_only);
        // SAFETY: what was passed to this entry, which is still running.
        let mut context = unsafe { Context::from_raw(context) };
        // SAFETY: as in `function`.
        guarded(|| (unsafe { NonNull::<F>::dangling().as_ref() })(signal, info, &mut context));
    });
}

#[allow(clippy::declare_interior_mutable_const)] // the initial value of each element, never used in place
const NO_FLAG: AtomicPtr<AtomicBool> = AtomicPtr::new(core::ptr::null_mut());
#[allow(clippy::declare_interior_mutable_const)] // as above
const NO_COUNT: AtomicPtr<AtomicUsize> = AtomicPtr::new(core::ptr::null_mut());

/// What `Handler::Flag` and `Handler::FlagOrDefault` set and `Handler::Count` counts. The targets
/// are `'static`, so that a handler still running after its flag was replaced does no harm. A table
/// for each: an entry never meets a pointer of another's, which would be of the wrong type, or the
/// flag of a handler that has no default effect.
pub(crate) static FLAGS: PerSignal<AtomicPtr<AtomicBool>> =
    PerSignal::new([NO_FLAG; HIGHEST as usize + 1]);
pub(crate) static FLAGS_OR_DEFAULT: PerSignal<AtomicPtr<AtomicBool>> =
    PerSignal::new([NO_FLAG; HIGHEST as usize + 1]);
pub(crate) static COUNTS: PerSignal<AtomicPtr<AtomicUsize>> =
    PerSignal::new([NO_COUNT; HIGHEST as usize + 1]);

/// The entry of `Handler::Flag`.
pub(crate) extern "C" fn flag(number: c_int, info: *mut siginfo_t, context: *mut c_void) {
    run(flag, number, info, context, |signal| {
        // SAFETY: the table holds null or `'static` references.
        if let Some(flag) = unsafe { FLAGS.of(signal).load(Acquire).as_ref() } {
            flag.store(true, Release);
        }
    });
}

/// The entry of `Handler::FlagOrDefault`.
pub(crate) extern "C" fn flag_or_default(
    number: c_int,
    info: *mut siginfo_t,
    context: *mut c_void,
) {
    run(flag_or_default, number, info, context, |signal| {
        // SAFETY: the table holds null or `'static` references.
        if let Some(flag) = unsafe { FLAGS_OR_DEFAULT.of(signal).load(Acquire).as_ref() } {
            if flag.swap(true, AcqRel) {
                default_effect(signal);
            }
        }
    });
}

/// Has happen what happens by default: the process ends here, or it stops, and continues with the
/// handler that it had when SIGCONT has come.
#[cold]
fn default_effect(signal: Signal) {
    if matches!(signal.default_effect(), DefaultEffect::Ignore | DefaultEffect::Continue) {
        return;
    }
    let _errno = KeepErrno::new();
    let before = match set_default(signal) {
        Ok(before) => before,
        Err(_) => return,
    };
    // SAFETY: takes a plain value.
    unsafe { libc::raise(signal.as_raw()) };
    let_through(signal);
    // Two threads may be here: the first one puts back what was there, which is not the default.
    if before.handler != DEFAULT {
        replace_own(signal, DEFAULT, before);
    }
}

/// Puts an action in the place of a handler, if that is installed: what somebody else has installed
/// meanwhile stays. Whether it was there.
fn replace_own(signal: Signal, own: usize, action: RawAction) -> bool {
    if installed(signal) != own {
        return false;
    }
    match replace(signal, action) {
        Ok(found) if found.handler != own => {
            let _ = replace(signal, found);
            false
        }
        replaced => replaced.is_ok(),
    }
}

// Functions of their own: together their structures would take more of an alternate stack than
// there is, where the compiler does not optimize.

fn set_default(signal: Signal) -> Result<RawAction> {
    let mask = SignalSet::empty().to_words();
    replace(signal, RawAction { handler: DEFAULT, flags: 0, mask })
}

#[inline(never)]
fn replace(signal: Signal, action: RawAction) -> Result<RawAction> {
    sigaction(signal.as_raw(), Some(action))
}

/// What is pending is delivered before it returns.
#[inline(never)]
fn let_through(signal: Signal) {
    let mask = sigmask::swap(libc::SIG_UNBLOCK, signal.into());
    sigmask::set(libc::SIG_SETMASK, mask);
}

/// The handler that the kernel would call.
#[inline(never)]
fn installed(signal: Signal) -> usize {
    sigaction(signal.as_raw(), None).map_or(IGNORE, |action| action.handler)
}

/// Whether the kernel would call this entry, and tell what it knows.
#[inline(never)]
fn is_installed_with_info(signal: Signal, entry: usize) -> bool {
    let is = |found: RawAction| found.handler == entry && flag::has(found.flags, flag::SIGINFO);
    sigaction(signal.as_raw(), None).map_or(false, is)
}

/// The entry of `Handler::Count`.
pub(crate) extern "C" fn count(number: c_int, info: *mut siginfo_t, context: *mut c_void) {
    run(count, number, info, context, |signal| {
        // SAFETY: the table holds null or `'static` references.
        if let Some(count) = unsafe { COUNTS.of(signal).load(Acquire).as_ref() } {
            count.fetch_add(1, AcqRel);
        }
    });
}
