//! The fields of `siginfo_t`, at the offsets of the systems' own headers where `libc` has them wrong or not at all.

use libc::{c_int, c_long, c_void, pid_t, siginfo_t, uid_t};

/// A field of type `T` at a byte offset.
///
/// SAFETY: `offset` must be where the platform's header puts a field of that type.
#[allow(dead_code)]
unsafe fn field<T: Copy>(info: &siginfo_t, offset: usize) -> T {
    debug_assert!(offset + core::mem::size_of::<T>() <= core::mem::size_of::<siginfo_t>());
    // SAFETY: within the structure by the caller's promise; the fields are integers or pointers, valid for any bits.
    unsafe { (info as *const siginfo_t).cast::<u8>().add(offset).cast::<T>().read_unaligned() }
}

cfg_if::cfg_if! {
    if #[cfg(any(
        target_os = "openbsd",
        all(target_os = "netbsd", target_pointer_width = "32", not(target_arch = "x86")),
        all(target_os = "linux", target_arch = "x86_64", target_pointer_width = "32"),
    ))] {
        cfg_if::cfg_if! {
            if #[cfg(all(target_os = "openbsd", not(target_arch = "x86")))] {
                mod offset {
                    pub(super) const PID: usize = 16;
                    pub(super) const UID: usize = 20;
                    pub(super) const STATUS: usize = 40;
                    pub(super) const VALUE: usize = 24;
                    pub(super) const ADDRESS: usize = 16;
                }
            } else if #[cfg(target_os = "openbsd")] {
                mod offset {
                    pub(super) const PID: usize = 12;
                    pub(super) const UID: usize = 16;
                    pub(super) const STATUS: usize = 36;
                    pub(super) const VALUE: usize = 20;
                    pub(super) const ADDRESS: usize = 12;
                }
            } else if #[cfg(target_os = "netbsd")] {
                mod offset {
                    pub(super) const PID: usize = 16;
                    pub(super) const UID: usize = 20;
                    pub(super) const STATUS: usize = 24;
                    pub(super) const VALUE: usize = 24;
                    pub(super) const ADDRESS: usize = 16;
                }
            } else {
                mod offset {
                    pub(super) const PID: usize = 12;
                    pub(super) const UID: usize = 16;
                    pub(super) const STATUS: usize = 20;
                    pub(super) const VALUE: usize = 20;
                    pub(super) const ADDRESS: usize = 12;
                }
            }
        }

        pub(crate) fn pid(info: &siginfo_t) -> pid_t {
            // SAFETY: the offset is the header's.
            unsafe { field(info, offset::PID) }
        }

        pub(crate) fn uid(info: &siginfo_t) -> uid_t {
            // SAFETY: the offset is the header's.
            unsafe { field(info, offset::UID) }
        }

        pub(crate) fn status(info: &siginfo_t) -> c_int {
            // SAFETY: the offset is the header's.
            unsafe { field(info, offset::STATUS) }
        }

        pub(crate) fn address(info: &siginfo_t) -> *mut c_void {
            // SAFETY: the offset is the header's.
            unsafe { field(info, offset::ADDRESS) }
        }

        pub(crate) fn value(info: &siginfo_t) -> Option<c_int> {
            // SAFETY: the offset is the header's; the int stands at the start of the union sigval.
            Some(unsafe { field(info, offset::VALUE) })
        }
    } else if #[cfg(target_os = "redox")] {
        // Not known: `code` lets nobody ask.
        pub(crate) fn pid(_: &siginfo_t) -> pid_t {
            0
        }

        pub(crate) fn uid(_: &siginfo_t) -> uid_t {
            0
        }

        pub(crate) fn status(_: &siginfo_t) -> c_int {
            0
        }

        pub(crate) fn address(_: &siginfo_t) -> *mut c_void {
            core::ptr::null_mut()
        }

        pub(crate) fn value(_: &siginfo_t) -> Option<c_int> {
            None
        }
    } else {
        pub(crate) fn pid(info: &siginfo_t) -> pid_t {
            // SAFETY: reads within the structure; the field is an integer.
            unsafe { info.si_pid() as pid_t }
        }

        pub(crate) fn uid(info: &siginfo_t) -> uid_t {
            // SAFETY: reads within the structure; the field is an integer.
            unsafe { info.si_uid() as uid_t }
        }

        pub(crate) fn status(info: &siginfo_t) -> c_int {
            // SAFETY: reads within the structure; the field is an integer.
            unsafe { info.si_status() as c_int }
        }

        pub(crate) fn address(info: &siginfo_t) -> *mut c_void {
            // SAFETY: reads within the structure; any bits are a valid raw pointer.
            unsafe { info.si_addr() as *mut c_void }
        }

        cfg_if::cfg_if! {
            if #[cfg(target_os = "haiku")] {
                pub(crate) fn value(_: &siginfo_t) -> Option<c_int> {
                    None
                }
            } else {
                pub(crate) fn value(info: &siginfo_t) -> Option<c_int> {
                    // SAFETY: reads within the structure.
                    let sigval = unsafe { info.si_value() };
                    // SAFETY: the int stands at the start of the union, which `libc` declares as its pointer.
                    Some(unsafe { (&sigval as *const libc::sigval).cast::<c_int>().read() })
                }
            }
        }
    }
}

cfg_if::cfg_if! {
    if #[cfg(any(target_os = "linux", target_os = "android"))] {
        // The union of the fields starts where its strictest member, a pointer, can.
        const BAND: Option<usize> = Some(if cfg!(target_pointer_width = "64") { 16 } else { 12 });
    } else if #[cfg(any(target_vendor = "apple", target_os = "freebsd"))] {
        const BAND: Option<usize> = Some(if cfg!(target_pointer_width = "64") { 40 } else { 32 });
    } else {
        const BAND: Option<usize> = None;
    }
}

/// The type of the field: glibc makes it an `int` on SPARC.
#[cfg(all(target_env = "gnu", any(target_arch = "sparc", target_arch = "sparc64")))]
type Band = c_int;
#[cfg(not(all(target_env = "gnu", any(target_arch = "sparc", target_arch = "sparc64"))))]
type Band = c_long;

/// `si_band`, where the offset is known.
pub(crate) fn band(info: &siginfo_t) -> Option<c_long> {
    // SAFETY: the offset is the header's.
    BAND.map(|offset| unsafe { field::<Band>(info, offset) } as c_long)
}
