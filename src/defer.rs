//! Critical sections without a system call.

use crate::entry::deferred;
use crate::set::SignalSet;
use core::fmt;
use core::marker::PhantomData;

/// Keeps handlers from running on the calling thread until it is dropped, without a system call
/// unless a signal comes.
///
/// Entering increments a thread-local depth, leaving decrements it: about a nanosecond, against two
/// system calls for a [`BlockGuard`](crate::BlockGuard). (The first section of a process makes a
/// few system calls to see which signals there are.) If a signal arrives meanwhile, its handler
/// does not run: everything is blocked from then on, and the signal is sent to the thread once
/// more, with its own [`Info`](crate::Info). Dropping the outermost guard restores the mask, and
/// the kernel delivers what is pending before that drop returns, with each handler's own mask,
/// stack and context.
///
/// ```
/// use signal::{DeferGuard, InstallGuard, SIGUSR1};
/// use std::sync::atomic::{AtomicBool, Ordering};
///
/// static ARRIVED: AtomicBool = AtomicBool::new(false);
///
/// let _installed = InstallGuard::new(SIGUSR1, &ARRIVED)?;
/// let guard = DeferGuard::new();
/// signal::raise(SIGUSR1)?;
/// assert!(!ARRIVED.load(Ordering::Acquire));
/// assert!(signal::pending().contains(SIGUSR1));
/// drop(guard);
/// assert!(ARRIVED.load(Ordering::Acquire));
/// # Ok::<(), signal::Errno>(())
/// ```
///
/// # What differs from a real block
///
/// | | `BlockGuard` | `DeferGuard` | once a signal has come |
/// |---|---|---|---|
/// | handlers of this crate (functions, `Flag`, `FlagOrDefault`, `Count`, `SelfPipe`) | wait | wait | wait |
/// | default effects (SIGINT that kills, SIGTSTP that stops) | wait | happen | wait |
/// | handlers installed by other means, or made by `Handler::from_raw` and `from_raw_with_info` | wait | run, and what they call on of this crate runs in them | wait |
/// | SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGTRAP, SIGSYS, SIGABRT | as the set says | never wait | never wait |
/// | a mask that a handler of these leaves changed | is restored | is restored | is the region's |
/// | a handler that another thread replaces at the moment of a delivery | – | may run in the region | – |
/// | a system call in the region | is not interrupted | may be, or may return early | is not interrupted |
/// | a signal for the process | goes to another thread that lets it through, is one with others of its number, survives the thread | is this thread's when it comes | as for `BlockGuard` |
/// | realtime signals sent to the thread | in order | one that comes can fall behind others of its number | in order |
/// | a queue that is full when a realtime signal comes | – | it is one with others of its number, loses its value, and another thread may get it | – |
/// | a thread or a program started in the region | inherits the block | inherits the program's mask | inherits the block of everything (`reset_signals` undoes it) |
/// | an [`UnblockGuard`](crate::UnblockGuard) in the region | lets signals through | does not | does not |
/// | [`blocked`](crate::blocked) | shows it | does not show it | does not show it |
/// | raw `pthread_sigmask`, and `ppoll` and the like, which change the mask | seen | not to be used | not to be used |
/// | waiting for a handler ([`BlockGuard::wait`](crate::BlockGuard::wait), a `SelfPipe`) | as the set says | never ends | never ends |
/// | leaked (`mem::forget`) | blocked for ever | deferred for ever | deferred for ever |
///
/// Guards of all kinds nest; the others cost one system call more in the section. A guard that a
/// handler keeps beyond its return may have no effect if the handler has interrupted the very end
/// of another section, or the very beginning of one.
/// Async-signal-safe, once a first guard has been made outside of handlers: that one calls `mmap`,
/// which POSIX does not list.
///
/// Platforms: Linux with glibc or musl on x86, x86_64, arm, aarch64, riscv64, s390x and
/// loongarch64, with glibc on powerpc64; only in the main program. Elsewhere it is a
/// [`BlockGuard`](crate::BlockGuard) of all signals except those that never wait. So it is in a
/// shared object, where the first touch of a thread-local in a handler could allocate, and under
/// valgrind, which does not honour the mask of a frame, once a signal has come.
///
/// Source: Stodolsky, Chen and Bershad, *Fast Interrupt Priority Management in Operating System
/// Kernels*, 1993; in use inside illumos libc and FreeBSD libthr.
#[must_use = "signals are deferred until the guard is dropped"]
pub struct DeferGuard {
    /// The mask of before, where the section is a block.
    blocked: Option<SignalSet>,
    // The section belongs to the thread.
    _not_send: PhantomData<*mut ()>,
}

impl DeferGuard {
    /// Enters a section.
    #[inline]
    pub fn new() -> DeferGuard {
        DeferGuard { blocked: deferred::enter(), _not_send: PhantomData }
    }
}

impl Drop for DeferGuard {
    #[inline]
    fn drop(&mut self) {
        deferred::leave(self.blocked);
    }
}

impl fmt::Debug for DeferGuard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("DeferGuard")
    }
}

impl Default for DeferGuard {
    fn default() -> DeferGuard {
        DeferGuard::new()
    }
}
