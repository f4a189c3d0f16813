//! The entry of signals that self-pipes watch, and whom it calls on.
//!
//! **Generations.** The entry is compiled several times; each generation has its own watchers, and
//! its own predecessor for each signal, on which it calls (`CHAINED`). A pipe made over another
//! predecessor uses another generation, so that no chain becomes a circle: `self_pipe/registry.rs`
//! keeps the books.
//!
//! **An entry without watchers**, in somebody's chain or under way while the last pipe leaves, does
//! what would have happened without it: it calls its predecessor; and if that was the default, it
//! has the default effect happen, provided that the installed action is the default or this very
//! entry. If it is somebody else's, that one has decided.

use super::pipe::{tell, GENERATIONS, WATCHERS};
use super::{installed, is_installed_with_info, replace_own, run, set_default, Entry, PerSignal};
use crate::errno::KeepErrno;
use crate::info::Info;
use crate::set::SignalSet;
use crate::signal::{self, Signal};
use crate::sys::number::HIGHEST;
use crate::sys::sigaction::{sigaction, RawAction, DEFAULT};
use crate::sys::{flag, frame};
use core::mem;
use core::sync::atomic::Ordering::{AcqRel, Acquire, Release, SeqCst};
use core::sync::atomic::{AtomicBool, AtomicU32, AtomicUsize};
use libc::{c_int, c_void, siginfo_t};

pub(crate) static ENTRIES: [Entry; GENERATIONS] =
    [watched::<0>, watched::<1>, watched::<2>, watched::<3>];

#[allow(clippy::declare_interior_mutable_const)] // the initial values of elements, never used in place
mod initial {
    use super::*;

    const CHAINED: Chained = Chained {
        plain: AtomicUsize::new(0),
        with_info: AtomicUsize::new(0),
        one_shot: AtomicBool::new(false),
        is_default: AtomicBool::new(false),
    };
    pub(super) const CHAINED_OF_ALL: PerSignal<Chained> =
        PerSignal::new([CHAINED; HIGHEST as usize + 1]);
}

pub(crate) static CHAINED: [PerSignal<Chained>; GENERATIONS] =
    [initial::CHAINED_OF_ALL; GENERATIONS];

/// What was installed before: a function to call on, of one of two conventions, or none.
pub(crate) struct Chained {
    plain: AtomicUsize,
    with_info: AtomicUsize,
    /// Whether the function is to be called only once.
    one_shot: AtomicBool,
    /// Without a function: whether it was the default, or else ignored.
    is_default: AtomicBool,
}

impl Chained {
    /// Not while the entry of this generation is installed and may be running.
    pub(crate) fn set(&self, plain: usize, with_info: usize, one_shot: bool, is_default: bool) {
        self.is_default.store(is_default, Release);
        self.one_shot.store(one_shot, Release);
        self.plain.store(plain, Release);
        self.with_info.store(with_info, Release);
    }

    /// Whether a function was there that was called for the only time.
    pub(crate) fn is_spent(&self) -> bool {
        let none = self.plain.load(Acquire) == 0 && self.with_info.load(Acquire) == 0;
        none && self.one_shot.load(Acquire)
    }

    /// An address to call, or 0. The one that a one-shot function is given to is the only one.
    fn claim(&self, address: &AtomicUsize) -> usize {
        let found = address.load(Acquire);
        if found == 0 || !self.one_shot.load(Acquire) {
            return found;
        }
        self.is_default.store(true, Release);
        address.swap(0, AcqRel)
    }

    /// Calls the function, if there is one.
    fn call(&self, number: c_int, info: *mut siginfo_t, context: *mut c_void) -> bool {
        let plain = self.claim(&self.plain);
        if plain != 0 {
            // SAFETY: the address came from the kernel as that of a handler without SA_SIGINFO.
            unsafe { mem::transmute::<usize, extern "C" fn(c_int)>(plain)(number) }
        }
        let with_info = self.claim(&self.with_info);
        if with_info != 0 {
            // SAFETY: the address came from the kernel as that of a handler with SA_SIGINFO.
            unsafe { mem::transmute::<usize, Entry>(with_info)(number, info, context) }
        }
        plain != 0 || with_info != 0
    }
}

/// The entry of every signal that a self-pipe watches.
pub(crate) extern "C" fn watched<const G: usize>(
    number: c_int,
    info: *mut siginfo_t,
    context: *mut c_void,
) {
    run(watched::<G>, number, info, context, |signal| {
        let _errno = KeepErrno::new();
        let can_be_fault = FAULTS.contains(signal);
        if can_be_fault && comes_again_with_info(signal, watched::<G>) {
            return;
        }
        let told = tell(&WATCHERS[G], signal, || describe(signal, info, context, watched::<G>));
        // Whether an instruction has failed, and will again when the entry returns; or else it was
        // sent.
        let fault = if can_be_fault {
            from_kernel(signal, info, context, watched::<G>).map(Info::is_fault)
        } else {
            None
        };
        let fails_again = fault == Some(true);
        let chained = CHAINED[G].of(signal);
        if chained.call(number, info, context) {
            if told && fault == Some(false) {
                stay_installed(signal, chained, watched::<G>);
            }
        } else if chained.is_default.load(Acquire) && (!told || fails_again) {
            default_unless_replaced(signal, watched::<G>, WATCHERS[G].of(signal), fails_again);
        }
    });
}

/// Signals of instructions that fail. They can be sent too.
const FAULTS: SignalSet = SignalSet::empty()
    .with(signal::SIGSEGV)
    .with(signal::SIGBUS)
    .with(signal::SIGFPE)
    .with(signal::SIGILL);

/// Whether the entry was put back without SA_SIGINFO, as C's `signal` does, so that nothing tells a
/// fault from what was sent. It gets the flag and the signal once more, in any case as one that was
/// sent; an instruction that has failed fails again after that.
#[cold]
fn comes_again_with_info(signal: Signal, entry: Entry) -> bool {
    let mut found = match sigaction(signal.as_raw(), None) {
        Ok(found) if found.handler == entry as usize => found,
        _ => return false,
    };
    if flag::has(found.flags, flag::SIGINFO) {
        return false;
    }
    found.flags |= flag::SIGINFO;
    // SAFETY: takes a plain value.
    replace_own(signal, entry as usize, found) && unsafe { libc::raise(signal.as_raw()) } == 0
}

/// What is known of the signal: the number alone, where the kernel has not called the entry.
fn describe(signal: Signal, info: *mut siginfo_t, context: *mut c_void, entry: Entry) -> Info {
    let known = from_kernel(signal, info, context, entry).copied();
    known.unwrap_or_else(|| Info::number_only(signal.as_raw()))
}

/// `None` where the kernel has not called the entry: what somebody's handler passes on need not be a
/// siginfo_t. So too where somebody's handler has put the entry back and then calls it, or has put
/// it back without SA_SIGINFO: the kernel then leaves in the frame what was there.
fn from_kernel<'a>(
    signal: Signal,
    info: *mut siginfo_t,
    context: *mut c_void,
    entry: Entry,
) -> Option<&'a Info> {
    if !is_installed_with_info(signal, entry as usize)
        || !frame::is_kernels(info, context, signal.as_raw())
    {
        return None;
    }
    // SAFETY: the kernel has called the entry, with a whole structure, which `Info` is.
    unsafe { info.cast::<Info>().as_ref() }
}

/// Has happen what happens by default, unless somebody has replaced the entry. Where the default is
/// installed already it happens when the entry returns, and the signal is let through again or the
/// instruction fails again; or a pipe that another thread has made by then hears the signal.
#[cold]
fn default_unless_replaced(signal: Signal, entry: Entry, watchers: &AtomicU32, fails_again: bool) {
    let installed = installed(signal);
    if installed == DEFAULT && fails_again {
        return;
    }
    // In this order: a pipe is there before its entry is.
    let is_ours = installed == entry as usize;
    if installed == DEFAULT || is_ours && !fails_again && watchers.load(SeqCst) != 0 {
        // SAFETY: takes a plain value.
        unsafe { libc::raise(signal.as_raw()) };
    } else if is_ours && fails_again {
        let _ = set_default(signal);
    } else if is_ours {
        // The entry comes back, for a pipe that another thread makes over it meanwhile.
        super::default_effect(signal);
    }
}

/// The predecessor, as `std`'s handler for stack overflows does, may have set the default in its
/// own place, and so in the pipe's, in order to die of a fault; but there was none.
#[cold]
fn stay_installed(signal: Signal, chained: &Chained, entry: Entry) {
    if installed(signal) == DEFAULT {
        chained.set(0, 0, true, true);
        let flags = flag::SIGINFO | flag::ONSTACK | flag::RESTART;
        let mask = SignalSet::asynchronous().to_words();
        replace_own(signal, DEFAULT, RawAction { handler: entry as usize, flags, mask });
    }
}
