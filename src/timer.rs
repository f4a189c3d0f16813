//! Timers that send a signal: [`alarm`] once, [`start`] again and again.

use crate::errno::Result;
use crate::sys;
use core::time::Duration;

/// Has SIGALRM sent to the process once, after this time; [`Duration::ZERO`] cancels. Returns what
/// was left of the previous time, if one was running. There is one such timer ([`Timer::Real`]),
/// which `fork` does not inherit and `exec` keeps.
///
/// The signal is for the process: any thread that lets it through gets it, and only that thread's
/// system call is interrupted. In a program with threads, block SIGALRM in all others, or give each
/// wait its own time limit.
///
/// To the microsecond, rounded up, and to at most three years, on the real-time clock; on Redox to
/// the second.
///
/// SIGALRM interrupts system calls (see [`install`](crate::install)): a time limit for a call that
/// has none of its own. It can arrive before the call has begun, and the call is then not limited
/// at all; where that matters, use `poll` with a time-out.
///
/// ```
/// use signal::{alarm, install, SIGALRM};
/// use std::{io::Read, sync::atomic::AtomicBool, time::Duration};
///
/// static EXPIRED: AtomicBool = AtomicBool::new(false);
/// install(SIGALRM, &EXPIRED)?;
/// let (mut reader, _writer) = std::os::unix::net::UnixStream::pair().unwrap();
///
/// assert_eq!(alarm(Duration::from_millis(20)), None);
/// let error = reader.read(&mut [0]).unwrap_err();
/// assert_eq!(error.kind(), std::io::ErrorKind::Interrupted);
/// # Ok::<(), signal::Errno>(())
/// ```
///
/// Source: `setitimer` (POSIX.1-2017;
/// [`alarm`](https://pubs.opengroup.org/onlinepubs/9799919799/functions/alarm.html) in 2024);
/// Stevens, UNP 14.2.
#[doc(alias = "setitimer")]
pub fn alarm(after: Duration) -> Option<Duration> {
    sys::timer::alarm(after)
}

/// What a timer counts, and which signal it sends. A process has one of each.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Timer {
    /// Real time: SIGALRM. The timer of [`alarm`].
    Real,
    /// The processor time that the process spends in its own code: SIGVTALRM.
    Virtual,
    /// The processor time of the process, in system calls too: SIGPROF, for profilers.
    Profile,
}

/// What a timer was about to do before it was started anew. Starting it with both puts it back.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Previous {
    /// What was left until its next signal; zero if it was not running. Linux adds a tick to the
    /// processor time that it is given, and tells that too.
    pub left: Duration,
    /// The interval of the later signals; zero if that one was to be the last.
    pub interval: Duration,
}

/// Has the signal of `timer` sent to the process after `first`, and again after each `interval`;
/// only once if that is zero. A `first` of zero stops the timer.
///
/// To the microsecond, rounded up, and to at most three years. The kernel looks at processor time
/// from tick to tick: every 1 to 10 ms. `fork` does not inherit a timer, `exec` keeps it: a program
/// that does not handle SIGVTALRM or SIGPROF is ended by them.
///
/// ```
/// use signal::{install, timer, SIGPROF};
/// use std::{sync::atomic::{AtomicUsize, Ordering}, time::Duration};
///
/// static TICKS: AtomicUsize = AtomicUsize::new(0);
/// install(SIGPROF, &TICKS)?;
/// let tick = Duration::from_millis(1);
/// let before = timer::start(timer::Timer::Profile, tick, tick)?;
/// while TICKS.load(Ordering::Acquire) < 2 {}
/// timer::start(timer::Timer::Profile, before.left, before.interval)?;
/// # Ok::<(), signal::Errno>(())
/// ```
///
/// Errors, after which everything is as before: [`Errno::ENOSYS`](crate::Errno::ENOSYS) on Redox;
/// [`Errno::EINVAL`](crate::Errno::EINVAL) where a system has the real-time timer alone.
/// Not async-signal-safe: POSIX does not list `setitimer`.
///
/// Source: POSIX.1-2017
/// [`setitimer`](https://pubs.opengroup.org/onlinepubs/9699919799/functions/setitimer.html).
#[doc(alias = "setitimer")]
pub fn start(timer: Timer, first: Duration, interval: Duration) -> Result<Previous> {
    let which = match timer {
        Timer::Real => sys::timer::REAL,
        Timer::Virtual => sys::timer::VIRTUAL,
        Timer::Profile => sys::timer::PROFILE,
    };
    let (left, interval) = sys::timer::start(which, first, interval)?;
    Ok(Previous { left, interval })
}
