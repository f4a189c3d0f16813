//! Whether the process has other threads.

cfg_if::cfg_if! {
    if #[cfg(any(target_os = "linux", target_os = "android"))] {
        /// `None`: it cannot be told.
        pub(crate) fn others() -> Option<bool> {
            let mut stat = core::mem::MaybeUninit::<libc::stat>::zeroed();
            // SAFETY: the path ends in a zero byte, and there is room for the structure, which is made of integers.
            let stat = unsafe {
                if libc::stat(b"/proc/self/task\0".as_ptr().cast(), stat.as_mut_ptr()) != 0 {
                    return None;
                }
                stat.assume_init()
            };
            // A directory with one entry for each thread, and with links from itself and from above.
            Some(stat.st_nlink > 3)
        }
    } else if #[cfg(target_vendor = "apple")] {
        extern "C" {
            fn pthread_is_threaded_np() -> libc::c_int;
        }

        /// `None`: it cannot be told. Here: whether there has ever been another.
        pub(crate) fn others() -> Option<bool> {
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
