//! The signal mask of a thread: guards around critical regions.

use crate::errno::{check_pthread, Errno, Result};
use crate::set::SignalSet;
use crate::signal;
use crate::sys;
use core::fmt;
use core::marker::PhantomData;
use core::ptr;
use libc::c_int;

/// Changes the calling thread's mask. The old one goes to `old`.
#[inline]
fn change(how: c_int, set: Option<&SignalSet>, old: Option<&mut SignalSet>) -> Result<()> {
    #[cfg(has_deferral)]
    if crate::defer::ever() {
        return crate::defer::change_mask(how, set, old);
    }
    kernel_change(how, set, old)
}

/// The same, past a deferred section.
#[inline]
pub(crate) fn kernel_change(how: c_int, set: Option<&SignalSet>, old: Option<&mut SignalSet>) -> Result<()> {
    let set = set.map_or(ptr::null(), |set| set.as_raw() as *const libc::sigset_t);
    let old = old.map_or(ptr::null_mut(), |old| old.as_mut_raw() as *mut libc::sigset_t);
    // SAFETY: `set` is null or points to a whole set, `old` is null or points to room for one.
    check_pthread(unsafe { libc::pthread_sigmask(how, set, old) })
}

/// `how` is one of the three that there are, which leaves the call nothing to fail of. If it fails all the same (a
/// sandbox, say), going on with signals where the program has excluded them would be worse than not going on.
#[inline]
fn must(changed: Result<()>) {
    #[cold]
    fn failed(error: Errno) -> ! {
        panic!("pthread_sigmask: {error}")
    }
    if let Err(error) = changed {
        failed(error);
    }
}

/// Changes the mask that the kernel sees, in a deferred section too, and returns the old one.
pub(crate) fn kernel_mask(how: c_int, set: Option<&SignalSet>) -> SignalSet {
    let mut old = SignalSet::zeroed();
    must(kernel_change(how, set, Some(&mut old)));
    old
}

/// The signals that the calling thread blocks. Async-signal-safe.
///
/// Source: POSIX.1-2024 [`pthread_sigmask`](https://pubs.opengroup.org/onlinepubs/9799919799/functions/pthread_sigmask.html).
#[doc(alias = "pthread_sigmask")]
pub fn blocked() -> SignalSet {
    let mut set = SignalSet::zeroed();
    must(change(libc::SIG_BLOCK, None, Some(&mut set)));
    set
}

/// The signals that have arrived for the calling thread or for the process and wait because they are blocked.
/// Async-signal-safe.
///
/// ```
/// use signal::{BlockGuard, SIGUSR1};
///
/// let _guard = BlockGuard::new(SIGUSR1);
/// signal::raise(SIGUSR1)?;
/// assert!(signal::pending().contains(SIGUSR1));
/// # signal::SignalSet::from(SIGUSR1).wait()?;
/// # Ok::<(), signal::Errno>(())
/// ```
///
/// Platforms: whether a signal that is blocked and ignored becomes pending is the system's choice (Linux: yes; macOS
/// and the BSDs: no).
///
/// Source: POSIX.1-2024 [`sigpending`](https://pubs.opengroup.org/onlinepubs/9799919799/functions/sigpending.html).
#[doc(alias = "sigpending")]
pub fn pending() -> SignalSet {
    let pending = kernel_pending();
    #[cfg(has_deferral)]
    let pending = pending | crate::defer::kept();
    pending
}

/// The same, without what is kept for the end of a deferred section.
pub(crate) fn kernel_pending() -> SignalSet {
    let mut set = SignalSet::empty();
    // SAFETY: there is room for a set. The call fails for bad pointers only.
    unsafe { libc::sigpending(set.as_mut_raw()) };
    set
}

impl SignalSet {
    /// Everything that can be blocked without harm, for a region in which nothing may come in between: all but SIGKILL and
    /// SIGSTOP, the faults (SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGTRAP, SIGSYS), which kill (Linux) or spin for ever (macOS)
    /// while they are blocked, and SIGABRT, without which `abort` does not.
    ///
    /// ```
    /// use signal::{BlockGuard, SignalSet};
    ///
    /// let _guard = BlockGuard::new(SignalSet::asynchronous());
    /// ```
    pub fn asynchronous() -> SignalSet {
        let mut set = SignalSet::full();
        // One by one: this runs in handlers too, whose stack can be small.
        for signal in [
            signal::SIGKILL,
            signal::SIGSTOP,
            signal::SIGSEGV,
            signal::SIGBUS,
            signal::SIGFPE,
            signal::SIGILL,
            signal::SIGTRAP,
            signal::SIGSYS,
            signal::SIGABRT,
        ] {
            set.remove(signal);
        }
        set
    }
}

macro_rules! guard {
    ($(#[$doc:meta])* $name:ident $how:ident $verb:literal) => {
        $(#[$doc])*
        #[must_use = "the old mask comes back when the guard is dropped"]
        pub struct $name {
            previous: SignalSet,
            // The mask belongs to the thread: it must come back on the same one.
            _not_send: PhantomData<*mut ()>,
        }

        impl $name {
            #[doc = concat!($verb, " the signals of `set` for the calling thread. Async-signal-safe.")]
            #[doc = ""]
            #[doc = "SIGKILL, SIGSTOP and what the C library keeps for itself are left out silently, as by the system."]
            #[inline]
            pub fn new(set: impl Into<SignalSet>) -> $name {
                let mut previous = SignalSet::zeroed();
                must(change(libc::$how, Some(&set.into()), Some(&mut previous)));
                $name { previous, _not_send: PhantomData }
            }

            /// The mask that was there before and comes back on drop.
            pub fn previous(&self) -> SignalSet {
                self.previous
            }
        }

        impl Drop for $name {
            #[inline]
            fn drop(&mut self) {
                must(change(libc::SIG_SETMASK, Some(&self.previous), None));
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.debug_struct(stringify!($name)).field("previous", &self.previous).finish()
            }
        }
    };
}

guard! {
    /// Blocks signals for the calling thread until it is dropped: a critical region.
    ///
    /// What arrives meanwhile stays pending, and is delivered before the drop returns. Dropping restores the mask that
    /// was there before, bit for bit, so that guards nest; drop them in the reverse order. A thread started in the region
    /// inherits the block.
    ///
    /// Leave SIGSEGV, SIGBUS, SIGFPE and SIGILL out of the set: a fault that is blocked kills the process (Linux) or
    /// hangs it (macOS).
    ///
    /// ```
    /// use signal::{BlockGuard, SIGINT, SIGTERM};
    ///
    /// {
    ///     let _guard = BlockGuard::new(SIGINT | SIGTERM);
    ///     // No handler of SIGINT or SIGTERM runs on this thread here.
    ///     assert!(signal::blocked().contains(SIGTERM));
    /// }
    /// assert!(!signal::blocked().contains(SIGTERM));
    /// ```
    ///
    /// It stays on the thread whose mask it changed:
    ///
    /// ```compile_fail,E0277
    /// let guard = signal::BlockGuard::new(signal::SIGINT);
    /// std::thread::spawn(move || drop(guard));
    /// ```
    ///
    /// Source: POSIX.1-2024 [`pthread_sigmask`](https://pubs.opengroup.org/onlinepubs/9799919799/functions/pthread_sigmask.html);
    /// Stevens, APUE 10.12.
    #[doc(alias = "pthread_sigmask")]
    #[doc(alias = "sigprocmask")]
    BlockGuard SIG_BLOCK "Blocks"
}

guard! {
    /// Lets signals through to the calling thread until it is dropped: the inside of a region that a
    /// [`BlockGuard`] or an inherited mask blocks.
    ///
    /// At least one of the signals that were pending is delivered before `new` returns.
    ///
    /// ```
    /// use signal::{BlockGuard, UnblockGuard, SIGINT};
    ///
    /// let _guard = BlockGuard::new(SIGINT);
    /// {
    ///     let _unblocked = UnblockGuard::new(SIGINT);
    ///     assert!(!signal::blocked().contains(SIGINT));
    /// }
    /// assert!(signal::blocked().contains(SIGINT));
    /// ```
    ///
    /// Source: POSIX.1-2024 [`pthread_sigmask`](https://pubs.opengroup.org/onlinepubs/9799919799/functions/pthread_sigmask.html).
    UnblockGuard SIG_UNBLOCK "Unblocks"
}

impl BlockGuard {
    /// Puts back the mask of before this guard and sleeps until a handler has run, in one step, and then blocks again
    /// (`sigsuspend`). Async-signal-safe.
    ///
    /// This closes the classic race: with the signal unblocked it could arrive after the flag was tested and before the
    /// sleep, which would then never end. Block, test, wait:
    ///
    /// ```
    /// use signal::{BlockGuard, Handler, InstallGuard, SIGUSR1};
    /// use std::sync::atomic::{AtomicBool, Ordering};
    ///
    /// static READY: AtomicBool = AtomicBool::new(false);
    ///
    /// let _installed = InstallGuard::new(SIGUSR1, &READY)?;
    /// let guard = BlockGuard::new(SIGUSR1);
    /// signal::raise(SIGUSR1)?; // comes at the worst moment
    /// while !READY.swap(false, Ordering::Acquire) {
    ///     guard.wait();
    /// }
    /// # Ok::<(), signal::Errno>(())
    /// ```
    ///
    /// Any handler ends the wait, and on macOS it may end without one: always loop over the condition. A signal that was
    /// blocked already before this guard stays blocked: see [`previous`](BlockGuard::previous).
    ///
    /// Source: POSIX.1-2024 [`sigsuspend`](https://pubs.opengroup.org/onlinepubs/9799919799/functions/sigsuspend.html);
    /// Stevens, APUE 10.16.
    #[doc(alias = "sigsuspend")]
    #[doc(alias = "pause")]
    pub fn wait(&self) {
        #[cfg(has_deferral)]
        let mask = crate::defer::suspend_mask(self.previous);
        #[cfg(not(has_deferral))]
        let mask = self.previous;
        sys::suspend::suspend(mask.as_raw());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_of_pthread_sigmask_is_an_error() {
        assert_eq!(change(99, Some(&SignalSet::empty()), None), Err(Errno::EINVAL));
    }
}
