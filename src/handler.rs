//! Everything that runs inside a signal handler, and nothing else.
//!
//! A handler runs between any two instructions of the program. What stands here therefore allocates nothing, takes no
//! lock, cannot panic, keeps `errno`, and calls no function that POSIX does not list as async-signal-safe: `getpid`,
//! `write`, `close` and `abort` are all that it calls.

#[cfg(has_deferral)]
pub(crate) mod deferral;

use crate::errno::KeepErrno;
use crate::info::Info;
use crate::signal::Signal;
use crate::sys::doorbell::Doorbell;
use crate::sys::number::HIGHEST;
use core::mem;
use core::ptr::{self, NonNull};
use core::sync::atomic::Ordering::{AcqRel, Acquire, Release, SeqCst};
use core::sync::atomic::{AtomicBool, AtomicI32, AtomicPtr, AtomicU32, AtomicUsize};
use libc::{c_int, c_void, siginfo_t};

/// What the kernel calls.
pub(crate) type Entry = extern "C" fn(c_int, *mut siginfo_t, *mut c_void);

/// One entry for each signal number, 0 unused.
pub(crate) type Table<T> = [T; HIGHEST as usize + 1];

/// Ends the process when a handler panics: the frames below it are the interrupted program's, not to be unwound.
struct AbortOnUnwind;

impl Drop for AbortOnUnwind {
    fn drop(&mut self) {
        const MESSAGE: &[u8] = b"signal: a signal handler panicked, aborting\n";
        // SAFETY: the bytes are there; the process ends whether they could be written or not.
        unsafe {
            libc::write(libc::STDERR_FILENO, MESSAGE.as_ptr().cast(), MESSAGE.len());
            libc::abort()
        }
    }
}

/// Ends the entry if the thread is in a deferred section, which will call it again.
macro_rules! unless_deferred {
    ($entry:expr, $number:ident, $info:ident, $context:ident) => {
        #[cfg(has_deferral)]
        if deferral::defer($number, $info, $context, $entry) {
            return;
        }
        #[cfg(not(has_deferral))]
        let _ = ($info, $context);
    };
}

/// The entry of a function that takes the signal.
pub(crate) extern "C" fn function<F: Fn(Signal)>(number: c_int, info: *mut siginfo_t, context: *mut c_void) {
    unless_deferred!(function::<F>, number, info, context);
    let _errno = KeepErrno::new();
    let abort = AbortOnUnwind;
    if let Some(signal) = Signal::from_raw(number) {
        // SAFETY: `F` has no size (checked where this entry was chosen) and a value of it existed there, so that any
        // aligned address is one of its values.
        (unsafe { NonNull::<F>::dangling().as_ref() })(signal);
    }
    mem::forget(abort);
}

/// The entry of a function that takes the signal and what the kernel says of it.
pub(crate) extern "C" fn function_with_info<F: Fn(Signal, &Info)>(
    number: c_int,
    info: *mut siginfo_t,
    context: *mut c_void,
) {
    unless_deferred!(function_with_info::<F>, number, info, context);
    let _errno = KeepErrno::new();
    let abort = AbortOnUnwind;
    if let Some(signal) = Signal::from_raw(number) {
        let bare = Info::bare(number);
        // SAFETY: the kernel passes a whole structure, or on some systems nothing; `Info` is that structure.
        let info = unsafe { info.cast::<Info>().as_ref() }.unwrap_or(&bare);
        // SAFETY: as in `function`.
        (unsafe { NonNull::<F>::dangling().as_ref() })(signal, info);
    }
    mem::forget(abort);
}

#[allow(clippy::declare_interior_mutable_const)] // the initial value of each entry of a table, never used in place
mod initial {
    use super::{AtomicBool, AtomicI32, AtomicPtr, AtomicU32, AtomicUsize, Previous, Slot};
    use core::ptr;

    pub(super) const FLAG: AtomicPtr<AtomicBool> = AtomicPtr::new(ptr::null_mut());
    pub(super) const COUNT: AtomicPtr<AtomicUsize> = AtomicPtr::new(ptr::null_mut());
    pub(super) const WATCHERS: AtomicU32 = AtomicU32::new(0);
    pub(super) const PREVIOUS: Previous =
        Previous { plain: AtomicPtr::new(ptr::null_mut()), with_info: AtomicPtr::new(ptr::null_mut()) };
    pub(super) const SLOT: Slot = Slot::new();
    pub(super) const WORD: AtomicU32 = AtomicU32::new(0);
    pub(super) const NOBODY: AtomicI32 = AtomicI32::new(0);
}

/// What `Handler::Flag` sets and `Handler::Count` counts. The targets are `'static`, so that a handler still running
/// after its flag was replaced does no harm. Two tables: an entry never meets a pointer of the other's type.
pub(crate) static FLAGS: Table<AtomicPtr<AtomicBool>> = [initial::FLAG; HIGHEST as usize + 1];
pub(crate) static COUNTS: Table<AtomicPtr<AtomicUsize>> = [initial::COUNT; HIGHEST as usize + 1];

/// The entry of `Handler::Flag`.
pub(crate) extern "C" fn flag(number: c_int, info: *mut siginfo_t, context: *mut c_void) {
    unless_deferred!(flag, number, info, context);
    // SAFETY: the table holds null or `'static` references.
    let target = FLAGS.get(number as usize).and_then(|entry| unsafe { entry.load(Acquire).as_ref() });
    if let Some(flag) = target {
        flag.store(true, Release);
    }
}

/// The entry of `Handler::Count`.
pub(crate) extern "C" fn count(number: c_int, info: *mut siginfo_t, context: *mut c_void) {
    unless_deferred!(count, number, info, context);
    // SAFETY: the table holds null or `'static` references.
    let target = COUNTS.get(number as usize).and_then(|entry| unsafe { entry.load(Acquire).as_ref() });
    if let Some(count) = target {
        count.fetch_add(1, AcqRel);
    }
}

/// How many self-pipes a process can have: the bits of an entry of `WATCHERS`.
pub(crate) const SLOTS: usize = 32;

/// For each signal the self-pipes that watch it, one bit for each slot.
pub(crate) static WATCHERS: Table<AtomicU32> = [initial::WATCHERS; HIGHEST as usize + 1];

/// For each signal the function that was there before the first self-pipe, and is called too.
pub(crate) static PREVIOUS: Table<Previous> = [initial::PREVIOUS; HIGHEST as usize + 1];

pub(crate) static PIPES: [Slot; SLOTS] = [initial::SLOT; SLOTS];

/// A function that a self-pipe calls on: at most one of the two is there.
pub(crate) struct Previous {
    pub(crate) plain: AtomicPtr<c_void>,
    pub(crate) with_info: AtomicPtr<c_void>,
}

/// A set of signals that any number of threads and handlers may add to at once.
pub(crate) struct Bits([AtomicU32; HIGHEST as usize / 32 + 1]);

/// What the handler and the reader of one self-pipe share.
pub(crate) struct Slot {
    /// One for the `SelfPipe`, one for each handler that is about to ring. The descriptors are closed by whoever gives
    /// the last one back, and a handler that finds none left does not touch them: that is why no handler ever writes to
    /// a number that has been given to something else.
    pub(crate) references: AtomicUsize,
    /// The process whose descriptors these are. In a forked child they still lead to the parent.
    pub(crate) owner: AtomicI32,
    pub(crate) read: AtomicI32,
    pub(crate) write: AtomicI32,
    pub(crate) arrived: Bits,
    /// Whether the doorbell has been rung since the reader last silenced it.
    pub(crate) rung: AtomicBool,
    /// What arrived in a process that the pipe does not belong to (a forked child that has not made it its own yet): for
    /// each signal, which process that was, or 0. A child of `vfork` writes into its parent's memory, and its number tells
    /// what is not the parent's.
    strays: Table<AtomicI32>,
}

impl Bits {
    const fn new() -> Bits {
        Bits([initial::WORD; HIGHEST as usize / 32 + 1])
    }

    pub(crate) fn insert(&self, number: c_int) {
        if let Some(word) = self.0.get(number as usize / 32) {
            word.fetch_or(1 << (number as u32 % 32), SeqCst);
        }
    }

    #[cfg(has_deferral)]
    fn contains(&self, number: c_int) -> bool {
        self.0
            .get(number as usize / 32)
            .map_or(false, |word| word.load(SeqCst) >> (number as u32 % 32) & 1 == 1)
    }

    /// Empties the set and calls `each` with the numbers that were in it.
    pub(crate) fn take(&self, mut each: impl FnMut(c_int)) {
        for (index, word) in self.0.iter().enumerate() {
            // Most words are empty: a load is cheaper than a swap.
            let mut bits = if word.load(SeqCst) == 0 { 0 } else { word.swap(0, SeqCst) };
            while bits != 0 {
                each((index * 32) as c_int + bits.trailing_zeros() as c_int);
                bits &= bits - 1;
            }
        }
    }
}

impl Slot {
    const fn new() -> Slot {
        Slot {
            references: AtomicUsize::new(0),
            owner: AtomicI32::new(0),
            read: AtomicI32::new(-1),
            write: AtomicI32::new(-1),
            arrived: Bits::new(),
            rung: AtomicBool::new(false),
            strays: [initial::NOBODY; HIGHEST as usize + 1],
        }
    }

    /// Keeps the descriptors open, unless their pipe has gone.
    fn acquire(&self) -> bool {
        self.references.fetch_update(AcqRel, Acquire, |n| if n == 0 { None } else { Some(n + 1) }).is_ok()
    }

    /// Gives a reference back, the last of which closes the descriptors.
    pub(crate) fn release(&self) {
        // Read first: as soon as no reference is left, another pipe may take the slot.
        let bell = Doorbell { read: self.read.load(Acquire), write: self.write.load(Acquire) };
        if self.references.fetch_sub(1, AcqRel) == 1 {
            bell.close();
        }
    }

    /// Wakes the reader, once until it has silenced the doorbell. Whoever calls this holds a reference.
    ///
    /// The signal is recorded before, the reader silences before it collects: so that either it collects this signal
    /// too or this rings anew. A doorbell that does not take the bytes (EAGAIN) rings already.
    pub(crate) fn ring(&self) {
        if !self.rung.swap(true, SeqCst) {
            let one = 1u64;
            // SAFETY: eight bytes, as an eventfd wants them; the descriptor is open and ours while we hold a reference.
            unsafe {
                libc::write(self.write.load(Acquire), ptr::addr_of!(one).cast(), mem::size_of::<u64>())
            };
        }
    }

    /// Takes back what was recorded for a process that did not own the pipe: whoever succeeds reports the signal.
    fn take_stray(&self, number: usize, pid: c_int) -> bool {
        self.strays.get(number).map_or(false, |who| who.compare_exchange(pid, 0, SeqCst, SeqCst).is_ok())
    }

    /// Takes all of them back and calls `each` with their numbers.
    pub(crate) fn take_strays(&self, pid: c_int, mut each: impl FnMut(c_int)) {
        for number in 0..=HIGHEST {
            if self.take_stray(number as usize, pid) {
                each(number);
            }
        }
    }

    fn notify(&self, number: c_int, pid: c_int, watches: impl Fn() -> bool) {
        if self.owner.load(SeqCst) != pid {
            if let Some(who) = self.strays.get(number as usize) {
                who.store(pid, SeqCst);
            }
            // If another thread makes the pipe this process's own just now, it may have looked before we recorded.
            if self.owner.load(SeqCst) != pid || !self.take_stray(number as usize, pid) {
                return;
            }
        }
        if self.acquire() {
            // Asked again: another pipe may have taken the slot since.
            if watches() {
                self.arrived.insert(number);
                self.ring();
            }
            self.release();
        }
    }
}

/// The entry of every signal that a self-pipe watches.
pub(crate) extern "C" fn self_pipe(number: c_int, info: *mut siginfo_t, context: *mut c_void) {
    unless_deferred!(self_pipe, number, info, context);
    let _errno = KeepErrno::new();
    let (watchers, previous) = match (WATCHERS.get(number as usize), PREVIOUS.get(number as usize)) {
        (Some(watchers), Some(previous)) => (watchers, previous),
        _ => return,
    };
    // SAFETY: takes nothing and cannot fail.
    let pid = unsafe { libc::getpid() };
    let mut set = watchers.load(Acquire);
    while let Some(slot) = PIPES.get(set.trailing_zeros() as usize) {
        let bit = set & set.wrapping_neg();
        set &= !bit;
        slot.notify(number, pid, || watchers.load(Acquire) & bit != 0);
    }
    let plain = previous.plain.load(Acquire);
    if !plain.is_null() {
        // SAFETY: the address came from the kernel as that of a handler without SA_SIGINFO.
        unsafe { mem::transmute::<*mut c_void, extern "C" fn(c_int)>(plain)(number) }
    }
    let with_info = previous.with_info.load(Acquire);
    if !with_info.is_null() {
        // SAFETY: the address came from the kernel as that of a handler with SA_SIGINFO.
        unsafe { mem::transmute::<*mut c_void, Entry>(with_info)(number, info, context) }
    }
}
