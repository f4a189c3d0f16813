//! The protocol of self-pipes: the handler's side and the reader's.
//!
//! **What they share** is a `Slot` for each pipe: `arrived`, the signals that the reader has not
//! taken; a descriptor that wakes it; `notified`, whether that has been written to since the reader
//! last drained it.
//!
//! - The handler puts the signal into `arrived`, then sets `notified`, and writes if it was not
//!   set. If the signal is in `arrived` already and `notified` is set, it does nothing: the reader
//!   takes both as one.
//! - The reader drains the descriptor, then clears `notified`, then takes `arrived`.
//!
//! **Why no signal is lost.** A handler that finds `notified` set has put its signal into `arrived`
//! before the reader clears `notified`, and the reader takes `arrived` after that: this reader
//! takes it. A handler that finds it clear writes, and the descriptor is readable until the reader
//! has drained it, after which it takes. Each thread writes at most once for each time that
//! `notified` is cleared, so that the descriptor never fills; if it were full it would be readable.
//!
//! **Why no handler writes to a stranger's descriptor.** `references` counts the `SelfPipe` and
//! each handler that is about to write. The descriptors are closed by the one that gives the last
//! reference back; a handler that finds none touches nothing. A slot with references is not given
//! to another pipe.
//!
//! **Who is told.** For each signal and generation (`entry/chain.rs`), `WATCHERS` has one bit for
//! each slot. A handler that has recorded its signal looks at the bit once more: if the pipe has
//! stopped watching meanwhile, it takes the signal back out. Either that succeeds, and the handler
//! continues as if there were no such watcher, or the reader has taken the signal: one of the two,
//! and after `remove` has returned a last look at the pipe finds all that will ever come. (If the
//! pipe watches again by then, the handler puts the signal back: a later one may be one with it.)
//!
//! **Infos.** A pipe can have a queue (`entry/queue.rs`), into which the handler puts what it knows
//! before it puts the signal into `arrived`. What holds for the signal holds for the info: a reader
//! that has cleared `notified` finds both, or will be notified. (When `remove` comes in between and
//! the handler takes the signal back out, the info stays.) Only a handler that has a reference and
//! then sees its bit in `WATCHERS` touches the queue. The pipe clears its bits, waits until no
//! reference is left except its own, and gives the queue up: a handler that takes one later sees no
//! bit, so that the queue can be another pipe's as soon as `close` returns.
//!
//! **In a forked child** the descriptors lead to the parent. The child does not touch the slot
//! until it has made it its own (`reopen`); what it receives before waits in `unowned`, under its
//! pid: a child of `vfork` writes into its parent's memory, and its number tells what is not the
//! parent's. Infos are not kept there but counted (`missed`), and the queue begins empty.

use super::queue::Ring;
use super::PerSignal;
use crate::deadline::pause;
use crate::errno::Result;
use crate::info::Info;
use crate::pid::Pid;
use crate::process::Owner;
use crate::set::{AtomicSignals, SignalSet};
use crate::signal::Signal;
use crate::sys::number::HIGHEST;
use crate::sys::wake_fd::WakeFd;
use core::cell::UnsafeCell;
use core::sync::atomic::Ordering::{AcqRel, Acquire, Release, SeqCst};
use core::sync::atomic::{AtomicBool, AtomicI32, AtomicU32, AtomicUsize};
use libc::c_int;

/// How many self-pipes a process can have: the bits of an element of `WATCHERS`.
pub(crate) const SLOTS: usize = 32;

/// How many entries there are for a signal (`entry/chain.rs`), each with watchers of its own.
pub(crate) const GENERATIONS: usize = 4;

#[allow(clippy::declare_interior_mutable_const)] // the initial values of elements, never used in place
mod initial {
    use super::*;

    pub(super) const WATCHERS: AtomicU32 = AtomicU32::new(0);
    pub(super) const PROCESS: AtomicI32 = AtomicI32::new(0);
    pub(super) const SLOT: Slot = Slot {
        woken: AtomicBool::new(false),
        queue: UnsafeCell::new(None),
        keeps_infos: AtomicBool::new(false),
        unowned_wake: PROCESS,
        missed: AtomicUsize::new(0),
        references: AtomicUsize::new(0),
        owner: Owner::nobody(),
        read: AtomicI32::new(-1),
        write: AtomicI32::new(-1),
        arrived: AtomicSignals::new(),
        notified: AtomicBool::new(false),
        unowned: PerSignal::new([PROCESS; HIGHEST as usize + 1]),
    };
    pub(super) const WATCHERS_OF_ALL: PerSignal<AtomicU32> =
        PerSignal::new([WATCHERS; HIGHEST as usize + 1]);
}

pub(crate) static WATCHERS: [PerSignal<AtomicU32>; GENERATIONS] =
    [initial::WATCHERS_OF_ALL; GENERATIONS];
pub(crate) static PIPES: [Slot; SLOTS] = [initial::SLOT; SLOTS];

/// Tells the pipes that watch the signal; whether there were any.
pub(crate) fn tell(
    watchers: &PerSignal<AtomicU32>,
    signal: Signal,
    info: impl Fn() -> Info,
) -> bool {
    let watchers = watchers.of(signal);
    let mut set = watchers.load(Acquire);
    if set == 0 {
        return false;
    }
    let mut told = false;
    let mut pid = None;
    while let Some(slot) = PIPES.get(set.trailing_zeros() as usize) {
        let bit = set & set.wrapping_neg();
        set &= !bit;
        told |= slot.has_already(signal) || {
            let pid = *pid.get_or_insert_with(|| Pid::current().as_raw());
            slot.record(signal, pid, || watchers.load(SeqCst) & bit != 0, &info)
        };
    }
    told
}

/// What the handler and the reader of one self-pipe share.
pub(crate) struct Slot {
    references: AtomicUsize,
    /// The process whose descriptors these are.
    owner: Owner,
    read: AtomicI32,
    write: AtomicI32,
    arrived: AtomicSignals,
    notified: AtomicBool,
    /// Whether the program has asked to wake the reader: an arrival that is no signal.
    woken: AtomicBool,
    /// Where infos go. Changes only while no handler looks at it: see the head.
    queue: UnsafeCell<Option<&'static Ring>>,
    /// Whether there is such a queue, for a handler that has no reference.
    keeps_infos: AtomicBool,
    /// For each signal, the process that received it without owning the pipe, or 0.
    unowned: PerSignal<AtomicI32>,
    /// The same of `woken`.
    unowned_wake: AtomicI32,
    /// How many infos a process has missed that does not own the pipe: its pid and, in the low
    /// bits, the number.
    missed: AtomicUsize,
}

// SAFETY: all but `queue` are atomic, and that changes only while nobody looks at it.
unsafe impl Sync for Slot {}

/// How many bits of `missed` count. The others hold a pid: where words are short, pids are too.
const COUNT_BITS: u32 = if usize::BITS == 64 { 32 } else { 10 };
const COUNT: usize = (1 << COUNT_BITS) - 1;

/// What the reader has taken.
pub(crate) struct Taken {
    pub(crate) signals: SignalSet,
    pub(crate) woken: bool,
}

/// The handler's side.
impl Slot {
    /// Keeps the descriptors open, unless their pipe has gone.
    fn acquire(&self) -> bool {
        self.references
            .fetch_update(SeqCst, Acquire, |n| if n == 0 { None } else { Some(n + 1) })
            .is_ok()
    }

    /// Gives a reference back, the last of which closes the descriptors.
    fn release(&self) {
        // Read first: as soon as no reference is left, another pipe may take the slot.
        let fd = self.wake_fd();
        if self.references.fetch_sub(1, AcqRel) == 1 {
            fd.close();
        }
    }

    /// Whether an earlier arrival of the signal, which the reader has yet to take, makes this one
    /// known too. In a child of `vfork` as well: the earlier one is its parent's, and stays.
    fn has_already(&self, signal: Signal) -> bool {
        // The owner before the set: until a child has made the pipe its own, that is its parent's.
        self.notified.load(SeqCst)
            && self.owner.has_mark()
            && !self.keeps_infos.load(SeqCst)
            && self.arrived.confirm(signal)
    }

    /// Records a signal for the reader and wakes it. Whether the pipe has the signal, or the reader
    /// will.
    fn record(
        &self,
        signal: Signal,
        pid: c_int,
        watches: impl Fn() -> bool,
        info: impl Fn() -> Info,
    ) -> bool {
        let own = self.owner.is_this_with_pid(pid);
        if !own && !self.hand_over(self.unowned.of(signal), pid) {
            self.miss(pid, watches);
            return true;
        }
        if !self.acquire() {
            return false;
        }
        // Asked again: another pipe may have taken the slot since.
        let mut recorded = watches();
        if recorded {
            if let Some(queue) = self.queue() {
                queue.push(info());
            }
            self.arrived.insert(signal);
            recorded = self.keeps(signal, watches);
        }
        if recorded {
            self.notify();
        }
        self.release();
        recorded
    }

    /// Whether what has just been recorded stays, for a reader to take. If the pipe has stopped
    /// watching and begins again meanwhile, it stays: later arrivals may be one with it.
    fn keeps(&self, signal: Signal, watches: impl Fn() -> bool) -> bool {
        loop {
            if watches() || !self.arrived.remove(signal) {
                return true;
            }
            if !watches() {
                return false;
            }
            self.arrived.insert(signal);
        }
    }

    /// Wakes the reader, once until it has drained the descriptor. The caller holds a reference.
    fn notify(&self) {
        if !self.notified.swap(true, SeqCst) {
            WakeFd::notify(self.write.load(Acquire));
        }
    }

    /// Wakes the reader without a signal. Async-signal-safe; the caller has the pipe, and so a
    /// reference.
    pub(crate) fn wake(&self) {
        let pid = Pid::current().as_raw();
        if self.owner.is_this_with_pid(pid) || self.hand_over(&self.unowned_wake, pid) {
            self.woken.store(true, SeqCst);
            self.notify();
        }
    }

    /// In a process that does not own the pipe: leaves something for `reopen` to find. True if it
    /// will not, since another thread makes the pipe this process's own just now and has looked
    /// before.
    fn hand_over(&self, unowned: &AtomicI32, pid: c_int) -> bool {
        unowned.store(pid, SeqCst);
        self.owner.is_this_with_pid(pid) && take_unowned(unowned, pid)
    }

    /// Counts an info that this process does not keep, since it does not own the pipe.
    #[cold]
    fn miss(&self, pid: c_int, watches: impl Fn() -> bool) {
        let of_this = (pid as usize) << COUNT_BITS;
        let _ = self.missed.fetch_update(SeqCst, SeqCst, |now| match now & COUNT {
            _ if now & !COUNT != of_this => Some(of_this + 1),
            COUNT => None,
            _ => Some(now + 1),
        });
        // If another thread makes the pipe this process's own just now, it may have looked before.
        if self.owner.is_this_with_pid(pid) && self.acquire() {
            if watches() {
                self.report_missed(pid);
            }
            self.release();
        }
    }

    /// Tells the queue what it has missed. As for `queue`.
    fn report_missed(&self, pid: c_int) {
        let of_this = (pid as usize) << COUNT_BITS;
        let take = |now: usize| if now & !COUNT == of_this { Some(0) } else { None };
        let missed = self.missed.fetch_update(SeqCst, SeqCst, take);
        if let (Ok(missed), Some(queue)) = (missed, self.queue()) {
            queue.count_lost(missed & COUNT);
        }
    }

    /// The caller holds a reference and, in a handler, has seen that the pipe watches the signal.
    fn queue(&self) -> Option<&'static Ring> {
        // SAFETY: it changes while there are no such references, or under the lock of the registry,
        // for a caller that holds that.
        unsafe { *self.queue.get() }
    }
}

/// Takes back what was recorded for a process that did not own the pipe: the one that succeeds
/// reports it.
fn take_unowned(unowned: &AtomicI32, pid: c_int) -> bool {
    unowned.compare_exchange(pid, 0, SeqCst, SeqCst).is_ok()
}

/// The reader's side.
impl Slot {
    pub(crate) fn is_free(&self) -> bool {
        self.references.load(Acquire) == 0
    }

    /// Makes a free slot a pipe's, which nothing watches yet, with a queue that no other pipe has.
    pub(crate) fn open(&self, fd: WakeFd, queue: Option<&'static Ring>) {
        // SAFETY: nobody has a reference.
        unsafe { *self.queue.get() = queue };
        self.keeps_infos.store(queue.is_some(), SeqCst);
        self.read.store(fd.read, Release);
        self.write.store(fd.write, Release);
        self.empty();
        // What came for the pipe before, in a child that never made it its own.
        let _ = self.take_all_unowned();
        self.missed.store(0, SeqCst);
        self.owner.set_to_this();
        self.references.store(1, SeqCst);
    }

    /// After a fork, in the child: makes the pipe this process's own, with what has arrived here
    /// since.
    pub(crate) fn reopen(&self) -> Result<()> {
        let fd = self.wake_fd().reopen()?;
        self.write.store(fd.write, Release);
        self.empty();
        // Handlers that were about to write in the parent never give their references back here.
        // None here takes one before the owner is set.
        self.references.store(1, SeqCst);
        self.owner.set_to_this();
        self.report_missed(Pid::current().as_raw());
        let received = self.take_all_unowned();
        if received.woken {
            self.woken.store(true, SeqCst);
        }
        if received.woken || !received.signals.is_empty() {
            received.signals.iter().for_each(|signal| self.arrived.insert(signal));
            self.notify();
        }
        Ok(())
    }

    /// Gives the pipe's reference back.
    pub(crate) fn close(&self) {
        if !self.owner.is_this() {
            // As in `reopen`.
            self.references.store(1, SeqCst);
        }
        if self.has_queue() {
            while self.references.load(SeqCst) > 1 {
                pause();
            }
            // SAFETY: no handler that has a reference now sees its bit in `WATCHERS`.
            unsafe { *self.queue.get() = None };
        }
        self.release();
    }

    /// For the holder of the registry's lock.
    pub(crate) fn uses(&self, queue: &Ring) -> bool {
        let address = |queue: &Ring| (queue as *const Ring).cast::<u8>();
        !self.is_free() && self.queue().map_or(false, |own| address(own) == address(queue))
    }

    pub(crate) fn is_own(&self) -> bool {
        self.owner.is_this()
    }

    pub(crate) fn fd(&self) -> c_int {
        self.read.load(Acquire)
    }

    /// Takes what has arrived.
    pub(crate) fn take(&self) -> Taken {
        if !self.owner.is_this() {
            return self.take_all_unowned();
        }
        WakeFd::drain(self.fd());
        self.notified.swap(false, SeqCst);
        // Hardly ever: a load is cheaper than a swap.
        let woken = self.woken.load(SeqCst) && self.woken.swap(false, SeqCst);
        Taken { signals: self.arrived.take(), woken }
    }

    pub(crate) fn has_queue(&self) -> bool {
        self.queue().is_some()
    }

    /// Makes the descriptor unreadable until something arrives; what has arrived stays.
    pub(crate) fn quiet(&self) {
        if self.owner.is_this() && self.has_queue() {
            WakeFd::drain(self.fd());
            self.notified.swap(false, SeqCst);
        }
    }

    /// The next info, if the process owns the pipe.
    pub(crate) fn next_info(&self) -> Option<Info> {
        self.queue().filter(|_| self.owner.is_this())?.pop()
    }

    fn wake_fd(&self) -> WakeFd {
        WakeFd { read: self.read.load(Acquire), write: self.write.load(Acquire) }
    }

    fn empty(&self) {
        self.arrived.take();
        self.woken.store(false, SeqCst);
        self.notified.store(false, SeqCst);
        if let Some(queue) = self.queue() {
            queue.reset();
        }
    }

    fn take_all_unowned(&self) -> Taken {
        let pid = Pid::current().as_raw();
        let here = |signal: &Signal| take_unowned(self.unowned.of(*signal), pid);
        let signals = SignalSet::full().iter().filter(here).collect();
        Taken { signals, woken: take_unowned(&self.unowned_wake, pid) }
    }
}
