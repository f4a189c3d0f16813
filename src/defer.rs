//! Critical sections without a system call.

#[cfg(has_deferral)]
mod section;

#[cfg(has_deferral)]
pub(crate) use self::section::{change_mask, ever, kept, suspend_mask, take};

use core::fmt;
use core::marker::PhantomData;

/// Keeps handlers from running on the calling thread until it is dropped, without a system call unless a signal comes.
///
/// Entering raises a number that belongs to the thread, leaving lowers it: about a nanosecond, against two system calls for a
/// [`BlockGuard`](crate::BlockGuard). A signal that arrives meanwhile is not handled but kept, and everything is blocked
/// then until the outermost guard is dropped. Before that drop returns every signal that has arrived has been handled, with
/// its own [`Info`](crate::Info); realtime signals in order and each; and the mask is what it was.
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
/// | | `BlockGuard` | `DeferGuard` |
/// |---|---|---|
/// | handlers of this crate (functions, `Flag`, `Count`, `SelfPipe`) | wait | wait |
/// | SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGTRAP, SIGSYS, SIGABRT | as the set says | never wait |
/// | default effects (SIGINT that kills, SIGTSTP that stops) | wait | happen |
/// | handlers installed by other means | wait | run |
/// | a system call in the region | is not interrupted | may be, or may return early |
/// | a signal for the process | goes to another thread that lets it through | may be kept on this thread |
/// | a handler put off | runs as always | runs on the ordinary stack, with everything blocked; one that a `SelfPipe` calls on gets a context of zeros |
/// | a realtime signal that arrived and is blocked when the region ends | pending | pending; behind others of its number it stays kept, and comes before them |
/// | a handler replaced in the region | the new one runs | the old one may |
/// | `exec`, end of the thread | what is pending survives `exec` | what is kept is lost |
/// | `fork` | the child is blocked too, with nothing pending | the child defers too, with nothing kept |
/// | a thread started in the region | inherits the block | does not, unless a signal has been kept: then all is blocked |
/// | [`blocked`](crate::blocked) | shows it | does not show it |
/// | raw `pthread_sigmask`, and `ppoll` and the like, which change the mask | seen | not to be used |
/// | leaked (`mem::forget`) | blocked for ever | deferred for ever |
///
/// Guards of all kinds nest; the others cost two system calls more in the section. [`pending`](crate::pending) reports what is kept, [`SignalSet::wait`](crate::SignalSet::wait)
/// takes it. [`BlockGuard::wait`](crate::BlockGuard::wait) inside the section waits, as inside a block of everything, for
/// what cannot come; so does the reading of a `SelfPipe`. Async-signal-safe.
///
/// Realtime signals that are sent to one thread, and not to the process, can change places in two cases: more than 16 signals are
/// kept at once, or one comes at the very moment at which a section ends with its number blocked.
///
/// Platforms: Linux with glibc or musl on x86, x86_64, arm, aarch64, riscv64, s390x and loongarch64, with glibc on powerpc64. Elsewhere it
/// is a [`BlockGuard`](crate::BlockGuard) of all signals but those of the second row. In a library loaded by `dlopen` the
/// first touch of a thread-local allocates, in the first handler of a thread: use a `BlockGuard` there.
///
/// Source: Stodolsky, Chen and Bershad, *Fast Interrupt Priority Management in Operating System Kernels*, 1993; in use
/// inside illumos libc and FreeBSD libthr.
#[must_use = "signals are deferred until the guard is dropped"]
pub struct DeferGuard {
    #[cfg(not(has_deferral))]
    _blocked: crate::BlockGuard,
    // The section belongs to the thread.
    _not_send: PhantomData<*mut ()>,
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

#[cfg(not(has_deferral))]
impl DeferGuard {
    /// Enters a section.
    pub fn new() -> DeferGuard {
        DeferGuard {
            _blocked: crate::BlockGuard::new(crate::SignalSet::asynchronous()),
            _not_send: PhantomData,
        }
    }
}
