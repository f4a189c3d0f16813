//! A lock for the tables that change outside handlers. No handler ever takes it.

use crate::deadline;
use crate::process;
use crate::set::SignalSet;
use crate::sigmask;
use core::sync::atomic::{AtomicUsize, Ordering};

/// Held by a process, not by a thread: after a fork, a lock that some other thread of the parent
/// held is free for the child, in which that thread does not exist. The data it protects must
/// therefore be consistent after every single write.
pub(crate) struct Lock(AtomicUsize);

/// While it lives no handler runs on the calling thread, so that the lock is held for short.
pub(crate) struct Locked<'a> {
    lock: &'a Lock,
    /// The thread's mask as it was.
    mask: SignalSet,
}

impl Lock {
    pub(crate) const fn new() -> Lock {
        Lock(AtomicUsize::new(0))
    }

    pub(crate) fn lock(&self) -> Locked<'_> {
        let mask = sigmask::swap(libc::SIG_BLOCK, SignalSet::asynchronous());
        let this = process::token();
        loop {
            let holder = self.0.load(Ordering::Relaxed);
            let free = holder != this;
            if free
                && self
                    .0
                    .compare_exchange(holder, this, Ordering::Acquire, Ordering::Relaxed)
                    .is_ok()
            {
                return Locked { lock: self, mask };
            }
            // Sleeps: a thread of a higher priority that spins would keep the holder from running.
            deadline::pause();
        }
    }
}

impl Drop for Locked<'_> {
    fn drop(&mut self) {
        self.lock.0.store(0, Ordering::Release);
        sigmask::set(libc::SIG_SETMASK, self.mask);
    }
}
