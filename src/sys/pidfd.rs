//! A descriptor that stands for a process, to wait for its end: a pidfd, or a kqueue with one
//! filter. An old kernel or a sandbox may refuse either.

use crate::errno::Result;
use crate::sys::child::Report;
use core::time::Duration;
use libc::{c_int, pid_t};

/// Owns the descriptor.
pub(crate) struct PidFd(c_int);

impl Drop for PidFd {
    fn drop(&mut self) {
        // SAFETY: made by `open`, and closed here alone.
        unsafe { libc::close(self.0) };
    }
}

cfg_if::cfg_if! {
    if #[cfg(any(has_pidfd, has_kqueue))] {
        use crate::errno::check;
        use crate::sys::child;
        use crate::sys::pipe::above_stdio;
        use core::mem::MaybeUninit;
        use core::ptr;
        use libc::timespec;

        /// No longer than 32 bits of seconds: the caller looks at its deadline again.
        fn timespec(left: Duration) -> timespec {
            // SAFETY: made of integers. Not all platforms have the two fields alone.
            let mut time: timespec = unsafe { MaybeUninit::zeroed().assume_init() };
            time.tv_sec = left.as_secs().min(i32::MAX as u64) as _;
            time.tv_nsec = left.subsec_nanos() as _;
            time
        }
    }
}

cfg_if::cfg_if! {
    if #[cfg(has_pidfd)] {
        use crate::errno::Errno;
        use crate::sys::siginfo;

        cfg_if::cfg_if! {
            if #[cfg(all(target_pointer_width = "32", not(target_arch = "x86_64")))] {
                type Rusage = [libc::c_long; 18];
                const DECODE: fn(Rusage) -> child::Usage = child::Usage::from_longs;
            } else {
                use libc::rusage as Rusage;
                const DECODE: fn(Rusage) -> child::Usage = child::Usage::from_libc;
            }
        }

        impl PidFd {
            pub(crate) fn open(pid: pid_t) -> Result<PidFd> {
                // SAFETY: takes plain values. The kernel sets close-on-exec.
                let fd = unsafe { libc::syscall(libc::SYS_pidfd_open, pid, 0) };
                above_stdio(check(fd as c_int)?).map(PidFd)
            }

            /// Sleeps until the process has ended (`true`), the time is over, or a handler has run
            /// (`EINTR`).
            pub(crate) fn wait(&self, left: Option<Duration>) -> Result<bool> {
                let mut entry = libc::pollfd { fd: self.0, events: libc::POLLIN, revents: 0 };
                let time = left.map(timespec);
                let time = time.as_ref().map_or(ptr::null(), |time| time as *const timespec);
                // SAFETY: one entry; null or a whole timespec; no mask.
                let ready = check(unsafe { libc::ppoll(&mut entry, 1, time, ptr::null()) })?;
                Ok(ready > 0)
            }

            /// The status, once it has ended. Of this process alone: not of another child that has
            /// been given its number since.
            pub(crate) fn collect(&self, pid: pid_t) -> Result<Option<Report>> {
                loop {
                    let mut info = MaybeUninit::<libc::siginfo_t>::zeroed();
                    let mut usage = MaybeUninit::<Rusage>::zeroed();
                    let options = libc::WEXITED | libc::WNOHANG;
                    let (kind, infos, usages) = (libc::P_PIDFD, info.as_mut_ptr(), usage.as_mut_ptr());
                    // The function has no place for the usage; the system call has.
                    // SAFETY: room for both structures.
                    let waited = check(unsafe {
                        libc::syscall(libc::SYS_waitid, kind, self.0, infos, options, usages) as c_int
                    });
                    match waited {
                        Ok(_) => {}
                        Err(Errno::ECHILD) => return Err(Errno::ECHILD),
                        Err(Errno::EINTR) => continue,
                        // Linux 5.3 has pidfds and does not know them here.
                        Err(_) => return child::wait(pid, libc::WNOHANG),
                    }
                    // SAFETY: made of integers and pointers, zeroed, filled since.
                    let (info, usage) = unsafe { (info.assume_init(), usage.assume_init()) };
                    let (pid, status) = (siginfo::pid(&info), siginfo::status(&info));
                    let status = match info.si_code {
                        _ if pid == 0 => return Ok(None),
                        libc::CLD_EXITED => (status & 0xff) << 8,
                        libc::CLD_KILLED => status & 0x7f,
                        libc::CLD_DUMPED => status & 0x7f | 0x80,
                        // A child that is traced reports its stops without having been asked.
                        _ => continue,
                    };
                    return Ok(Some((pid, status, Some(DECODE(usage)))));
                }
            }
        }
    } else if #[cfg(has_kqueue)] {
        impl PidFd {
            /// Errors: `ESRCH` for a process that is about to end, or has ended, on some systems.
            pub(crate) fn open(pid: pid_t) -> Result<PidFd> {
                // SAFETY: takes nothing.
                let queue = PidFd(above_stdio(check(unsafe { libc::kqueue() })?)?);
                crate::sys::pipe::close_on_exec(queue.0)?;
                // SAFETY: made of integers and a pointer.
                let mut change: libc::kevent = unsafe { MaybeUninit::zeroed().assume_init() };
                change.ident = pid as _;
                change.filter = libc::EVFILT_PROC as _;
                change.flags = libc::EV_ADD as _;
                change.fflags = libc::NOTE_EXIT as _;
                // SAFETY: one change, no room for events, no limit.
                check(unsafe {
                    libc::kevent(queue.0, &change, 1 as _, ptr::null_mut(), 0 as _, ptr::null())
                })?;
                Ok(queue)
            }

            /// Sleeps until the process has ended (`true`, perhaps a moment before it has a status,
            /// and once only), the time is over, or a handler has run (`EINTR`).
            pub(crate) fn wait(&self, left: Option<Duration>) -> Result<bool> {
                let mut event = MaybeUninit::<libc::kevent>::zeroed();
                let time = left.map(timespec);
                let time = time.as_ref().map_or(ptr::null(), |time| time as *const timespec);
                // SAFETY: no changes, room for one event, null or a whole timespec.
                let events = unsafe {
                    libc::kevent(self.0, ptr::null(), 0 as _, event.as_mut_ptr(), 1 as _, time)
                };
                check(events).map(|events| events > 0)
            }

            pub(crate) fn collect(&self, pid: pid_t) -> Result<Option<Report>> {
                child::wait(pid, libc::WNOHANG)
            }
        }
    } else {
        impl PidFd {
            pub(crate) fn open(_: pid_t) -> Result<PidFd> {
                Err(crate::Errno::ENOSYS)
            }

            pub(crate) fn wait(&self, _: Option<Duration>) -> Result<bool> {
                Err(crate::Errno::ENOSYS)
            }

            pub(crate) fn collect(&self, _: pid_t) -> Result<Option<Report>> {
                Err(crate::Errno::ENOSYS)
            }
        }
    }
}
