//! The threads of the process: whether there are others, and signals to one of them.

cfg_if::cfg_if! {
    if #[cfg(any(target_os = "linux", target_os = "android"))] {
        use crate::errno::Errno;

        /// `None`: it cannot be told. A thread that has been joined is still counted until the
        /// kernel is done with it.
        pub(crate) fn others() -> Option<bool> {
            match by_unshare() {
                // A second opinion, should a sandbox refuse everything in this way.
                Some(true) => by_proc().or(Some(true)),
                Some(false) => Some(false),
                None => by_proc(),
            }
        }

        /// By asking to leave the thread group: with one thread nothing happens, with others the
        /// kernel refuses. Needs no file. (`CLONE_VM` would ask for more, also that no child of
        /// `vfork` is left, and gVisor always refuses it.)
        fn by_unshare() -> Option<bool> {
            // SAFETY: takes a plain value, and changes nothing.
            if unsafe { libc::unshare(libc::CLONE_THREAD) } == 0 {
                return Some(false);
            }
            // Any other error is a sandbox's.
            (Errno::last() == Errno::EINVAL).then_some(true)
        }

        fn by_proc() -> Option<bool> {
            let mut stat = core::mem::MaybeUninit::<libc::stat>::zeroed();
            // SAFETY: the path ends in a zero byte, and there is room for the structure, which is
            // made of integers.
            let stat = unsafe {
                if libc::stat(b"/proc/self/task\0".as_ptr().cast(), stat.as_mut_ptr()) != 0 {
                    return None;
                }
                stat.assume_init()
            };
            // A directory with one entry for each thread, and with links from itself and from
            // above.
            match stat.st_nlink {
                0..=2 => None,
                links => Some(links > 3),
            }
        }
    } else if #[cfg(target_vendor = "apple")] {
        extern "C" {
            fn pthread_is_threaded_np() -> libc::c_int;
        }

        /// `None`: it cannot be told. A thread that has been joined is still counted until the
        /// kernel is done with it.
        pub(crate) fn others() -> Option<bool> {
            // SAFETY: a structure made of integers.
            let mut info: libc::proc_taskinfo = unsafe { core::mem::zeroed() };
            let size = core::mem::size_of::<libc::proc_taskinfo>() as libc::c_int;
            let room = core::ptr::addr_of_mut!(info).cast();
            // SAFETY: room for the structure, and its size.
            let filled = unsafe {
                libc::proc_pidinfo(libc::getpid(), libc::PROC_PIDTASKINFO, 0, room, size)
            };
            if filled == size {
                return Some(info.pti_threadnum > 1);
            }
            // Where a sandbox refuses that: whether there has ever been another.
            // SAFETY: takes nothing and reads a flag.
            Some(unsafe { pthread_is_threaded_np() } != 0)
        }
    } else {
        /// `None`: it cannot be told.
        pub(crate) fn others() -> Option<bool> {
            None
        }
    }
}

/// `pthread_kill`.
///
/// # Safety
///
/// The thread must not have been joined or detached.
#[cfg(feature = "std")]
pub(crate) unsafe fn kill(
    thread: std::os::unix::thread::RawPthread,
    signal: libc::c_int,
) -> crate::errno::Result<()> {
    // SAFETY: by the caller's promise, the id is a thread's.
    crate::errno::check_pthread(unsafe { libc::pthread_kill(thread as _, signal) })
}

#[cfg(all(test, feature = "std", any(target_os = "linux", target_os = "android")))]
mod tests {
    use super::*;
    use std::sync::mpsc::channel;

    #[test]
    fn each_way_sees_a_thread_and_its_absence() {
        let (hold, held) = channel::<()>();
        let thread = std::thread::spawn(move || held.recv());
        assert_eq!((others(), by_unshare(), by_proc()), (Some(true), Some(true), Some(true)));
        let alone =
            || others() == Some(false) && by_unshare() == Some(false) && by_proc() == Some(false);
        // SAFETY: the child, which has one thread, makes system calls only.
        match unsafe { libc::fork() } {
            // SAFETY: ends the child.
            0 => unsafe { libc::_exit(i32::from(!alone())) },
            child => {
                let mut status = -1;
                // SAFETY: room for the status.
                assert_eq!(unsafe { libc::waitpid(child, &mut status, 0) }, child);
                assert_eq!(status, 0);
            }
        }
        drop(hold);
        assert!(thread.join().unwrap().is_err());
    }
}
