//! `InfoQueue`: what handlers know of the signals of a self-pipe, on its way to the reader.
//!
//! A ring of cells between any number of handlers and any number of readers, without a lock. A
//! *position* is a lap and, in its low bits, the index of a cell: the cell of that index has its
//! turn once a lap. `tail` is where the next info goes, `head` where the next one comes from.
//!
//! **The states of a cell**, seen from the position whose turn it is, of lap `l`:
//!
//! | `turn` | state | who moves it on |
//! |---|---|---|
//! | `l`, and `tail` is here | free | the handler that moves `tail` past it claims it |
//! | `l`, and `tail` is past it | claimed | that handler, which writes the info and sets `l + 1` |
//! | `l + 1`, and `head` is here | full | the reader that moves `head` past it claims it |
//! | `l + 1`, and `head` is past it | claimed | that reader, which reads and sets the next lap |
//!
//! **No torn info is read.** `tail` and `head` move by compare-exchange and never back, so that
//! each claim has one owner, the only one to touch the info until it sets `turn`. A handler claims
//! only what it has seen free, a reader only what it has seen full: the store of `turn` (Release)
//! and the look at it (Acquire) order their accesses. (A position comes again after all of a
//! `usize` has been counted: nobody sleeps between look and claim for so long.)
//!
//! **Nothing is lost silently.** A handler puts its info into a cell, or finds the cell at `tail`
//! not free while `tail` stays: then the queue is full, and it counts in `lost`. It begins again
//! only when another one has moved `tail`.
//!
//! **A handler that is stopped in the middle** of a claim, by another handler on its thread or
//! because its thread sleeps, holds up nobody: other handlers use the cells behind, and a reader
//! that meets the cell takes it for the end. It is not forgotten: the handler records the signal
//! and notifies the reader *after* it has set `turn` (`entry/pipe.rs`), so that the reader comes
//! again.
//!
//! **Order.** Infos come out in the order of the claims: for one thread, that of its handlers.
//!
//! **In a forked child** cells may be claimed by threads that do not exist there. Its handlers
//! leave the queue alone until the child makes the pipe its own, which begins with `reset`.

use crate::info::Info;
use core::cell::UnsafeCell;
use core::fmt;
use core::mem::MaybeUninit;
use core::sync::atomic::AtomicUsize;
use core::sync::atomic::Ordering::{AcqRel, Acquire, Relaxed, Release};

/// A queue for up to `N` [`Info`]s between the handlers of a [`SelfPipe`](crate::SelfPipe) and its
/// reader: a `static`, to be given to [`SelfPipe::with_queue`](crate::SelfPipe::with_queue).
///
/// It takes some 140 bytes for each, allocates nothing and needs no lock. What finds no room is
/// counted: make it as large as the number of signals that can arrive between two looks.
///
/// ```
/// use signal::{InfoQueue, Pid, SelfPipe, SIGUSR1};
///
/// static QUEUE: InfoQueue<64> = InfoQueue::new();
///
/// let pipe = SelfPipe::with_queue(SIGUSR1, &QUEUE)?;
/// signal::raise(SIGUSR1)?;
/// pipe.wait()?;
/// for info in pipe.infos() {
///     assert_eq!((info.signal(), info.sender_pid()), (SIGUSR1, Some(Pid::current())));
/// }
/// assert_eq!(QUEUE.lost(), 0);
/// # Ok::<(), signal::Errno>(())
/// ```
///
/// Source: D. Vyukov, [bounded MPMC
/// queue](https://www.1024cores.net/home/lock-free-algorithms/queues/bounded-mpmc-queue).
pub struct InfoQueue<const N: usize>(Ring<[Cell; N]>);

/// The queue of any length.
pub(crate) struct Ring<C: ?Sized = [Cell]> {
    head: AtomicUsize,
    tail: AtomicUsize,
    lost: AtomicUsize,
    /// What one lap adds to a position: a power of two, above each index and above 1.
    lap: usize,
    cells: C,
}

pub(crate) struct Cell {
    turn: AtomicUsize,
    info: UnsafeCell<MaybeUninit<Info>>,
}

// SAFETY: `info` is touched only by the one that has claimed the cell.
unsafe impl Sync for Cell {}

impl<const N: usize> InfoQueue<N> {
    /// An empty queue.
    pub const fn new() -> InfoQueue<N> {
        #[allow(clippy::declare_interior_mutable_const)] // the initial value of each element
        const FREE: Cell =
            Cell { turn: AtomicUsize::new(0), info: UnsafeCell::new(MaybeUninit::uninit()) };
        InfoQueue(Ring {
            head: AtomicUsize::new(0),
            tail: AtomicUsize::new(0),
            lost: AtomicUsize::new(0),
            lap: (N + 1).next_power_of_two(),
            cells: [FREE; N],
        })
    }

    /// How many infos found no room since the pipe was made; in a forked child, since that has made
    /// the pipe its own, and with those that came before it did.
    ///
    /// The signals themselves are not lost: their numbers are in the set that
    /// [`SelfPipe::pending`](crate::SelfPipe::pending) returns.
    pub fn lost(&self) -> usize {
        self.0.lost.load(Acquire)
    }

    pub(crate) fn ring(&self) -> &Ring {
        &self.0
    }
}

impl Ring {
    /// The cell of a position, whose lap comes with it; none in a queue without cells.
    fn at(&self, position: usize) -> Option<(&Cell, usize)> {
        let index = position & (self.lap - 1);
        self.cells.get(index).map(|cell| (cell, position - index))
    }

    fn after(&self, position: usize) -> usize {
        let index = position & (self.lap - 1);
        if index + 1 < self.cells.len() {
            position + 1
        } else {
            (position - index).wrapping_add(self.lap)
        }
    }

    /// From a handler: puts an info in, or counts it as lost.
    pub(crate) fn push(&self, info: Info) {
        let mut tail = self.tail.load(Relaxed);
        while let Some((cell, lap)) = self.at(tail) {
            let found = if cell.turn.load(Acquire) == lap {
                let claim = self.tail.compare_exchange(tail, self.after(tail), AcqRel, Relaxed);
                if claim.is_ok() {
                    // SAFETY: claimed when it was free: nobody else touches it until the store.
                    unsafe { (*cell.info.get()).write(info) };
                    cell.turn.store(lap + 1, Release);
                    return;
                }
                claim.unwrap_or_else(|now| now)
            } else {
                self.tail.load(Relaxed)
            };
            if found == tail {
                break;
            }
            tail = found;
        }
        self.count_lost(1);
    }

    /// From a reader: the oldest info, unless it is still being written.
    pub(crate) fn pop(&self) -> Option<Info> {
        let mut head = self.head.load(Relaxed);
        loop {
            let (cell, lap) = self.at(head)?;
            let found = if cell.turn.load(Acquire) == lap + 1 {
                let claim = self.head.compare_exchange(head, self.after(head), AcqRel, Relaxed);
                if claim.is_ok() {
                    // SAFETY: claimed when it was full: written, and nobody else touches it until
                    // the store.
                    let info = unsafe { (*cell.info.get()).assume_init() };
                    cell.turn.store(lap.wrapping_add(self.lap), Release);
                    return Some(info);
                }
                claim.unwrap_or_else(|now| now)
            } else {
                self.head.load(Relaxed)
            };
            if found == head {
                return None;
            }
            head = found;
        }
    }

    pub(crate) fn count_lost(&self, infos: usize) {
        self.lost.fetch_add(infos, AcqRel);
    }

    /// Makes it as new. While no handler and no reader of this process uses it.
    pub(crate) fn reset(&self) {
        for position in [&self.head, &self.tail, &self.lost] {
            position.store(0, Release);
        }
        for cell in &self.cells {
            cell.turn.store(0, Release);
        }
    }
}

impl<const N: usize> Default for InfoQueue<N> {
    /// An empty queue.
    fn default() -> InfoQueue<N> {
        InfoQueue::new()
    }
}

impl<const N: usize> fmt::Debug for InfoQueue<N> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("InfoQueue").field("capacity", &N).field("lost", &self.lost()).finish()
    }
}
