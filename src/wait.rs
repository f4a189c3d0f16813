//! Waiting for a signal to arrive, instead of having a handler called.

use crate::errno::{Errno, Result};
use crate::info::Info;
use crate::mask::BlockGuard;
use crate::set::SignalSet;
use crate::signal::{SIGKILL, SIGSTOP};
use crate::sys::timedwait::sigtimedwait;
use core::mem::MaybeUninit;
use core::time::Duration;
use libc::timespec;

impl SignalSet {
    /// Sleeps until one of the signals of this set is pending, takes it, and says what the system knows of it
    /// (`sigwaitinfo`). Its handler does not run.
    ///
    /// **Block the signals in every thread first** (a [`BlockGuard`] before the first thread starts does), or another
    /// thread may take them as usual; in the calling thread they are blocked while this waits, at the least. Handlers of
    /// other signals run meanwhile and do not end the wait.
    ///
    /// Platforms: where a signal is ignored, by choice or by default, macOS and the BSDs drop it although it is
    /// blocked, and this waits for ever: install a handler that does nothing first (SIGCHLD, SIGWINCH, SIGURG,
    /// SIGCONT, and on macOS and the BSDs SIGIO and SIGINFO). On macOS and OpenBSD, which have no `sigwaitinfo`, `Info` tells
    /// the signal alone.
    ///
    /// Errors: [`Errno::EINVAL`] for a set that nothing can be taken from (empty, or SIGKILL and SIGSTOP alone).
    ///
    /// ```
    /// use signal::{BlockGuard, SIGTERM, SIGUSR1};
    ///
    /// let set = SIGTERM | SIGUSR1;
    /// let _guard = BlockGuard::new(set);
    /// signal::raise(SIGUSR1)?;
    /// assert_eq!(set.wait()?.signal(), SIGUSR1);
    /// # Ok::<(), signal::Errno>(())
    /// ```
    ///
    /// Source: POSIX.1-2024 [`sigwaitinfo`](https://pubs.opengroup.org/onlinepubs/9799919799/functions/sigtimedwait.html).
    #[doc(alias = "sigwait")]
    #[doc(alias = "sigwaitinfo")]
    pub fn wait(&self) -> Result<Info> {
        // Without a limit the time cannot be over.
        self.wait_until(Deadline::NEVER)?.ok_or(Errno::EAGAIN)
    }

    /// As [`wait`](SignalSet::wait), for no longer than `timeout`: `None` when the time is over. `Duration::ZERO` takes
    /// what is pending now.
    ///
    /// The time is measured on the monotonic clock, once from start to end, however often handlers interrupt.
    ///
    /// Platforms: macOS and OpenBSD have no `sigtimedwait`; there this, and [`wait`](SignalSet::wait), look at what is pending,
    /// at least every five milliseconds.
    ///
    /// ```
    /// use signal::{BlockGuard, SignalSet, SIGUSR1};
    /// use std::time::Duration;
    ///
    /// let set = SignalSet::from(SIGUSR1);
    /// let _guard = BlockGuard::new(set);
    /// assert!(set.wait_timeout(Duration::from_millis(1))?.is_none());
    /// # Ok::<(), signal::Errno>(())
    /// ```
    #[doc(alias = "sigtimedwait")]
    pub fn wait_timeout(&self, timeout: Duration) -> Result<Option<Info>> {
        self.wait_until(Deadline::after(timeout))
    }

    fn wait_until(&self, deadline: Deadline) -> Result<Option<Info>> {
        let set = *self - (SIGKILL | SIGSTOP);
        if set.is_empty() {
            return Err(Errno::EINVAL);
        }
        let _blocked = BlockGuard::new(set);
        #[cfg(has_deferral)]
        if let Some(info) = crate::defer::take(&set) {
            return Ok(Some(info));
        }
        loop {
            match sigtimedwait(set.as_raw(), deadline.left()) {
                Err(Errno::EINTR) => {}
                taken => return taken.map(|info| info.map(Info::from_raw)),
            }
        }
    }
}

/// A point on the monotonic clock, or none.
#[derive(Clone, Copy)]
pub(crate) struct Deadline(Option<Duration>);

impl Deadline {
    pub(crate) const NEVER: Deadline = Deadline(None);

    /// A time too long to be counted never ends.
    pub(crate) fn after(timeout: Duration) -> Deadline {
        Deadline(now().checked_add(timeout))
    }

    /// What is left, zero when it is over; `None`: there is no end.
    pub(crate) fn left(self) -> Option<Duration> {
        self.0.map(|end| end.saturating_sub(now()))
    }
}

/// The monotonic clock.
fn now() -> Duration {
    let mut time = MaybeUninit::<timespec>::zeroed();
    // SAFETY: there is room for a timespec, which is made of integers; the clock exists on every platform, so that the
    // call cannot fail.
    let time = unsafe {
        libc::clock_gettime(libc::CLOCK_MONOTONIC, time.as_mut_ptr());
        time.assume_init()
    };
    Duration::new(time.tv_sec as u64, time.tv_nsec as u32)
}

/// Sleeps until `fd` is ready for one of `events`, the time is over (`false`) or a handler has run (`EINTR`).
pub(crate) fn poll(fd: libc::c_int, events: libc::c_short, deadline: Deadline) -> Result<bool> {
    let mut entry = libc::pollfd { fd, events, revents: 0 };
    let millis = match deadline.left() {
        None => -1,
        // Rounded up: one that wakes early would spin.
        Some(left) => (left + Duration::from_nanos(999_999)).as_millis().min(i32::MAX as u128) as libc::c_int,
    };
    // SAFETY: the pointer leads to one entry.
    let ready = crate::errno::check(unsafe { libc::poll(&mut entry, 1, millis) })?;
    if entry.revents & libc::POLLNVAL != 0 {
        return Err(Errno::EBADF);
    }
    Ok(ready > 0)
}
