//! A descriptor that is readable when a signal is pending: `signalfd`, or `kqueue` with
//! EVFILT_SIGNAL. Close-on-exec, never to block, and above the standard descriptors. The signals
//! themselves are taken with `sigtimedwait` or its substitute, which is one call as well and fills
//! in a whole `siginfo_t`.

use super::sigset::Words;
#[cfg(any(has_signalfd, has_kqueue))]
use crate::errno::check;
use crate::errno::Result;
use libc::c_int;

cfg_if::cfg_if! {
    if #[cfg(has_signalfd)] {
        cfg_if::cfg_if! {
            if #[cfg(target_os = "illumos")] {
                extern "C" {
                    fn signalfd(fd: c_int, mask: *const libc::sigset_t, flags: c_int) -> c_int;
                }
                // Linux's numbers of SFD_NONBLOCK and SFD_CLOEXEC, which are not its own O_ flags.
                const FLAGS: c_int = 0o4000 | 0o2000000;
            } else {
                use libc::signalfd;
                // What SFD_NONBLOCK and SFD_CLOEXEC are.
                const FLAGS: c_int = libc::O_NONBLOCK | libc::O_CLOEXEC;
            }
        }

        /// Whether a forked child has the descriptor too.
        pub(crate) const INHERITED: bool = true;

        pub(crate) fn open(set: Words) -> Result<c_int> {
            let set = super::sigset::argument(set);
            // SAFETY: points to a set, of which the kernel's part is filled in.
            super::pipe::above_stdio(check(unsafe { signalfd(-1, set.as_ptr(), FLAGS) })?)
        }

        /// The descriptor says itself when nothing is pending any more.
        pub(crate) fn drain(_: c_int) -> bool {
            false
        }
    } else if #[cfg(has_kqueue)] {
        use super::number::HIGHEST;
        use core::mem::MaybeUninit;
        use core::ptr;

        /// Whether a forked child has the descriptor too.
        pub(crate) const INHERITED: bool = false;

        pub(crate) fn open(set: Words) -> Result<c_int> {
            // SAFETY: takes nothing. The descriptor has nothing that could block.
            let fd = super::pipe::above_stdio(check(unsafe { libc::kqueue() })?)?;
            let is_member = |number: &c_int| {
                let index = *number as usize - 1;
                set[index / 64] >> (index % 64) & 1 != 0
            };
            let mut members = (1..=HIGHEST).filter(is_member);
            let watched = super::pipe::close_on_exec(fd)
                .and_then(|()| members.try_for_each(|number| add(fd, number)));
            match watched {
                Ok(()) => Ok(fd),
                Err(error) => {
                    // SAFETY: made above.
                    unsafe { libc::close(fd) };
                    Err(error)
                }
            }
        }

        fn add(fd: c_int, signal: c_int) -> Result<()> {
            // SAFETY: made of integers and a pointer, for which zero is valid.
            let mut change: libc::kevent = unsafe { MaybeUninit::zeroed().assume_init() };
            change.ident = signal as _;
            change.filter = libc::EVFILT_SIGNAL as _;
            change.flags = libc::EV_ADD as _;
            // SAFETY: one change, and no room for events.
            let added = unsafe { libc::kevent(fd, &change, 1, ptr::null_mut(), 0, ptr::null()) };
            check(added).map(drop)
        }

        /// Takes the events, so that it is not readable until the next signal. Whether there were
        /// any.
        pub(crate) fn drain(fd: c_int) -> bool {
            const ROOM: usize = 16;
            let mut events = MaybeUninit::<[libc::kevent; ROOM]>::uninit();
            let now = libc::timespec { tv_sec: 0, tv_nsec: 0 };
            // SAFETY: no changes, room for so many events, and a whole timespec.
            unsafe {
                libc::kevent(fd, ptr::null(), 0, events.as_mut_ptr().cast(), ROOM as _, &now) > 0
            }
        }
    } else {
        pub(crate) const INHERITED: bool = true;

        pub(crate) fn open(_: Words) -> Result<c_int> {
            Err(crate::Errno::ENOSYS)
        }

        pub(crate) fn drain(_: c_int) -> bool {
            false
        }
    }
}
