//! Signals as something to read, without a handler.

use crate::errno::{Errno, Result};
use crate::info::Info;
use crate::mask::{self, BlockGuard};
use crate::process;
use crate::set::SignalSet;
use crate::signal::{SIGKILL, SIGSTOP};
use crate::sys::signal_fd;
use crate::sys::timedwait::sigtimedwait;
use core::fmt;
use core::time::Duration;
use libc::c_int;

/// Takes signals from the system instead of having handlers called: a descriptor for any event
/// loop, and each signal with all that the system knows of it (`signalfd`, or `kqueue`).
///
/// While it lives the signals are blocked in the thread that made it, and wait in the system's own
/// queue until they are read. Dropping it restores the mask: what has not been read is delivered
/// then, to a handler or with its default effect. Drop several in the reverse order, as other
/// guards of the mask. It stays on its thread (`!Send`).
///
/// ```
/// use signal::{Errno, SignalFd, SIGHUP, SIGTERM};
///
/// # if SignalFd::new(SIGHUP).map(drop) == Err(Errno::ENOSYS) { return Ok(()) }
/// let signals = SignalFd::new(SIGHUP | SIGTERM)?; // before the first thread starts
/// signal::raise(SIGTERM)?;
///
/// let mut fds = [libc::pollfd { fd: signals.as_raw_fd(), events: libc::POLLIN, revents: 0 }];
/// // SAFETY: one entry.
/// signal::retry(|| match unsafe { libc::poll(fds.as_mut_ptr(), 1, -1) } {
///     -1 => Err(Errno::last()),
///     ready => Ok(ready),
/// })?;
/// while let Some(info) = signals.read()? {
///     assert_eq!((info.signal(), info.sender_pid()), (SIGTERM, Some(signal::Pid::current())));
/// }
/// # Ok::<(), Errno>(())
/// ```
///
/// # What it asks for
///
/// - **The signals must be blocked in every thread**, or a thread that has them unblocked takes
///   them as usual. Make it before the first thread starts: threads inherit the mask.
/// - **Children inherit the mask too**, and keep it when they execute another program, which then
///   hears nothing: `CommandExt::reset_signals`, or
///   [`unblock`](crate::unblock) between `fork` and `exec`.
/// - Where the descriptor is polled is where the signals are taken: use it on the thread that made
///   it. Signals that are directed at another thread never come here.
/// - Read until [`read`](SignalFd::read) returns `None`: so it works edge-triggered too, and with
///   `kqueue`, which tells once of several.
/// - In a forked child it reads the child's own signals. On Linux and illumos the descriptor is the
///   child's as well, but an `epoll` from before the fork tells of the parent's signals. On macOS
///   and the BSDs there is no descriptor in the child: only [`read`](SignalFd::read) and the two
///   that wait work, and a new one has to be made for an event loop.
///
/// # When to take it
///
/// Instead of a [`SelfPipe`](crate::SelfPipe) where the program is in charge of all its threads,
/// and wants each realtime signal with its value, no system call interrupted, and half the price. A
/// library, or a program whose threads belong to a runtime, takes a `SelfPipe`, which changes
/// nobody's mask and needs the signal unblocked in just one thread.
///
/// # Platforms
///
/// `signalfd` on Linux, Android and illumos, `kqueue` on macOS and the BSDs, [`Errno::ENOSYS`]
/// elsewhere. What the `Info` tells, and that macOS and the BSDs drop a signal that is ignored by
/// choice or by default (SIGCHLD and its like: install a handler that does nothing), is as for
/// [`SignalSet::wait`]. Its functions are not async-signal-safe.
///
/// Source: Linux [`signalfd(2)`](https://man7.org/linux/man-pages/man2/signalfd.2.html); FreeBSD
/// [`kqueue(2)`](https://man.freebsd.org/cgi/man.cgi?query=kqueue); POSIX.1-2024
/// [`sigtimedwait`](https://pubs.opengroup.org/onlinepubs/9799919799/functions/sigtimedwait.html).
#[doc(alias = "signalfd")]
#[doc(alias = "EVFILT_SIGNAL")]
#[must_use = "the signals are blocked until it is dropped"]
pub struct SignalFd {
    fd: c_int,
    set: SignalSet,
    /// The process that made it.
    process: usize,
    // Dropped after the descriptor is closed.
    _blocked: BlockGuard,
}

impl SignalFd {
    /// Blocks the signals of `set` in the calling thread and opens a descriptor for them:
    /// close-on-exec, never 0, 1 or 2. SIGKILL and SIGSTOP are left out silently.
    ///
    /// Errors, after which the mask and the descriptors are as before: [`Errno::EINVAL`] for a set
    /// that nothing can be taken from (empty, or SIGKILL and SIGSTOP alone), [`Errno::EMFILE`] and
    /// [`Errno::ENFILE`] when there is no descriptor left, [`Errno::ENOMEM`], [`Errno::ENOSYS`].
    ///
    /// ```
    /// use signal::{Errno, SignalFd, SignalSet, SIGTERM};
    ///
    /// # if SignalFd::new(SIGTERM).map(drop) == Err(Errno::ENOSYS) { return Ok(()) }
    /// let signals = SignalFd::new(SIGTERM)?;
    /// assert!(signal::blocked().contains(SIGTERM) && signals.as_raw_fd() > 2);
    /// drop(signals);
    /// assert!(!signal::blocked().contains(SIGTERM));
    /// assert_eq!(SignalFd::new(SignalSet::empty()).map(drop), Err(Errno::EINVAL));
    /// # Ok::<(), Errno>(())
    /// ```
    pub fn new(set: impl Into<SignalSet>) -> Result<SignalFd> {
        let set = set.into() - (SIGKILL | SIGSTOP);
        if set.is_empty() {
            return Err(Errno::EINVAL);
        }
        // First, so that nothing comes in between to a handler. On an error the mask is restored.
        let blocked = BlockGuard::new(set);
        let fd = signal_fd::open(set.to_words())?;
        Ok(SignalFd { fd, set, process: process::token(), _blocked: blocked })
    }

    /// The descriptor to wait for: readable when one of the signals is pending, and now and then
    /// when none is. Read it through [`read`](SignalFd::read) only.
    pub fn as_raw_fd(&self) -> c_int {
        self.fd
    }

    /// Takes one of the signals that are pending, and says what the system knows of it; `None`:
    /// none is. Never blocks. The lowest realtime signals come first, those of one number in order.
    ///
    /// Errors: none on the systems that are known.
    ///
    /// ```
    /// use signal::{Errno, Pid, SignalFd, SIGUSR1};
    ///
    /// # if SignalFd::new(SIGUSR1).map(drop) == Err(Errno::ENOSYS) { return Ok(()) }
    /// let signals = SignalFd::new(SIGUSR1)?;
    /// assert!(signals.read()?.is_none());
    /// signal::kill(Pid::current(), SIGUSR1)?;
    /// assert_eq!(signals.read()?.map(|info| info.signal()), Some(SIGUSR1));
    /// # Ok::<(), Errno>(())
    /// ```
    ///
    /// Source: POSIX.1-2024
    /// [`sigtimedwait`](https://pubs.opengroup.org/onlinepubs/9799919799/functions/sigtimedwait.html).
    pub fn read(&self) -> Result<Option<Info>> {
        loop {
            match sigtimedwait(self.set.to_words(), Some(Duration::ZERO)) {
                Err(Errno::EINTR) => {}
                Ok(None) if self.look_again() => {}
                taken => return taken.map(|info| info.map(Info::from_raw)),
            }
        }
    }

    /// Where the descriptor remembers events: whether one came that a look may have missed, or one
    /// is left because another thread was about to take a signal just then.
    fn look_again(&self) -> bool {
        !signal_fd::INHERITED
            && self.is_own()
            && (signal_fd::drain(self.fd) || !(mask::pending() & self.set).is_empty())
    }

    /// Sleeps until one of the signals is pending, and takes it. Handlers of other signals run
    /// meanwhile and do not end the wait.
    ///
    /// Errors: none on the systems that are known.
    ///
    /// ```
    /// use signal::{Errno, SignalFd, SIGUSR1};
    ///
    /// # if SignalFd::new(SIGUSR1).map(drop) == Err(Errno::ENOSYS) { return Ok(()) }
    /// let signals = SignalFd::new(SIGUSR1)?;
    /// signal::raise(SIGUSR1)?;
    /// assert_eq!(signals.wait()?.signal(), SIGUSR1);
    /// # Ok::<(), Errno>(())
    /// ```
    ///
    /// Source: POSIX.1-2024
    /// [`sigwaitinfo`](https://pubs.opengroup.org/onlinepubs/9799919799/functions/sigtimedwait.html).
    pub fn wait(&self) -> Result<Info> {
        self.set.wait()
    }

    /// As [`wait`](SignalFd::wait), for no longer than `timeout`: `None` when the time is over.
    /// Measured on the monotonic clock, once from start to end.
    ///
    /// ```
    /// use signal::{Errno, SignalFd, SIGUSR1};
    /// use std::time::Duration;
    ///
    /// # if SignalFd::new(SIGUSR1).map(drop) == Err(Errno::ENOSYS) { return Ok(()) }
    /// let signals = SignalFd::new(SIGUSR1)?;
    /// assert!(signals.wait_timeout(Duration::from_millis(1))?.is_none());
    /// # Ok::<(), Errno>(())
    /// ```
    pub fn wait_timeout(&self, timeout: Duration) -> Result<Option<Info>> {
        self.set.wait_timeout(timeout)
    }

    fn is_own(&self) -> bool {
        self.process == process::token()
    }
}

impl Drop for SignalFd {
    fn drop(&mut self) {
        // Where a forked child has not inherited it, the number may be something else there.
        if signal_fd::INHERITED || self.is_own() {
            // SAFETY: made by `new`, and closed nowhere else.
            unsafe { libc::close(self.fd) };
        }
    }
}

impl fmt::Debug for SignalFd {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SignalFd").field("fd", &self.fd).field("signals", &self.set).finish()
    }
}

#[cfg(feature = "std")]
impl std::os::unix::io::AsRawFd for SignalFd {
    fn as_raw_fd(&self) -> c_int {
        self.fd
    }
}

#[cfg(feature = "std")]
impl std::os::unix::io::AsFd for SignalFd {
    fn as_fd(&self) -> std::os::unix::io::BorrowedFd<'_> {
        // SAFETY: the descriptor is open as long as this lives.
        unsafe { std::os::unix::io::BorrowedFd::borrow_raw(self.fd) }
    }
}
