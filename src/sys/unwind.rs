//! The unwinder that `std` uses, to look up the stack.

cfg_if::cfg_if! {
    if #[cfg(all(target_vendor = "apple", target_arch = "arm"))] {
        /// These unwind by setjmp and have no such functions.
        pub(crate) fn any_caller(_: fn(usize) -> bool) -> bool {
            false
        }
    } else {
        use core::ffi::c_void;
        use core::ptr;
        use libc::c_int;

        type Frame = *mut c_void;

        extern "C" {
            fn _Unwind_Backtrace(
                visit: extern "C" fn(Frame, *mut c_void) -> c_int,
                argument: *mut c_void,
            ) -> c_int;
            fn _Unwind_GetRegionStart(frame: Frame) -> usize;
        }

        struct Search {
            wanted: fn(usize) -> bool,
            found: bool,
        }

        extern "C" fn visit(frame: Frame, search: *mut c_void) -> c_int {
            const NO_REASON: c_int = 0;
            const END_OF_STACK: c_int = 5;
            // SAFETY: `any_caller`'s, which is waiting for the unwinder to return.
            let search = unsafe { &mut *search.cast::<Search>() };
            // SAFETY: the unwinder's frame, for the time of this call.
            search.found = (search.wanted)(unsafe { _Unwind_GetRegionStart(frame) });
            if search.found { END_OF_STACK } else { NO_REASON }
        }

        /// Whether the address of a function that has not returned yet is `wanted`. Allocates
        /// nothing. `false` where there are no unwind tables.
        pub(crate) fn any_caller(wanted: fn(usize) -> bool) -> bool {
            let mut search = Search { wanted, found: false };
            // SAFETY: a function of the type that the unwinder calls, and what that expects.
            unsafe { _Unwind_Backtrace(visit, ptr::addr_of_mut!(search).cast()) };
            search.found
        }
    }
}
