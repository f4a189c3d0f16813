//! The one-shot timer behind `SIGALRM`.

use core::time::Duration;

cfg_if::cfg_if! {
    if #[cfg(has_setitimer)] {
        use core::mem::MaybeUninit;
        use core::ptr;

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
                    fn setitimer(which: libc::c_int, new: *const itimerval, old: *mut itimerval) -> libc::c_int;
                }
            } else {
                use libc::{itimerval, setitimer};
            }
        }

        /// The same everywhere; `libc` does not export it everywhere.
        const ITIMER_REAL: u8 = 0;

        /// What every system accepts, rounded up by a second: macOS and the BSDs refuse more than 100,000,000 seconds.
        const LONGEST: u64 = 99_999_999;

        pub(crate) fn alarm(after: Duration) -> Option<Duration> {
            // Rounded up: a nanosecond must not become the zero that cancels.
            let mut seconds = after.as_secs().min(LONGEST);
            let mut micros = (after.subsec_nanos() + 999) / 1000;
            if micros == 1_000_000 {
                seconds += 1;
                micros = 0;
            }
            // SAFETY: the structure is made of integers.
            let mut new: itimerval = unsafe { MaybeUninit::zeroed().assume_init() };
            new.it_value.tv_sec = seconds as _;
            new.it_value.tv_usec = micros as _;
            // SAFETY: as above.
            let mut old: itimerval = unsafe { MaybeUninit::zeroed().assume_init() };
            // SAFETY: both point to whole structures. The values are within what every system accepts, so that the
            // call cannot fail.
            unsafe { setitimer(ITIMER_REAL as _, ptr::addr_of!(new), ptr::addr_of_mut!(old)) };
            let left = Duration::new(old.it_value.tv_sec as u64, old.it_value.tv_usec as u32 * 1000);
            Some(left).filter(|left| *left > Duration::ZERO)
        }
    } else {
        /// Whole seconds, rounded up: the platform has no finer timer.
        pub(crate) fn alarm(after: Duration) -> Option<Duration> {
            let seconds = after.as_secs().saturating_add(u64::from(after.subsec_nanos() > 0));
            // SAFETY: takes a plain value and cannot fail.
            let left = unsafe { libc::alarm(seconds.min(100_000_000) as libc::c_uint) };
            Some(Duration::from_secs(u64::from(left))).filter(|left| *left > Duration::ZERO)
        }
    }
}
