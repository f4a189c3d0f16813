//! Taking a pending signal, within a time: one try, which a handler may interrupt.

use crate::errno::{Errno, Result};
use core::mem::MaybeUninit;
use core::time::Duration;
use libc::{siginfo_t, sigset_t};

/// `None` when the time is over. The signals of `set` must be blocked.
pub(crate) fn sigtimedwait(set: &sigset_t, timeout: Option<Duration>) -> Result<Option<siginfo_t>> {
    let mut info = MaybeUninit::<siginfo_t>::zeroed();
    match wait(set, &mut info, timeout) {
        // SAFETY: zeroed, and filled by the call; its fields are integers and raw pointers.
        Ok(()) => Ok(Some(unsafe { info.assume_init() })),
        Err(Errno::EAGAIN) => Ok(None),
        // NetBSD's word for EINTR.
        Err(Errno::ECANCELED) => Err(Errno::EINTR),
        Err(error) => Err(error),
    }
}

/// At most as long as every platform's `time_t` can say: 68 years.
#[cfg(not(all(has_sigtimedwait, any(target_env = "musl", target_env = "ohos"))))]
fn timespec(time: Duration) -> libc::timespec {
    // SAFETY: made of integers, on some platforms with padding between them.
    let mut spec: libc::timespec = unsafe { MaybeUninit::zeroed().assume_init() };
    spec.tv_sec = time.as_secs().min(i32::MAX as u64) as _;
    spec.tv_nsec = time.subsec_nanos() as _;
    spec
}

cfg_if::cfg_if! {
    if #[cfg(all(has_sigtimedwait, any(target_env = "musl", target_env = "ohos")))] {
        // musl's function starts the whole time anew after each interruption: go round it.
        cfg_if::cfg_if! {
            if #[cfg(target_arch = "riscv32")] {
                type Part = i64;
                const NUMBER: libc::c_long = 421; // rt_sigtimedwait_time64, the only one there
            } else {
                type Part = libc::c_long;
                const NUMBER: libc::c_long = libc::SYS_rt_sigtimedwait as libc::c_long;
            }
        }

        fn wait(set: &sigset_t, info: &mut MaybeUninit<siginfo_t>, timeout: Option<Duration>) -> Result<()> {
            const KERNEL_SET: usize = (crate::sys::number::HIGHEST as usize + 1) / 8;
            let limit = timeout.map(|time| {
                [time.as_secs().min(i32::MAX as u64) as Part, time.subsec_nanos() as Part]
            });
            let limit = limit.as_ref().map_or(core::ptr::null(), |limit| limit.as_ptr());
            // SAFETY: the set is at least as large as the kernel's, there is room for a siginfo_t, and the two parts
            // of the time are the kernel's timespec.
            let taken = unsafe {
                libc::syscall(NUMBER as _, set as *const sigset_t, info.as_mut_ptr(), limit, KERNEL_SET)
            };
            crate::errno::check(taken as libc::c_int).map(drop)
        }
    } else if #[cfg(has_sigtimedwait)] {
        fn wait(set: &sigset_t, info: &mut MaybeUninit<siginfo_t>, timeout: Option<Duration>) -> Result<()> {
            let limit = timeout.map(timespec);
            let limit = limit.as_ref().map_or(core::ptr::null(), |limit| limit as *const libc::timespec);
            // SAFETY: the pointers lead to a set, room for a siginfo_t, and a timespec or nothing.
            crate::errno::check(unsafe { libc::sigtimedwait(set, info.as_mut_ptr(), limit) }).map(drop)
        }
    } else {
        use crate::lock::Lock;
        use crate::wait::Deadline;
        use libc::c_int;

        /// Two threads must not both see the same pending signal and go to wait for it.
        static TAKING: Lock = Lock::new();

        /// Looks at what is pending, more and more rarely, down to once in five milliseconds: `sigwait` alone would sleep on
        /// when another thread has taken the signal that it was woken for. It tells the
        /// number alone, so that nothing else is filled in.
        fn wait(set: &sigset_t, info: &mut MaybeUninit<siginfo_t>, timeout: Option<Duration>) -> Result<()> {
            let deadline = timeout.map_or(Deadline::NEVER, Deadline::after);
            let mut pause = Duration::from_micros(20);
            let signal = loop {
                if let Some(signal) = take_pending(set)? {
                    break signal;
                }
                let left = deadline.left().unwrap_or(Duration::MAX);
                if left == Duration::ZERO {
                    return Err(Errno::EAGAIN);
                }
                pause = (pause * 2).min(Duration::from_millis(5)).min(left);
                let pause = timespec(pause);
                // SAFETY: points to a whole timespec; what is left of it is not asked for.
                unsafe { libc::nanosleep(&pause, core::ptr::null_mut()) };
            };
            // SAFETY: the structure is zeroed and made of integers and raw pointers.
            unsafe {
                (*info.as_mut_ptr()).si_signo = signal;
                // Nobody said where it came from, and on some systems zero would say: root has sent it with `kill`.
                (*info.as_mut_ptr()).si_code = c_int::MIN;
            }
            Ok(())
        }

        fn take_pending(set: &sigset_t) -> Result<Option<c_int>> {
            let _taking = TAKING.lock();
            let pending = crate::mask::pending();
            let wanted = crate::SignalSet::from_raw(*set);
            if (pending & wanted).is_empty() {
                return Ok(None);
            }
            sigwait(set).map(Some)
        }

        fn sigwait(set: &sigset_t) -> Result<c_int> {
            let mut signal = 0;
            // SAFETY: the pointers lead to a set and to room for the number.
            match unsafe { libc::sigwait(set, &mut signal) } {
                0 => Ok(signal),
                // musl and relibc set errno instead of returning the number.
                -1 => Err(Errno::last()),
                error => Err(Errno::from_raw_os_error(error)),
            }
        }
    }
}
