//! A lock for the tables that change outside handlers. No handler ever takes it.

use crate::mask::BlockGuard;
use crate::pid::Pid;
use crate::set::SignalSet;
use core::sync::atomic::{AtomicI32, Ordering};

/// Held by a process, not by a thread: after a fork, a lock that some other thread of the parent held is free for the
/// child, in which that thread does not exist. What it protects must therefore be usable at any step of a change.
pub(crate) struct Lock(AtomicI32);

/// While it lives no handler runs on the calling thread, so that the lock is held for short.
pub(crate) struct Locked<'a> {
    lock: &'a Lock,
    _blocked: BlockGuard,
}

impl Lock {
    pub(crate) const fn new() -> Lock {
        Lock(AtomicI32::new(0))
    }

    pub(crate) fn lock(&self) -> Locked<'_> {
        let blocked = BlockGuard::new(SignalSet::asynchronous());
        let pid = Pid::current().as_raw();
        loop {
            let holder = self.0.load(Ordering::Relaxed);
            let free = holder != pid;
            if free && self.0.compare_exchange(holder, pid, Ordering::Acquire, Ordering::Relaxed).is_ok() {
                return Locked { lock: self, _blocked: blocked };
            }
            // SAFETY: takes nothing and has no effect on memory.
            unsafe { libc::sched_yield() };
        }
    }
}

impl Drop for Locked<'_> {
    fn drop(&mut self) {
        self.lock.0.store(0, Ordering::Release);
    }
}
