//! The timer behind SIGALRM.

use crate::sys;
use core::time::Duration;

/// Has SIGALRM sent to the process once, after this time; [`Duration::ZERO`] cancels. Returns what was left of the
/// previous time, if one was running. There is one such timer, which `fork` does not inherit and `exec` keeps.
///
/// To the microsecond, rounded up, and to at most three years, on the real-time clock; on Redox to the second.
///
/// SIGALRM interrupts system calls (see [`install`]): a time limit for a call that has none of its own. It can arrive
/// before the call has begun, and the call is then not limited at all; where that matters, use `poll` with a time-out.
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
/// Source: `setitimer` (POSIX.1-2017; [`alarm`](https://pubs.opengroup.org/onlinepubs/9799919799/functions/alarm.html) in
/// 2024); Stevens, UNP 14.2.
#[doc(alias = "setitimer")]
pub fn alarm(after: Duration) -> Option<Duration> {
    sys::timer::alarm(after)
}
