//! Deferred sections: the thread's side and the entries'. The kernel is the queue: a signal that
//! arrives in a section is sent to the thread once more, blocked, and delivered when the section
//! ends.
//!
//! **States of a thread.** `state` is twice the number of its open sections, plus one if the first
//! of them was opened while the thread was leaving another: in the handler of a fault.
//!
//! | | `state` | `mask_saved` | the thread's mask |
//! |---|---|---|---|
//! | outside | 0 | no | the program's |
//! | inside, nothing has come | 2 or more | no | the program's |
//! | inside, something has come | 2 or more | yes | full: everything that can be deferred; `saved` is the program's |
//! | leaving | 0 | yes | full |
//!
//! **Who moves it.** `enter` adds 2, or 3 to a thread that is leaving. An entry that finds 2 or more
//! (`put_off`) fills the mask and saves the program's, first the thread's, then the one in its frame,
//! which becomes the thread's when the entry returns; it sends its signal again and returns. `leave`
//! takes off what its section has added. The last one then looks whether a mask is saved, and sets
//! it, and the kernel delivers what is pending: its handlers run outside, and one that leaves a
//! section open has opened a new one.
//!
//! **Why nothing is lost, and nothing runs inside.**
//! - From the first change of the mask in `put_off` until the saved mask is set, no other signal
//!   that can be deferred is delivered on this thread. Those are pending in the kernel, which
//!   counts, orders and merges them as always.
//! - Several entries may be stacked when the first fills the mask: the kernel delivers all that is
//!   pending at once. The inner ones run first and see, in their frames, the mask of an outer
//!   handler; the outermost runs last and sees the program's. Each saves what it sees, unless that
//!   is the full mask of an earlier arrival: so the program's remains. A child of `vfork` leaves
//!   alone what its parent has saved.
//! - A saved mask is believed only while the thread's mask is full. It is not when a handler that
//!   cannot be deferred (of a fault, or somebody else's) was itself interrupted by an arrival and
//!   has returned: the kernel has put back that handler's frame, and the arrival, still pending, is
//!   delivered and put off anew, or is blocked by the program.
//! - In state 0 a signal is handled at once: the section is over. So `mask_saved` cannot become
//!   true behind the last look at it: a section that a handler enters there, with nothing saved, is
//!   an outermost one, which restores what it saves before it ends.
//!
//! **Why a handler of a fault may use guards at any instruction.** It interrupts inside or leaving,
//! with a full mask or none of its own. Where something is saved, its sections nest: they end above
//! 0, or from 3 to 0, and set no mask. Its mask guards edit `saved` and put it back before it
//! returns, so that the step that it interrupted finds what it left; an arrival saves twice, for
//! what a handler may save between the two stores. Its frame holds the mask of that step. From
//! where `mask_saved` is false again, the mask that is about to be set stands in `restore_mask`'s
//! frame alone, and nothing believes `saved`.

use crate::errno::KeepErrno;
use crate::pid::Pid;
use crate::process::Owner;
use crate::set::{AtomicSignals, SignalSet};
use crate::sigmask;
use crate::signal::{Signal, SIGKILL, SIGSTOP};
use crate::sys::sigaction::{sigaction, DEFAULT};
use crate::sys::{context, flag, frame, main_program, requeue};
use core::cell::Cell;
use core::ptr;
use core::sync::atomic::Ordering::{Acquire, Relaxed, Release, SeqCst};
use core::sync::atomic::{compiler_fence, AtomicBool, AtomicU32, AtomicU8, AtomicUsize};
use libc::{c_int, c_void, siginfo_t};

/// What a section keeps from running. The others are for faults and for `abort`, which cannot wait.
const DEFERRABLE: SignalSet = SignalSet::asynchronous();

/// One thread's section. Only that thread and the handlers that interrupt it come here, so that
/// plain loads and stores are enough.
struct Section {
    state: AtomicUsize,
    mask_saved: AtomicBool,
    /// What the program blocks of `DEFERRABLE`; other members mean nothing.
    saved: Cell<SignalSet>,
    thread: requeue::Thread,
    /// The frame of the last arrival, and how often in turn one came with that frame.
    frame: Cell<usize>,
    repeats: Cell<u8>,
}

std::thread_local! {
    /// Made of zeros, without a destructor: touching it runs no code.
    static SECTION: Section = const {
        Section {
            state: AtomicUsize::new(0),
            mask_saved: AtomicBool::new(false),
            saved: Cell::new(SignalSet::empty()),
            thread: requeue::Thread::unknown(),
            frame: Cell::new(0),
            repeats: Cell::new(0),
        }
    };
}

/// Whether sections are deferred: not known before the first one. No entry touches the thread-local
/// before that is known.
static KIND: AtomicU8 = AtomicU8::new(UNKNOWN);
const UNKNOWN: u8 = 0;
const DEFERRED: u8 = 1;
/// In a shared object, where the first touch of a thread-local can allocate, sections are blocks.
const BLOCKED: u8 = 2;

/// The signals that are blocked when all of `DEFERRABLE` are: some emulators lack the last realtime
/// ones.
static FULL: [AtomicU32; 2] = [AtomicU32::new(0), AtomicU32::new(0)];

/// The process that has used the first section.
static OWNER: Owner = Owner::nobody();

/// Handlers that the kernel resets when it delivers their signal.
static ONE_SHOT: AtomicSignals = AtomicSignals::new();

#[cold]
fn decide() -> bool {
    if KIND.load(Relaxed) == BLOCKED {
        return false;
    }
    let before = sigmask::swap(libc::SIG_BLOCK, DEFERRABLE);
    let full = sigmask::swap(libc::SIG_SETMASK, before) & DEFERRABLE;
    FULL[0].store(full.to_words()[0] as u32, Relaxed);
    FULL[1].store((full.to_words()[0] >> 32) as u32, Relaxed);
    OWNER.set_to_this();
    let deferred = main_program::contains(ptr::addr_of!(KIND) as usize);
    KIND.store(if deferred { DEFERRED } else { BLOCKED }, SeqCst);
    deferred
}

fn is_full(mask: SignalSet) -> bool {
    let full = u64::from(FULL[1].load(Relaxed)) << 32 | u64::from(FULL[0].load(Relaxed));
    full & !mask.to_words()[0] == 0
}

/// Enters a section. Where sections are blocks, returns the mask of before.
#[inline]
pub(crate) fn enter() -> Option<SignalSet> {
    // With Acquire, `FULL` is there too.
    if KIND.load(Acquire) != DEFERRED && !decide() {
        return Some(block());
    }
    SECTION.with(|section| {
        if section.mask_saved.load(Relaxed) {
            section.nest();
        } else {
            section.add(2);
        }
    });
    // What the section protects stays inside.
    compiler_fence(SeqCst);
    None
}

/// Leaves the section for which `enter` has returned `blocked`.
#[inline]
pub(crate) fn leave(blocked: Option<SignalSet>) {
    if let Some(mask) = blocked {
        return unblock(mask);
    }
    compiler_fence(SeqCst);
    SECTION.with(|section| {
        if section.state.load(Relaxed) != 2 {
            return section.leave_nested();
        }
        section.state.store(0, Relaxed);
        // In this order: what arrives from here on is handled at once.
        compiler_fence(SeqCst);
        if section.mask_saved.load(Relaxed) {
            section.restore_mask();
        }
    });
}

#[cold]
fn block() -> SignalSet {
    sigmask::swap(libc::SIG_BLOCK, DEFERRABLE)
}

#[cold]
fn unblock(mask: SignalSet) {
    sigmask::set(libc::SIG_SETMASK, mask);
}

/// Has the signal come again when the section ends, if the thread is in one. The entry must then
/// return.
///
/// # Safety
///
/// `info` and `context` must be what was passed to `entry`, which is still running.
#[inline(always)]
pub(super) unsafe fn defer(
    entry: usize,
    signal: Signal,
    info: *mut siginfo_t,
    context: *mut c_void,
) -> bool {
    KIND.load(Relaxed) == DEFERRED
        && SECTION
            .try_with(|section| {
                // SAFETY: by the caller's promise.
                section.state.load(Relaxed) != 0
                    && unsafe { section.put_off(entry, signal, info, context) }
            })
            .unwrap_or(false)
}

/// `pthread_sigmask` in a section: the program's mask changes, and is returned as it was. `None`:
/// in no section.
#[inline(always)]
pub(crate) fn change_mask(how: c_int, set: SignalSet) -> Option<SignalSet> {
    if KIND.load(Relaxed) != DEFERRED {
        return None;
    }
    SECTION.with(|section| {
        if section.state.load(Relaxed) == 0 && !section.mask_saved.load(Relaxed) {
            return None;
        }
        Some(section.change_mask(how, set))
    })
}

/// Whether the calling thread is in a section.
pub(crate) fn is_inside() -> bool {
    KIND.load(Relaxed) == DEFERRED && SECTION.with(|section| section.state.load(Relaxed) != 0)
}

/// Notes whether the kernel resets the handler that is about to be installed.
#[inline]
pub(crate) fn note_one_shot(signal: Signal, one_shot: bool) {
    if one_shot {
        ONE_SHOT.insert(signal);
    } else if ONE_SHOT.contains(signal) {
        ONE_SHOT.remove(signal);
    }
}

impl Section {
    #[inline(always)]
    fn add(&self, more: usize) {
        let state = self.state.load(Relaxed);
        // On 64 bits no number of leaked guards wraps; on 32, one that would stays where it is:
        // deferred for ever.
        let sum = match usize::BITS {
            64.. => state.wrapping_add(more),
            _ => state.checked_add(more).unwrap_or(state),
        };
        self.state.store(sum, Relaxed);
    }

    /// The section around this one, or the one that the thread is leaving, will set the saved mask.
    #[cold]
    fn nest(&self) {
        self.add(if self.state.load(Relaxed) == 0 { 3 } else { 2 });
    }

    #[cold]
    fn leave_nested(&self) {
        let state = self.state.load(Relaxed).saturating_sub(2);
        self.state.store(if state == 1 { 0 } else { state }, Relaxed);
    }

    /// # Safety
    ///
    /// As for `defer`.
    #[cold]
    unsafe fn put_off(
        &self,
        entry: usize,
        signal: Signal,
        info: *mut siginfo_t,
        context: *mut c_void,
    ) -> bool {
        let _errno = KeepErrno::new();
        let called_by_hand = !frame::is_kernels(info, context, signal.as_raw());
        if called_by_hand || !DEFERRABLE.contains(signal) || !is_called_by_the_kernel(entry, signal)
        {
            return false;
        }
        if self.comes_again_and_again(context as usize) {
            return false;
        }
        sigmask::set(libc::SIG_BLOCK, DEFERRABLE);
        // SAFETY: by the caller's promise; the kernel has called the entry, so that this is its
        // context.
        let interrupted = SignalSet::from_words(unsafe { context::mask(context) });
        let mask_saved = self.mask_saved.load(Relaxed);
        if !(mask_saved && (is_full(interrupted) || is_vfork_child())) {
            self.saved.set(interrupted);
            self.mask_saved.store(true, Release);
            compiler_fence(SeqCst);
            // Again: while `mask_saved` was not true, a signal that a fault's handler let through
            // may have saved that handler's mask.
            self.saved.set(interrupted);
        }
        // SAFETY: as above.
        unsafe {
            context::block(context, DEFERRABLE.to_words());
            self.thread.send_again(signal.as_raw(), info);
        }
        true
    }

    /// Whether the mask in the frame is not honoured, as under valgrind: the signal, sent again,
    /// would come at once, and for ever. From then on sections are blocks; this one is broken into.
    fn comes_again_and_again(&self, frame: usize) -> bool {
        let repeats =
            if self.frame.get() == frame { self.repeats.get().saturating_add(1) } else { 0 };
        self.frame.set(frame);
        self.repeats.set(repeats);
        let futile = repeats == u8::MAX;
        if futile {
            KIND.store(BLOCKED, SeqCst);
        }
        futile
    }

    /// Sets the mask that the program believes to have: the handlers of what is pending run.
    #[cold]
    fn restore_mask(&self) {
        let unblocked = DEFERRABLE - self.saved.get();
        self.mask_saved.store(false, Release);
        self.repeats.set(0);
        compiler_fence(SeqCst);
        // One that a fault's handler has left open is an outermost one from here on.
        self.state.store(self.state.load(Relaxed) & !1, Relaxed);
        let before = sigmask::swap(libc::SIG_UNBLOCK, unblocked);
        if !is_full(before) {
            // It was not the program's any more: that is set.
            sigmask::set(libc::SIG_SETMASK, before);
        }
    }

    #[cold]
    fn change_mask(&self, how: c_int, set: SignalSet) -> SignalSet {
        // From here on nothing is put off: it has been before, or will be when this is done.
        let before = sigmask::swap(libc::SIG_BLOCK, DEFERRABLE);
        let mask_saved = self.mask_saved.load(Relaxed) && !is_vfork_child();
        // What cannot be deferred is in the thread's own mask: a fault's handler blocks its signal.
        let old = if mask_saved && is_full(before) {
            self.saved.get() & DEFERRABLE | (before - DEFERRABLE)
        } else {
            before
        };
        let new = match how {
            libc::SIG_BLOCK => old | set,
            libc::SIG_UNBLOCK => old - set,
            _ => set,
        } - (SIGKILL | SIGSTOP);
        if mask_saved {
            self.saved.set(new);
            sigmask::set(libc::SIG_SETMASK, new | DEFERRABLE);
        } else {
            sigmask::set(libc::SIG_SETMASK, new);
        }
        old
    }
}

/// In a child of `vfork` the memory is the parent's, and so is a mask that was saved before; the
/// thread's mask is the child's.
fn is_vfork_child() -> bool {
    OWNER.is_this() && !OWNER.is_this_with_pid(Pid::current().as_raw())
}

/// Not by somebody's handler that was installed over it: the signal, sent again, would meet that
/// handler twice, and what it passed on as the context need not be one. Nor without SA_SIGINFO, as
/// C's `signal` puts it back: there is no info to send. A one-shot handler is installed again, for
/// the second time that its signal comes.
fn is_called_by_the_kernel(entry: usize, signal: Signal) -> bool {
    let mut installed = match sigaction(signal.as_raw(), None) {
        Ok(installed) => installed,
        Err(_) => return false,
    };
    if installed.handler == entry {
        return flag::has(installed.flags, flag::SIGINFO);
    }
    // The kernel keeps the flags of what it resets: so it is known too if somebody has put it back.
    const RESET: u32 = flag::RESETHAND | flag::SIGINFO;
    let is_one_shot = installed.flags & RESET == RESET || ONE_SHOT.contains(signal);
    if installed.handler != DEFAULT || !is_one_shot {
        return false;
    }
    installed.handler = entry;
    // gVisor forgets the flags with the handler.
    installed.flags |= RESET;
    sigaction(signal.as_raw(), Some(installed)).is_ok()
}
