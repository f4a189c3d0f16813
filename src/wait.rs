//! Waiting for a signal to arrive, instead of having a handler called.

use crate::deadline::Deadline;
use crate::errno::{Errno, Result};
use crate::info::Info;
use crate::mask::BlockGuard;
use crate::set::SignalSet;
use crate::signal::{SIGKILL, SIGSTOP};
use crate::sys::timedwait::sigtimedwait;
use core::time::Duration;

impl SignalSet {
    /// Sleeps until one of the signals of this set is pending, takes it, and says what the system
    /// knows of it (`sigwaitinfo`). Its handler does not run.
    ///
    /// **Block the signals in every thread first** (a [`BlockGuard`] before the first thread starts
    /// does), or another thread may take them as usual; in the calling thread they are blocked
    /// while this waits, at the least. Handlers of other signals run meanwhile and do not end the
    /// wait.
    ///
    /// Platforms: where a signal is ignored, by choice or by default, macOS and the BSDs drop it
    /// although it is blocked, and this waits for ever: install a handler that does nothing first
    /// (SIGCHLD, SIGWINCH, SIGURG, SIGCONT, and on macOS and the BSDs SIGIO and SIGINFO). On macOS
    /// and OpenBSD, which have no `sigwaitinfo`, `Info` tells the signal alone.
    ///
    /// Errors: [`Errno::EINVAL`] for a set that nothing can be taken from (empty, or SIGKILL and
    /// SIGSTOP alone).
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
    /// Guide: [signals and threads](crate::guide::threads).
    ///
    /// Source: POSIX.1-2024
    /// [`sigwaitinfo`](https://pubs.opengroup.org/onlinepubs/9799919799/functions/sigtimedwait.html).
    #[doc(alias = "sigwait")]
    #[doc(alias = "sigwaitinfo")]
    pub fn wait(&self) -> Result<Info> {
        // Without a limit the time cannot be over.
        self.wait_until(Deadline::NEVER)?.ok_or(Errno::EAGAIN)
    }

    /// As [`wait`](SignalSet::wait), for no longer than `timeout`: `None` when the time is over.
    /// `Duration::ZERO` takes what is pending now.
    ///
    /// The time is measured on the monotonic clock, once from start to end, however often handlers
    /// interrupt.
    ///
    /// Platforms: macOS and OpenBSD have no `sigtimedwait`; there this, and
    /// [`wait`](SignalSet::wait), look at what is pending, at least every five milliseconds.
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
        loop {
            match sigtimedwait(set.to_words(), deadline.left()) {
                Err(Errno::EINTR) => {}
                taken => return taken.map(|info| info.map(Info::from_raw)),
            }
        }
    }
}
