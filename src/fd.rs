//! Descriptors as arguments: with `std` anything that has one and keeps it open, without it a
//! number.

use libc::c_int;

cfg_if::cfg_if! {
    if #[cfg(feature = "std")] {
        use std::os::unix::io::AsRawFd;
        pub(crate) use std::os::unix::io::AsFd;

        /// The number, for as long as the borrow lasts.
        pub(crate) fn number(fd: &impl AsFd) -> c_int {
            fd.as_fd().as_raw_fd()
        }
    } else {
        /// A descriptor's number. Not to be implemented by others.
        #[allow(unreachable_pub)] // it stands in public signatures, and has no public name
        pub trait AsFd {
            #[doc(hidden)]
            fn number(&self) -> c_int;
        }

        impl AsFd for c_int {
            fn number(&self) -> c_int {
                *self
            }
        }

        /// The number.
        pub(crate) fn number(fd: &impl AsFd) -> c_int {
            fd.number()
        }
    }
}
