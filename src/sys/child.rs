//! Waiting for children: with their resource usage where there is `wait4`.

use crate::errno::{check, Result};
use core::time::Duration;
use libc::{c_int, pid_t};

/// What a child used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct Usage {
    /// CPU time spent in the program.
    pub user: Duration,
    /// CPU time spent in the kernel on its behalf.
    pub system: Duration,
    /// The largest resident set, in bytes.
    pub peak_memory: u64,
}

/// Which child, its status, what it used.
pub(crate) type Report = (pid_t, c_int, Option<Usage>);

cfg_if::cfg_if! {
    if #[cfg(target_vendor = "apple")] {
        const MAXRSS_UNIT: u64 = 1;
    } else {
        const MAXRSS_UNIT: u64 = 1024;
    }
}

impl Usage {
    /// From seconds and microseconds in the program, the same in the kernel, and the resident set.
    #[allow(dead_code)] // neither of those who know it may be there
    fn from_parts(parts: [u64; 5]) -> Usage {
        let [user, user_micros, system, system_micros, maxrss] = parts;
        // Without a way to panic: `child::reap` is for handlers too.
        let time =
            |secs, micros| Duration::from_secs(secs).saturating_add(Duration::from_micros(micros));
        Usage {
            user: time(user, user_micros),
            system: time(system, system_micros),
            peak_memory: maxrss * MAXRSS_UNIT,
        }
    }

    #[cfg(any(has_wait4, has_pidfd))]
    #[allow(dead_code)]
    pub(crate) fn from_libc(usage: libc::rusage) -> Usage {
        let (user, system) = (usage.ru_utime, usage.ru_stime);
        Usage::from_parts([
            user.tv_sec as u64,
            user.tv_usec as u64,
            system.tv_sec as u64,
            system.tv_usec as u64,
            usage.ru_maxrss as u64,
        ])
    }

    /// From what a 32-bit Linux kernel writes, whatever the C library makes of that.
    #[cfg(any(has_wait4, has_pidfd))]
    #[allow(dead_code)]
    pub(crate) fn from_longs(usage: [libc::c_long; 18]) -> Usage {
        Usage::from_parts([0, 1, 2, 3, 4].map(|i: usize| usage[i] as u64))
    }
}

cfg_if::cfg_if! {
    if #[cfg(has_wait4)] {
        use core::mem::MaybeUninit;

        cfg_if::cfg_if! {
            if #[cfg(all(
                target_env = "musl",
                target_pointer_width = "32",
                not(target_arch = "riscv32")
            ))] {
                // The function that `libc` binds there, for the times of old, never fills in the
                // usage: bypass it.
                type Rusage = [libc::c_long; 18];
                const DECODE: fn(Rusage) -> Usage = Usage::from_longs;

                /// # Safety
                /// - `usage` is valid for the kernel's structure.
                unsafe fn wait4(
                    which: pid_t,
                    status: &mut c_int,
                    options: c_int,
                    usage: *mut Rusage,
                ) -> c_int {
                    let status: *mut c_int = status;
                    // SAFETY: room for the status, and for the structure by the caller's promise.
                    unsafe { libc::syscall(libc::SYS_wait4, which, status, options, usage) as c_int }
                }
            } else {
                use libc::{rusage as Rusage, wait4};
                const DECODE: fn(Rusage) -> Usage = Usage::from_libc;
            }
        }

        /// `None`, under `WNOHANG`: there are such children and none has anything to report.
        pub(crate) fn wait(which: pid_t, options: c_int) -> Result<Option<Report>> {
            let mut status = 0;
            let mut usage = MaybeUninit::<Rusage>::zeroed();
            // SAFETY: room for what the call writes.
            let pid = check(unsafe { wait4(which, &mut status, options, usage.as_mut_ptr()) })?;
            if pid == 0 {
                return Ok(None);
            }
            // SAFETY: made of integers, zeroed, filled since.
            let usage = DECODE(unsafe { usage.assume_init() });
            Ok(Some((pid, status, Some(usage))))
        }
    } else {
        /// `None`, under `WNOHANG`: there are such children and none has anything to report.
        pub(crate) fn wait(which: pid_t, options: c_int) -> Result<Option<Report>> {
            let mut status = 0;
            // SAFETY: the pointer is valid for what the call writes.
            let pid = check(unsafe { libc::waitpid(which, &mut status, options) })?;
            Ok(if pid == 0 { None } else { Some((pid, status, None)) })
        }
    }
}

/// The signal that ended the child, if one did.
pub(crate) fn signal(status: c_int) -> Option<c_int> {
    // Only MIPS has a signal 127. A death by it looks like a stop
    // by no signal.
    let by_127 = crate::sys::number::HIGHEST == 127 && status & 0xff7f == 0x7f;
    if by_127 {
        Some(127)
    } else {
        libc::WIFSIGNALED(status).then(|| libc::WTERMSIG(status))
    }
}

/// The signal that stopped the child, if one did.
pub(crate) fn stopped_by(status: c_int) -> Option<c_int> {
    (libc::WIFSTOPPED(status) && signal(status).is_none()).then(|| libc::WSTOPSIG(status))
}
