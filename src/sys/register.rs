//! Where a signal frame keeps the registers of the interrupted code: byte offsets from what the
//! kernel passes as the third argument. `ci/check-abi` proves them.
//!
//! On Linux the frame is the kernel's, and the same for every C library.

use libc::c_void;

cfg_if::cfg_if! {
    if #[cfg(has_registers)] {
        /// Instruction pointer, stack pointer and frame pointer.
        pub(super) struct Offsets {
            /// Where the frame has a pointer to the structure of the registers, instead of them.
            pub(super) through: Option<usize>,
            pub(super) instruction: usize,
            pub(super) stack: usize,
            pub(super) frame: usize,
        }

        const fn offsets(instruction: usize, stack: usize, frame: usize) -> Offsets {
            let through = if cfg!(target_vendor = "apple") { Some(48) } else { None };
            Offsets { through, instruction, stack, frame }
        }

        cfg_if::cfg_if! {
            if #[cfg(all(target_vendor = "apple", target_arch = "x86_64"))] {
                pub(super) const AT: Offsets = offsets(144, 72, 64);
            } else if #[cfg(target_vendor = "apple")] {
                pub(super) const AT: Offsets = offsets(272, 264, 248);
            } else if #[cfg(all(target_os = "freebsd", target_arch = "x86_64"))] {
                pub(super) const AT: Offsets = offsets(176, 200, 88);
            } else if #[cfg(target_os = "freebsd")] {
                pub(super) const AT: Offsets = offsets(272, 264, 248);
            } else if #[cfg(all(target_os = "netbsd", target_arch = "x86_64"))] {
                pub(super) const AT: Offsets = offsets(224, 248, 152);
            } else if #[cfg(target_os = "netbsd")] {
                pub(super) const AT: Offsets = offsets(320, 312, 296);
            } else if #[cfg(all(target_os = "openbsd", target_arch = "x86_64"))] {
                pub(super) const AT: Offsets = offsets(168, 192, 96);
            } else if #[cfg(target_os = "openbsd")] {
                pub(super) const AT: Offsets = offsets(24, 8, 272);
            } else if #[cfg(target_os = "dragonfly")] {
                // Read from its header, which ci/check-abi does not have.
                pub(super) const AT: Offsets = offsets(232, 256, 136);
            } else if #[cfg(target_arch = "x86_64")] {
                pub(super) const AT: Offsets = offsets(168, 160, 120);
            } else if #[cfg(target_arch = "x86")] {
                pub(super) const AT: Offsets = offsets(76, 48, 44);
            } else if #[cfg(target_arch = "aarch64")] {
                pub(super) const AT: Offsets = offsets(440, 432, 416);
            } else if #[cfg(target_arch = "arm")] {
                // The frame pointer is r11; code in Thumb mode may use r7.
                pub(super) const AT: Offsets = offsets(92, 84, 76);
            } else if #[cfg(target_arch = "riscv64")] {
                pub(super) const AT: Offsets = offsets(176, 192, 240);
            } else if #[cfg(target_arch = "s390x")] {
                pub(super) const AT: Offsets = offsets(48, 176, 144);
            } else if #[cfg(target_arch = "powerpc64")] {
                pub(super) const AT: Offsets = offsets(488, 240, 480);
            } else {
                // loongarch64
                pub(super) const AT: Offsets = offsets(176, 208, 360);
            }
        }

        /// # Safety
        ///
        /// `context` must be null, or what the kernel passed to a handler that is still running.
        unsafe fn read(context: *mut c_void, offset: usize) -> Option<usize> {
            if context.is_null() {
                return None;
            }
            let mut start = context.cast::<u8>();
            // SAFETY: within the frame, by the caller's promise: the offsets are the header's. A
            // register is valid for any bits.
            unsafe {
                if let Some(through) = AT.through {
                    start = start.add(through).cast::<*mut u8>().read_unaligned();
                }
                Some(start.add(offset).cast::<usize>().read_unaligned())
            }
        }

        /// # Safety
        ///
        /// As for `read`.
        pub(crate) unsafe fn instruction_pointer(context: *mut c_void) -> Option<usize> {
            // SAFETY: by the caller's promise.
            unsafe { read(context, AT.instruction) }
        }

        /// # Safety
        ///
        /// As for `read`.
        pub(crate) unsafe fn stack_pointer(context: *mut c_void) -> Option<usize> {
            // SAFETY: by the caller's promise.
            unsafe { read(context, AT.stack) }
        }

        /// # Safety
        ///
        /// As for `read`.
        pub(crate) unsafe fn frame_pointer(context: *mut c_void) -> Option<usize> {
            // SAFETY: by the caller's promise.
            unsafe { read(context, AT.frame) }
        }
    } else {
        /// # Safety
        ///
        /// None here.
        pub(crate) unsafe fn instruction_pointer(_: *mut c_void) -> Option<usize> {
            None
        }

        /// # Safety
        ///
        /// None here.
        pub(crate) unsafe fn stack_pointer(_: *mut c_void) -> Option<usize> {
            None
        }

        /// # Safety
        ///
        /// None here.
        pub(crate) unsafe fn frame_pointer(_: *mut c_void) -> Option<usize> {
            None
        }
    }
}
