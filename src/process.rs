//! Which process this is.
//!
//! A pid does not tell: process 1 of a container can start a container, whose process 1 has a copy
//! of its memory. A mark that a fork wipes does not tell either: a child of `vfork` shares it. Both
//! together do. Code that no child of `vfork` runs asks for the mark alone, which costs no system
//! call. Where there is no such mark (`build.rs`: `wipe_on_fork`; a sandbox; gVisor), the pid must
//! do: then a child in a pid namespace of its own that has its parent's pid is taken for its parent,
//! and a child of `vfork` in its parent's deferred section for one of `fork`, whose changes of the
//! mask are its own. Everywhere, one that shares its parent's memory as a child of `vfork` does and
//! has its pid too is taken for its parent.

use crate::pid::Pid;
use crate::sys::wipe_on_fork;
use core::ptr;
use core::sync::atomic::Ordering::{Acquire, SeqCst};
use core::sync::atomic::{AtomicI32, AtomicPtr, AtomicUsize};

/// Where the mark is: zero in a process that has not set its own yet. Null: not decided yet;
/// `NO_MARK`: nowhere. Decided once, for this process and its descendants: two threads that told it
/// by different means would both hold a lock.
static MARK: AtomicPtr<AtomicUsize> = AtomicPtr::new(ptr::null_mut());
static NO_MARK: AtomicUsize = AtomicUsize::new(0);

/// The highest mark that this process or one of its ancestors may have set.
static LAST: AtomicUsize = AtomicUsize::new(0);

fn mark() -> Option<&'static AtomicUsize> {
    // SAFETY: null, a static, or memory that is never given back.
    let mark = unsafe { MARK.load(Acquire).as_ref() };
    mark.filter(|mark| !ptr::eq(*mark, &NO_MARK))
}

#[cold]
fn make_mark() -> Option<&'static AtomicUsize> {
    if MARK.load(Acquire).is_null() {
        let memory = wipe_on_fork::allocate().unwrap_or(ptr::addr_of!(NO_MARK) as *mut _);
        // Another thread may have been faster; then this memory stays unused.
        let _ = MARK.compare_exchange(ptr::null_mut(), memory, SeqCst, SeqCst);
    }
    mark()
}

/// What tells this process from its ancestors: neither zero nor the highest number. Not for
/// handlers.
pub(crate) fn token() -> usize {
    match mark().or_else(make_mark) {
        None => Pid::current().as_raw() as usize,
        Some(mark) => match mark.load(SeqCst) {
            0 => {
                // In this order: a child that another thread forks in between must not set the
                // mark of its parent.
                let next = LAST.fetch_add(1, SeqCst) + 1;
                mark.compare_exchange(0, next, SeqCst, SeqCst).map_or_else(|set| set, |_| next)
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
        // Not zero, which is the mark of a child that has not set its own.
        Owner { pid: AtomicI32::new(0), token: AtomicUsize::new(usize::MAX) }
    }

    /// Makes the calling process the owner. In between, the token is another process's still: no
    /// process is the owner.
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

    /// The same without a system call: not where there is no mark. Async-signal-safe.
    #[inline]
    pub(crate) fn has_mark(&self) -> bool {
        mark().map(|mark| mark.load(SeqCst)) == Some(self.token.load(SeqCst))
    }

    /// The same, in a child of `vfork` too; `pid` is the calling process's. Async-signal-safe.
    #[inline]
    pub(crate) fn is_this_with_pid(&self, pid: i32) -> bool {
        let now = mark().map_or(pid as usize, |mark| mark.load(SeqCst));
        self.token.load(SeqCst) == now && self.pid.load(SeqCst) == pid
    }
}
