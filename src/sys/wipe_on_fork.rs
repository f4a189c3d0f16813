//! Memory that is zero in a forked child.

use core::sync::atomic::AtomicUsize;

cfg_if::cfg_if! {
    if #[cfg(has_wipe_on_fork)] {
        use core::ptr;

        const SIZE: usize = 4096;

        cfg_if::cfg_if! {
            if #[cfg(any(target_os = "linux", target_os = "android"))] {
                const MADV_WIPEONFORK: libc::c_int = 18;

                /// # Safety
                ///
                /// `memory` must be a page of the caller's own.
                unsafe fn wipe(memory: *mut libc::c_void) -> bool {
                    // Who accepts what does not exist (old versions of qemu) wipes nothing.
                    // SAFETY: by the caller's promise; the memory is unused.
                    unsafe {
                        libc::madvise(memory, SIZE, -1) != 0
                            && libc::madvise(memory, SIZE, MADV_WIPEONFORK) == 0
                    }
                }
            } else {
                extern "C" {
                    fn minherit(memory: *mut libc::c_void, size: usize, how: libc::c_int) -> libc::c_int;
                }
                // INHERIT_ZERO of FreeBSD, MAP_INHERIT_ZERO of the others.
                const ZERO: libc::c_int = if cfg!(target_os = "netbsd") { 4 } else { 3 };

                /// # Safety
                ///
                /// `memory` must be a page of the caller's own.
                unsafe fn wipe(memory: *mut libc::c_void) -> bool {
                    // SAFETY: by the caller's promise.
                    unsafe { minherit(memory, SIZE, ZERO) == 0 }
                }
            }
        }

        /// Zeros, which are never given back. `None`: the system refuses.
        pub(crate) fn allocate() -> Option<*mut AtomicUsize> {
            let (access, flags) = (libc::PROT_READ | libc::PROT_WRITE, libc::MAP_PRIVATE | libc::MAP_ANON);
            // SAFETY: asks for fresh memory.
            let memory = unsafe { libc::mmap(ptr::null_mut(), SIZE, access, flags, -1, 0) };
            if memory == libc::MAP_FAILED {
                return None;
            }
            // SAFETY: the memory from above, which nobody has seen yet.
            if unsafe { !wipe(memory) } {
                // SAFETY: as above.
                unsafe { libc::munmap(memory, SIZE) };
                return None;
            }
            Some(memory.cast())
        }
    } else {
        /// The platform has nothing like it.
        pub(crate) fn allocate() -> Option<*mut AtomicUsize> {
            None
        }
    }
}
