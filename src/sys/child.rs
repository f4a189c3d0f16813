//! Waiting for a child without blocking: with its resource usage where there is `wait4`.

use crate::errno::{check, Result};
use core::time::Duration;
use libc::{c_int, pid_t};

/// What a child used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Usage {
    /// CPU time spent in the program.
    pub user: Duration,
    /// CPU time spent in the kernel on its behalf.
    pub system: Duration,
    /// The largest resident set, in bytes.
    pub peak_memory: u64,
}

cfg_if::cfg_if! {
    if #[cfg(has_wait4)] {
        use core::mem::MaybeUninit;

        cfg_if::cfg_if! {
            if #[cfg(target_vendor = "apple")] {
                const MAXRSS_UNIT: u64 = 1;
            } else {
                const MAXRSS_UNIT: u64 = 1024;
            }
        }

        cfg_if::cfg_if! {
            if #[cfg(all(target_env = "musl", target_pointer_width = "32", not(target_arch = "riscv32")))] {
                // The function that `libc` binds there, for the times of old, never fills in the usage: go round it.
                type Part = libc::c_long;

                /// SAFETY: `usage` must lead to room for the kernel's structure.
                unsafe fn wait4(which: pid_t, status: &mut c_int, usage: *mut [Part; 18]) -> c_int {
                    // SAFETY: room for the status and for the kernel's structure, by the caller's promise.
                    unsafe {
                        libc::syscall(libc::SYS_wait4, which, status as *mut c_int, libc::WNOHANG, usage) as c_int
                    }
                }

                fn parts(usage: [Part; 18]) -> [u64; 5] {
                    [usage[0] as u64, usage[1] as u64, usage[2] as u64, usage[3] as u64, usage[4] as u64]
                }
            } else {
                /// SAFETY: `usage` must lead to room for the structure.
                unsafe fn wait4(which: pid_t, status: &mut c_int, usage: *mut libc::rusage) -> c_int {
                    // SAFETY: by the caller's promise.
                    unsafe { libc::wait4(which, status, libc::WNOHANG, usage) }
                }

                fn parts(usage: libc::rusage) -> [u64; 5] {
                    let (user, system) = (usage.ru_utime, usage.ru_stime);
                    let times = (user.tv_sec as u64, user.tv_usec as u64, system.tv_sec as u64, system.tv_usec as u64);
                    [times.0, times.1, times.2, times.3, usage.ru_maxrss as u64]
                }
            }
        }

        /// `None`: there are such children and none has ended.
        pub(crate) fn wait(which: pid_t) -> Result<Option<(pid_t, c_int, Option<Usage>)>> {
            let mut status = 0;
            let mut usage = MaybeUninit::zeroed();
            // SAFETY: room for what the call writes.
            let pid = check(unsafe { wait4(which, &mut status, usage.as_mut_ptr()) })?;
            if pid == 0 {
                return Ok(None);
            }
            // SAFETY: made of integers, zeroed, filled since.
            let [user, user_micros, system, system_micros, maxrss] = parts(unsafe { usage.assume_init() });
            let usage = Usage {
                user: Duration::from_secs(user) + Duration::from_micros(user_micros),
                system: Duration::from_secs(system) + Duration::from_micros(system_micros),
                peak_memory: maxrss * MAXRSS_UNIT,
            };
            Ok(Some((pid, status, Some(usage))))
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

/// The signal that ended the child, if one did.
pub(crate) fn signal(status: c_int) -> Option<c_int> {
    // Only MIPS has a signal 127. A death by it looks like a stop, but for the signal that stopped: none.
    let by_127 = crate::sys::number::HIGHEST == 127 && status & 0xff7f == 0x7f;
    if by_127 {
        Some(127)
    } else {
        libc::WIFSIGNALED(status).then(|| libc::WTERMSIG(status))
    }
}
