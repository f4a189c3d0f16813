//! Which process this is.
//!
//! A pid does not tell: process 1 of a container can start a container, whose process 1 has a copy of its memory. A mark
//! that a fork wipes does not tell either: a child of `vfork` shares it. Both together do. Code that no child of `vfork`
//! runs asks for the mark alone, which costs no system call. Where there is no such mark, the pid must do.

use crate::pid::Pid;
use crate::sys::wipe_on_fork;
use core::ptr;
use core::sync::atomic::Ordering::{Acquire, SeqCst};
use core::sync::atomic::{AtomicBool, AtomicI32, AtomicPtr, AtomicUsize};

/// Where the mark is: zero in a process that has not set its own yet.
static MARK: AtomicPtr<AtomicUsize> = AtomicPtr::new(ptr::null_mut());
static NO_MARK: AtomicBool = AtomicBool::new(false);

/// The last mark that this process or one of its ancestors has set. A child's is one more: no ancestor has had it.
static LAST: AtomicUsize = AtomicUsize::new(0);

fn mark() -> Option<&'static AtomicUsize> {
    // SAFETY: null, or memory that is never given back.
    unsafe { MARK.load(Acquire).as_ref() }
}

#[cold]
fn make_mark() -> Option<&'static AtomicUsize> {
    if NO_MARK.load(SeqCst) {
        return None;
    }
    match wipe_on_fork::allocate() {
        None => NO_MARK.store(true, SeqCst),
        // Another thread may have been faster; then this memory stays unused.
        Some(memory) => drop(MARK.compare_exchange(ptr::null_mut(), memory, SeqCst, SeqCst)),
    }
    mark()
}

/// What tells this process from its ancestors: never zero. Not for handlers.
pub(crate) fn token() -> usize {
    match mark().or_else(make_mark) {
        None => Pid::current().as_raw() as usize,
        Some(mark) => match mark.load(SeqCst) {
            0 => {
                let next = LAST.load(SeqCst) + 1;
                let set = mark.compare_exchange(0, next, SeqCst, SeqCst);
                LAST.store(set.map_or_else(|other| other, |_| next), SeqCst);
                mark.load(SeqCst)
            }
            token => token,
        },
    }
}

/// A process that owns something.
pub(crate) struct Owner {
    pid: AtomicI32,
    token: AtomicUsize,
}

impl Owner {
    pub(crate) const fn nobody() -> Owner {
        Owner { pid: AtomicI32::new(0), token: AtomicUsize::new(0) }
    }

    /// Makes the calling process the owner.
    pub(crate) fn set_to_this(&self) {
        self.pid.store(Pid::current().as_raw(), SeqCst);
        self.token.store(token(), SeqCst);
    }

    /// Whether the calling process is the owner. Not for a child of `vfork`.
    #[inline]
    pub(crate) fn is_this(&self) -> bool {
        let now = match mark() {
            Some(mark) => mark.load(SeqCst),
            None => Pid::current().as_raw() as usize,
        };
        self.token.load(SeqCst) == now
    }

    /// The same, in a child of `vfork` too; `pid` is the calling process's. Async-signal-safe.
    #[inline]
    pub(crate) fn is_this_with_pid(&self, pid: i32) -> bool {
        let now = mark().map_or(pid as usize, |mark| mark.load(SeqCst));
        self.token.load(SeqCst) == now && self.pid.load(SeqCst) == pid
    }
}
