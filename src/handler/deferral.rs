//! What an entry does when its signal arrives in a deferred section; the section itself is in `defer::section`.

use super::{Bits, Entry};
use crate::errno::KeepErrno;
use crate::mask::kernel_change;
use crate::set::SignalSet;
use crate::signal::Signal;
use crate::sys::{context, requeue};
use core::cell::{Cell, UnsafeCell};
use core::mem::MaybeUninit;
use core::sync::atomic::Ordering::{Relaxed, SeqCst};
use core::sync::atomic::{AtomicBool, AtomicI32, AtomicU32, AtomicUsize};
use libc::{c_int, c_void, siginfo_t};

/// How many signals can be kept. More than one arrives only when several are delivered at the same moment; what finds no
/// place goes back to the kernel.
const PLACES: usize = 16;

/// A signal that has arrived and waits for the end of the section.
#[derive(Clone, Copy)]
pub(crate) struct Kept {
    pub(crate) signal: Signal,
    pub(crate) info: siginfo_t,
    pub(crate) entry: Entry,
}

/// One thread's section. Only that thread and the handlers that interrupt it come here, so that plain loads and stores of
/// atomics are enough.
pub(crate) struct Section {
    pub(crate) depth: AtomicU32,
    /// Whether the end of the section has anything to do.
    pub(crate) attention: AtomicBool,
    /// Whether a deferral has put a full mask there, and `mask` is what it was and will be again. Void when the thread's mask
    /// is not full: a handler that the deferral has interrupted has put back another.
    pub(crate) holds_mask: AtomicBool,
    mask: Cell<MaybeUninit<SignalSet>>,
    /// Whether the kept signals are being handled.
    pub(crate) settling: AtomicBool,
    /// The process that the kept signals arrived in. A forked child has none pending.
    process: AtomicI32,
    count: AtomicUsize,
    kept: UnsafeCell<[MaybeUninit<Kept>; PLACES]>,
}

/// Whether any section has ever been entered. Until then no handler touches a thread-local, the first touch of which
/// allocates in a library that was loaded by `dlopen`.
pub(crate) static EVER: AtomicBool = AtomicBool::new(false);

std::thread_local! {
    /// Made of zeros, without a destructor: touching it runs no code.
    pub(crate) static SECTION: Section = const {
        Section {
            depth: AtomicU32::new(0),
            attention: AtomicBool::new(false),
            holds_mask: AtomicBool::new(false),
            mask: Cell::new(MaybeUninit::uninit()),
            settling: AtomicBool::new(false),
            process: AtomicI32::new(0),
            count: AtomicUsize::new(0),
            kept: UnsafeCell::new([MaybeUninit::uninit(); PLACES]),
        }
    };
}

/// Keeps the signal for the end of the section, if the thread is in one. The entry must then return.
#[inline(always)]
pub(super) fn defer(number: c_int, info: *mut siginfo_t, context: *mut c_void, entry: Entry) -> bool {
    EVER.load(Relaxed)
        && SECTION
            .try_with(|section| {
                if section.depth.load(Relaxed) != 0 {
                    return section.defer(number, info, context, entry);
                }
                if section.attention.load(Relaxed) {
                    section.catch_up(number);
                }
                false
            })
            .unwrap_or(false)
}

fn can_be_deferred(signal: Signal) -> bool {
    SignalSet::asynchronous().contains(signal)
}

/// What stays unblocked whatever one says: some emulators lack the last realtime signals. Found at the first deferral.
static UNBLOCKABLE: Bits = Bits::new();
static UNBLOCKABLE_KNOWN: AtomicBool = AtomicBool::new(false);

fn block_all() {
    let all = SignalSet::asynchronous();
    let mut blocked = SignalSet::zeroed();
    let mut done = kernel_change(libc::SIG_BLOCK, Some(&all), None);
    if done.is_ok() && !UNBLOCKABLE_KNOWN.load(SeqCst) {
        done = kernel_change(libc::SIG_BLOCK, None, Some(&mut blocked));
        let open = all.iter().filter(|signal| !blocked.contains(*signal));
        open.for_each(|signal| UNBLOCKABLE.insert(signal.as_raw()));
        UNBLOCKABLE_KNOWN.store(true, SeqCst);
    }
    if done.is_err() {
        // Where a guard panics. A handler must not.
        // SAFETY: takes nothing and does not return.
        unsafe { libc::abort() }
    }
}

/// Whether a mask blocks all that can be deferred.
pub(crate) fn is_full(mask: &SignalSet) -> bool {
    let blocks = |signal: Signal| mask.contains(signal) || UNBLOCKABLE.contains(signal.as_raw());
    SignalSet::asynchronous().iter().all(blocks)
}

/// SAFETY: `context` must be what the kernel passed to a handler that is still running.
unsafe fn fill_mask(context: *mut c_void) {
    // SAFETY: by the caller's promise.
    unsafe { context::block(context, &SignalSet::asynchronous()) };
}

impl Section {
    /// In steps, whose sets are gone before the next: the stack of a handler can be small.
    #[cold]
    fn defer(&self, number: c_int, info: *mut siginfo_t, context: *mut c_void, entry: Entry) -> bool {
        let _errno = KeepErrno::new();
        let signal = match Signal::from_raw(number) {
            Some(signal) if can_be_deferred(signal) => signal,
            _ => return false,
        };
        // From here on no other handler interrupts; those that have already are done. Undone when the entry returns.
        block_all();
        self.forget_what_a_parent_kept();
        // SAFETY: on the platforms with deferral the kernel always passes it.
        self.keep(Kept { signal, info: unsafe { *info }, entry });
        // SAFETY: the same, and it is used while the handler runs.
        unsafe {
            self.note_mask(context);
            fill_mask(context);
        }
        self.holds_mask.store(true, Relaxed);
        self.attention.store(true, Relaxed);
        true
    }

    /// Notes the mask in the context.
    ///
    /// SAFETY: `context` must be what the kernel passed to a handler that is still running.
    unsafe fn note_mask(&self, context: *mut c_void) {
        // SAFETY: by the caller's promise.
        let interrupted = unsafe { context::mask(context) };
        // Several handlers can be stacked, the inner ones upon entries that have not got here: the outermost has the mask
        // that the program had. What `sigsuspend` will restore is full already.
        if !(self.holds_mask.load(Relaxed) && is_full(&interrupted)) {
            self.set_mask(interrupted);
        }
    }

    /// As the kernel: of a standard signal one. Everything that can be deferred must be blocked.
    pub(crate) fn keep(&self, kept: Kept) {
        // Those with a name do not queue.
        if self.filled().any(|other| other.signal == kept.signal) && kept.signal.name().is_some() {
            return;
        }
        let count = self.count.load(Relaxed);
        if count < PLACES {
            // SAFETY: within the array. With everything blocked nobody else writes here, and whoever reads, and was
            // interrupted, does so below `count`.
            unsafe { self.place(count).write(MaybeUninit::new(kept)) };
            self.count.store(count + 1, Relaxed);
            return;
        }
        if requeue::requeue(kept.signal, &kept.info).is_err() {
            // The queue is full: the kernel still notes that it is pending.
            // SAFETY: takes plain values.
            unsafe { libc::kill(libc::getpid(), kept.signal.as_raw()) };
        }
    }

    /// What the program takes for its mask, while `holds_mask`.
    pub(crate) fn mask(&self) -> SignalSet {
        // SAFETY: set before `holds_mask`, without which nobody asks.
        unsafe { self.mask.get().assume_init() }
    }

    pub(crate) fn set_mask(&self, mask: SignalSet) {
        self.mask.set(MaybeUninit::new(mask));
    }

    /// Handles what was kept of this signal before what arrives now, outside: a section ends just now, or the kernel had no
    /// room to take back what was still blocked when one ended.
    #[cold]
    fn catch_up(&self, number: c_int) {
        if self.settling.swap(true, Relaxed) {
            // They are being handled, and this is one of them.
            return;
        }
        let _errno = KeepErrno::new();
        let mut before = SignalSet::zeroed();
        if kernel_change(libc::SIG_BLOCK, Some(&SignalSet::asynchronous()), Some(&mut before)).is_ok() {
            self.forget_what_a_parent_kept();
            while let Some(mut kept) = self.take(|kept| kept.signal.as_raw() == number) {
                let mut context = MaybeUninit::<libc::ucontext_t>::zeroed();
                (kept.entry)(number, &mut kept.info, context.as_mut_ptr().cast());
            }
            let _ = kernel_change(libc::SIG_SETMASK, Some(&before), None);
        }
        self.settling.store(false, Relaxed);
    }

    /// Drops what was kept before a fork. All that can be deferred must be blocked.
    fn forget_what_a_parent_kept(&self) {
        // SAFETY: takes nothing and cannot fail.
        let process = unsafe { libc::getpid() };
        if self.process.load(Relaxed) != process {
            self.count.store(0, Relaxed);
            self.process.store(process, Relaxed);
        }
    }

    /// The first of the kept signals that `wanted` accepts. All that can be deferred must be blocked.
    pub(crate) fn take(&self, mut wanted: impl FnMut(&Kept) -> bool) -> Option<Kept> {
        if self.count.load(Relaxed) != 0 {
            // Each time: a handler that is called in between may fork.
            self.forget_what_a_parent_kept();
        }
        let count = self.count.load(Relaxed);
        // SAFETY: the first `count` places are filled, and with everything blocked nobody else uses them.
        let kept = unsafe { &mut *self.kept.get() }.get_mut(..count)?;
        // SAFETY: filled, as above.
        let place = kept.iter().position(|place| wanted(unsafe { place.assume_init_ref() }))?;
        // SAFETY: filled, as above.
        let found = unsafe { kept[place].assume_init() };
        kept.copy_within(place + 1.., place);
        self.count.store(count - 1, Relaxed);
        Some(found)
    }

    /// Which signals are kept.
    pub(crate) fn kept(&self) -> SignalSet {
        // SAFETY: takes nothing and cannot fail.
        if self.process.load(Relaxed) != unsafe { libc::getpid() } {
            return SignalSet::empty();
        }
        self.filled().map(|kept| kept.signal).collect()
    }

    /// Whether none is. Everything that can be deferred must be blocked.
    pub(crate) fn is_empty(&self) -> bool {
        self.count.load(Relaxed) == 0
    }

    fn filled(&self) -> impl Iterator<Item = &Kept> {
        // SAFETY: these places are filled; a handler that interrupts adds behind them.
        (0..self.count.load(Relaxed)).map(move |index| unsafe { (*self.place(index)).assume_init_ref() })
    }

    /// No reference to all of the places: a handler may write one while another is read.
    fn place(&self, index: usize) -> *mut MaybeUninit<Kept> {
        self.kept.get().cast::<MaybeUninit<Kept>>().wrapping_add(index)
    }
}
