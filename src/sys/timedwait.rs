//! Taking a pending signal, within a time: one try, which a handler may interrupt.

use super::sigset::{self, Words};
use crate::errno::{Errno, Result};
use core::mem::MaybeUninit;
use core::time::Duration;
use libc::{siginfo_t, sigset_t};

/// `None` when the time is over. The signals of `set` must be blocked.
pub(crate) fn sigtimedwait(set: Words, timeout: Option<Duration>) -> Result<Option<siginfo_t>> {
    let mut info = MaybeUninit::<siginfo_t>::zeroed();
    match wait(sigset::argument(set).as_ptr(), &mut info, timeout) {
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

        fn wait(set: *const sigset_t, info: &mut MaybeUninit<siginfo_t>, timeout: Option<Duration>) -> Result<()> {
            const KERNEL_SET: usize = (crate::sys::number::HIGHEST as usize + 1) / 8;
            let limit = timeout.map(|time| {
                [time.as_secs().min(i32::MAX as u64) as Part, time.subsec_nanos() as Part]
            });
            let limit = limit.as_ref().map_or(core::ptr::null(), |limit| limit.as_ptr());
            // SAFETY: the set is at least as large as the kernel's, there is room for a siginfo_t,
            // and the two parts of the time are the kernel's timespec.
            let taken = unsafe {
                libc::syscall(NUMBER as _, set, info.as_mut_ptr(), limit, KERNEL_SET)
            };
            crate::errno::check(taken as libc::c_int).map(drop)
        }
    } else if #[cfg(has_sigtimedwait)] {
        fn wait(set: *const sigset_t, info: &mut MaybeUninit<siginfo_t>, timeout: Option<Duration>) -> Result<()> {
            let limit = timeout.map(timespec);
            let limit = limit.as_ref().map_or(core::ptr::null(), |limit| limit as *const libc::timespec);
            // SAFETY: the pointers lead to a set, room for a siginfo_t, and a timespec or nothing.
            crate::errno::check(unsafe { libc::sigtimedwait(set, info.as_mut_ptr(), limit) }).map(drop)
        }
    } else {
        use core::ptr;
        use core::sync::atomic::{AtomicI32, Ordering};
        use libc::{c_int, pid_t};

        /// The process of which a thread is taking a signal: two must not see the same one pending
        /// and go to wait for it.
        static TAKING: AtomicI32 = AtomicI32::new(0);

        /// How long to sleep between two looks at what is pending.
        const PAUSE: Duration = Duration::from_millis(2);

        /// Looks at what is pending: `sigwait` alone would sleep on when another thread has taken
        /// the signal that it was woken for. It tells the number alone, so that nothing else is
        /// filled in.
        fn wait(set: *const sigset_t, info: &mut MaybeUninit<siginfo_t>, timeout: Option<Duration>) -> Result<()> {
            if let Some(signal) = take_pending(set)? {
                // SAFETY: the structure is zeroed and made of integers and raw pointers.
                unsafe {
                    (*info.as_mut_ptr()).si_signo = signal;
                    // Nobody said where it came from, and on some systems zero would say: root has
                    // sent it with `kill`.
                    (*info.as_mut_ptr()).si_code = c_int::MIN;
                }
                return Ok(());
            }
            let pause = timeout.map_or(PAUSE, |left| left.min(PAUSE));
            if pause == Duration::ZERO {
                return Err(Errno::EAGAIN);
            }
            // SAFETY: points to a whole timespec; what is left of it is not asked for.
            unsafe { libc::nanosleep(&timespec(pause), ptr::null_mut()) };
            // The caller looks at its clock and tries again.
            Err(Errno::EINTR)
        }

        /// `None` too while another thread is about it.
        fn take_pending(set: *const sigset_t) -> Result<Option<c_int>> {
            // SAFETY: takes nothing and cannot fail.
            let this: pid_t = unsafe { libc::getpid() };
            let holder = TAKING.load(Ordering::Relaxed);
            let free = holder != this;
            if !free || TAKING.compare_exchange(holder, this, Ordering::Acquire, Ordering::Relaxed).is_err() {
                return Ok(None);
            }
            let taken = if is_pending(set) { sigwait(set).map(Some) } else { Ok(None) };
            TAKING.store(0, Ordering::Release);
            taken
        }

        fn is_pending(set: *const sigset_t) -> bool {
            let mut pending = MaybeUninit::zeroed();
            // SAFETY: room for a set; both have the kernel's part filled in.
            let (pending, wanted) = unsafe {
                libc::sigpending(pending.as_mut_ptr());
                (sigset::read(pending.as_ptr()), sigset::read(set))
            };
            pending.iter().zip(wanted).any(|(pending, wanted)| pending & wanted != 0)
        }

        fn sigwait(set: *const sigset_t) -> Result<c_int> {
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
