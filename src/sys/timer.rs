//! Interval timers.

use crate::errno::Result;
use core::time::Duration;
use libc::c_int;

cfg_if::cfg_if! {
    if #[cfg(has_setitimer)] {
        use crate::errno::check;
        use core::mem::MaybeUninit;
        use core::ptr;
        use libc::timeval;

        cfg_if::cfg_if! {
            if #[cfg(any(target_os = "illumos", target_os = "solaris", target_os = "hurd"))] {
                // The system has it, `libc` does not export it.
                #[repr(C)]
                #[derive(Clone, Copy)]
                struct itimerval {
                    it_interval: libc::timeval,
                    it_value: libc::timeval,
                }
                extern "C" {
                    fn setitimer(which: c_int, new: *const itimerval, old: *mut itimerval) -> c_int;
                }
            } else {
                use libc::{itimerval, setitimer};
            }
        }

        cfg_if::cfg_if! {
            if #[cfg(target_os = "haiku")] {
                const FIRST: c_int = 1;
            } else {
                const FIRST: c_int = 0;
            }
        }
        // `libc` does not export them everywhere.
        pub(crate) const REAL: c_int = FIRST;
        pub(crate) const VIRTUAL: c_int = FIRST + 1;
        pub(crate) const PROFILE: c_int = FIRST + 2;

        /// What every system accepts, rounded up by a second: macOS and the BSDs refuse more than
        /// 100,000,000 seconds.
        const LONGEST: u64 = 99_999_999;

        fn to_raw(time: Duration) -> timeval {
            // Rounded up: a nanosecond must not become the zero that cancels.
            let mut seconds = time.as_secs().min(LONGEST);
            let mut micros = (time.subsec_nanos() + 999) / 1000;
            if micros == 1_000_000 {
                seconds += 1;
                micros = 0;
            }
            timeval { tv_sec: seconds as _, tv_usec: micros as _ }
        }

        fn from_raw(time: timeval) -> Duration {
            Duration::from_secs(time.tv_sec as u64) + Duration::from_micros(time.tv_usec as u64)
        }

        /// Starts the timer; what was left of the previous time, and its interval.
        pub(crate) fn start(
            which: c_int,
            first: Duration,
            interval: Duration,
        ) -> Result<(Duration, Duration)> {
            let new = itimerval { it_interval: to_raw(interval), it_value: to_raw(first) };
            // SAFETY: the structure is made of integers.
            let mut old: itimerval = unsafe { MaybeUninit::zeroed().assume_init() };
            // SAFETY: both point to whole structures.
            check(unsafe { setitimer(which as _, ptr::addr_of!(new), ptr::addr_of_mut!(old)) })?;
            Ok((from_raw(old.it_value), from_raw(old.it_interval)))
        }

        pub(crate) fn alarm(after: Duration) -> Option<Duration> {
            // Cannot fail: every system has this timer and accepts these times.
            let (left, _) = start(REAL, after, Duration::ZERO).unwrap_or_default();
            Some(left).filter(|left| *left > Duration::ZERO)
        }
    } else {
        use crate::errno::Errno;

        pub(crate) const REAL: c_int = 0;
        pub(crate) const VIRTUAL: c_int = 1;
        pub(crate) const PROFILE: c_int = 2;

        pub(crate) fn start(_: c_int, _: Duration, _: Duration) -> Result<(Duration, Duration)> {
            Err(Errno::ENOSYS)
        }

        /// Whole seconds, rounded up: the platform has no finer timer.
        pub(crate) fn alarm(after: Duration) -> Option<Duration> {
            let seconds = after.as_secs().saturating_add(u64::from(after.subsec_nanos() > 0));
            // SAFETY: takes a plain value and cannot fail.
            let left = unsafe { libc::alarm(seconds.min(100_000_000) as libc::c_uint) };
            Some(Duration::from_secs(u64::from(left))).filter(|left| *left > Duration::ZERO)
        }
    }
}
