//! The signal mask of a thread: guards around critical regions, and changes that stay.

use crate::entry::deferred;
use crate::set::SignalSet;
use crate::sigmask;
use crate::sys;
use core::fmt;
use core::marker::PhantomData;
use core::mem::MaybeUninit;
use libc::c_int;

/// Changes the calling thread's mask and returns the old one.
#[inline]
fn change(how: c_int, set: SignalSet) -> SignalSet {
    match deferred::change_mask(how, set) {
        Some(old) => old,
        None => sigmask::swap(how, set),
    }
}

/// The signals that the calling thread blocks. Async-signal-safe.
///
/// Source: POSIX.1-2024
/// [`pthread_sigmask`](https://pubs.opengroup.org/onlinepubs/9799919799/functions/pthread_sigmask.html).
#[doc(alias = "pthread_sigmask")]
pub fn blocked() -> SignalSet {
    deferred::change_mask(libc::SIG_BLOCK, SignalSet::empty()).unwrap_or_else(sigmask::get)
}

/// Blocks the signals of `set` in the calling thread until the mask is changed again, and returns
/// the mask of before. Async-signal-safe.
///
/// For the start of a threaded daemon, whose later threads inherit the mask; around a critical
/// region, a [`BlockGuard`] restores it. SIGKILL, SIGSTOP and what the C library reserves are left
/// out silently.
///
/// ```
/// use signal::{SIGHUP, SIGTERM};
///
/// let before = signal::block(SIGHUP | SIGTERM);
/// assert!(signal::blocked().contains(SIGTERM));
/// assert_eq!(signal::unblock(SIGTERM), before | SIGHUP | SIGTERM);
/// assert_eq!(signal::set_blocked(before), before | SIGHUP);
/// ```
///
/// Source: POSIX.1-2024
/// [`pthread_sigmask`](https://pubs.opengroup.org/onlinepubs/9799919799/functions/pthread_sigmask.html).
#[doc(alias = "pthread_sigmask")]
#[doc(alias = "sigprocmask")]
#[doc(alias = "SIG_BLOCK")]
pub fn block(set: impl Into<SignalSet>) -> SignalSet {
    change(libc::SIG_BLOCK, set.into())
}

/// Lets the signals of `set` through to the calling thread, and returns the mask of before. At
/// least one of those that were pending is delivered before it returns. Async-signal-safe. As
/// [`block`] otherwise.
#[doc(alias = "SIG_UNBLOCK")]
pub fn unblock(set: impl Into<SignalSet>) -> SignalSet {
    change(libc::SIG_UNBLOCK, set.into())
}

/// Blocks the signals of `set` in the calling thread and no others, and returns the mask of before.
/// Async-signal-safe. As [`block`] and [`unblock`] otherwise.
#[doc(alias = "SIG_SETMASK")]
pub fn set_blocked(set: impl Into<SignalSet>) -> SignalSet {
    change(libc::SIG_SETMASK, set.into())
}

/// The signals that have arrived for the calling thread or for the process and wait because they
/// are blocked. Async-signal-safe.
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
/// Platforms: whether a signal that is blocked and ignored becomes pending is the system's choice
/// (Linux: yes; macOS and the BSDs: no).
///
/// Source: POSIX.1-2024
/// [`sigpending`](https://pubs.opengroup.org/onlinepubs/9799919799/functions/sigpending.html).
#[doc(alias = "sigpending")]
pub fn pending() -> SignalSet {
    let mut raw = MaybeUninit::zeroed();
    // SAFETY: room for a set, of which the call fills the kernel's part; it fails for bad pointers
    // only.
    SignalSet::from_words(unsafe {
        libc::sigpending(raw.as_mut_ptr());
        sys::sigset::read(raw.as_ptr())
    })
}

/// Replaces the mask by `mask` and sleeps until a handler has run, in one step, and then restores
/// the mask (`sigsuspend`). Async-signal-safe.
///
/// Any handler ends the wait, and on macOS it may end without one: always loop over the condition.
/// [`BlockGuard::wait`] is the form for a region that is blocked.
///
/// In a `DeferGuard`'s section no handler runs, and the wait never ends.
///
/// ```
/// use signal::{InstallGuard, SignalSet, SIGUSR1, SIGUSR2};
/// use std::sync::atomic::{AtomicBool, Ordering};
///
/// static READY: AtomicBool = AtomicBool::new(false);
///
/// let _installed = InstallGuard::new(SIGUSR1, &READY)?;
/// let before = signal::block(SIGUSR1);
/// signal::raise(SIGUSR1)?;
/// while !READY.load(Ordering::Acquire) {
///     signal::suspend(before | SIGUSR2);
/// }
/// # Ok::<(), signal::Errno>(())
/// ```
///
/// Source: POSIX.1-2024
/// [`sigsuspend`](https://pubs.opengroup.org/onlinepubs/9799919799/functions/sigsuspend.html).
#[doc(alias = "sigsuspend")]
#[doc(alias = "pause")]
pub fn suspend(mask: impl Into<SignalSet>) {
    let mut mask = mask.into();
    if deferred::is_inside() {
        // What came would be put off, and the caller's loop would spin.
        mask |= SignalSet::asynchronous();
    }
    sys::suspend::suspend(mask.to_words());
}

/// A change of the mask that is undone when it is dropped, on the same thread: the mask belongs to
/// that.
struct Change {
    previous: SignalSet,
    _not_send: PhantomData<*mut ()>,
}

impl Change {
    #[inline]
    fn new(how: c_int, set: SignalSet) -> Change {
        Change { previous: change(how, set), _not_send: PhantomData }
    }
}

impl Drop for Change {
    #[inline]
    fn drop(&mut self) {
        if deferred::change_mask(libc::SIG_SETMASK, self.previous).is_none() {
            sigmask::set(libc::SIG_SETMASK, self.previous);
        }
    }
}

impl fmt::Debug for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "previous: {:?}", self.previous)
    }
}

/// Blocks signals for the calling thread until it is dropped: a critical region.
///
/// What arrives meanwhile stays pending, and is delivered before the drop returns. Dropping
/// restores the mask that was there before, bit for bit, so that guards nest; drop them in the
/// reverse order. A thread started in the region inherits the block. `let _ = …` drops it at once:
/// give it a name, `_guard`.
///
/// Leave SIGSEGV, SIGBUS, SIGFPE and SIGILL out of the set: a fault that is blocked kills the
/// process (Linux) or hangs it (macOS).
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
/// Guide: [critical regions](crate::guide::regions).
///
/// Source: POSIX.1-2024
/// [`pthread_sigmask`](https://pubs.opengroup.org/onlinepubs/9799919799/functions/pthread_sigmask.html);
/// Stevens, APUE 10.12.
#[doc(alias = "pthread_sigmask")]
#[doc(alias = "sigprocmask")]
#[derive(Debug)]
#[must_use = "the old mask comes back when the guard is dropped"]
pub struct BlockGuard(Change);

impl BlockGuard {
    /// Blocks the signals of `set` for the calling thread. Async-signal-safe.
    ///
    /// SIGKILL, SIGSTOP and what the C library reserves are left out silently, as by the system.
    #[inline]
    pub fn new(set: impl Into<SignalSet>) -> BlockGuard {
        BlockGuard(Change::new(libc::SIG_BLOCK, set.into()))
    }

    /// The mask that was there before and comes back on drop.
    pub fn previous(&self) -> SignalSet {
        self.0.previous
    }

    /// Restores the mask of before this guard and sleeps until a handler has run, in one step, and
    /// then blocks again (`sigsuspend`). Async-signal-safe.
    ///
    /// This closes the classic race: with the signal unblocked it could arrive after the flag was
    /// tested and before the sleep, which would then never end. Block, test, wait:
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
    /// As [`suspend`] otherwise. A signal that was blocked already before this guard stays blocked:
    /// see [`previous`](BlockGuard::previous).
    ///
    /// Source: POSIX.1-2024
    /// [`sigsuspend`](https://pubs.opengroup.org/onlinepubs/9799919799/functions/sigsuspend.html);
    /// Stevens, APUE 10.16.
    #[doc(alias = "sigsuspend")]
    #[doc(alias = "pause")]
    pub fn wait(&self) {
        suspend(self.previous());
    }
}

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
/// Source: POSIX.1-2024
/// [`pthread_sigmask`](https://pubs.opengroup.org/onlinepubs/9799919799/functions/pthread_sigmask.html).
#[derive(Debug)]
#[must_use = "the old mask comes back when the guard is dropped"]
pub struct UnblockGuard(Change);

impl UnblockGuard {
    /// Unblocks the signals of `set` for the calling thread. Async-signal-safe.
    #[inline]
    pub fn new(set: impl Into<SignalSet>) -> UnblockGuard {
        UnblockGuard(Change::new(libc::SIG_UNBLOCK, set.into()))
    }

    /// The mask that was there before and comes back on drop.
    pub fn previous(&self) -> SignalSet {
        self.0.previous
    }
}
