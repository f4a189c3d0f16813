//! Waiting for a child without blocking: with its resource usage where there is `wait4`.

use crate::child::Usage;
use crate::errno::{check, Result};
use libc::{c_int, pid_t};

cfg_if::cfg_if! {
    if #[cfg(has_wait4)] {
        use core::mem::MaybeUninit;
        use core::time::Duration;

        cfg_if::cfg_if! {
            if #[cfg(target_vendor = "apple")] {
                const MAXRSS_UNIT: u64 = 1;
            } else {
                const MAXRSS_UNIT: u64 = 1024;
            }
        }

        /// `None`: there are such children and none has ended.
        pub(crate) fn wait(which: pid_t) -> Result<Option<(pid_t, c_int, Option<Usage>)>> {
            let mut status = 0;
            let mut usage = MaybeUninit::<libc::rusage>::zeroed();
            // SAFETY: both pointers lead to room for what the call writes.
            let pid = check(unsafe { libc::wait4(which, &mut status, libc::WNOHANG, usage.as_mut_ptr()) })?;
            // SAFETY: made of integers, zeroed, perhaps filled since.
            let usage = unsafe { usage.assume_init() };
            let time = |t: libc::timeval| Duration::new(t.tv_sec as u64, t.tv_usec as u32 * 1000);
            let usage = Usage {
                user: time(usage.ru_utime),
                system: time(usage.ru_stime),
                peak_memory: usage.ru_maxrss as u64 * MAXRSS_UNIT,
            };
            Ok(if pid == 0 { None } else { Some((pid, status, Some(usage))) })
        }
    } else {
        /// `None`: there are such children and none has ended.
        pub(crate) fn wait(which: pid_t) -> Result<Option<(pid_t, c_int, Option<Usage>)>> {
            let mut status = 0;
            // SAFETY: the pointer leads to room for what the call writes.
            let pid = check(unsafe { libc::waitpid(which, &mut status, libc::WNOHANG) })?;
            Ok(if pid == 0 { None } else { Some((pid, status, None)) })
        }
    }
}
