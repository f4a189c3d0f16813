//! The fields of `siginfo_t`, at the offsets of the systems' own headers: `libc` has them wrong on
//! some, and none on others. `ci/check-abi` proves the table.

use libc::{c_int, c_long, c_void, pid_t, siginfo_t, uid_t};

cfg_if::cfg_if! {
    if #[cfg(any(
        target_os = "linux", target_os = "android", target_vendor = "apple", target_os = "freebsd",
        target_os = "netbsd", target_os = "openbsd", target_os = "redox",
    ))] {
        /// Byte offsets.
        struct Fields {
            pid: usize,
            uid: usize,
            status: usize,
            value: usize,
            address: usize,
            band: Option<usize>,
        }

        /// All in a union, which begins here.
        #[allow(dead_code)]
        const fn union_at(start: usize) -> Fields {
            let (status, value) = (start + 8, start + 8);
            Fields { pid: start, uid: start + 4, status, value, address: start, band: Some(start) }
        }

        #[allow(dead_code)]
        const WIDE: bool = cfg!(target_pointer_width = "64");

        cfg_if::cfg_if! {
            if #[cfg(any(target_vendor = "apple", target_os = "freebsd"))] {
                const AT: Fields = Fields {
                    pid: 12,
                    uid: 16,
                    status: 20,
                    value: if WIDE { 32 } else { 28 },
                    address: 24,
                    band: Some(if WIDE { 40 } else { 32 }),
                };
            } else if #[cfg(target_os = "netbsd")] {
                const AT: Fields = union_at(if cfg!(target_arch = "x86") { 12 } else { 16 });
            } else if #[cfg(target_os = "openbsd")] {
                const START: usize = if cfg!(target_arch = "x86") { 12 } else { 16 };
                const AT: Fields = Fields { status: START + 24, band: None, ..union_at(START) };
            } else {
                // On Redox nobody asks: see `code`.
                const AT: Fields = union_at(if WIDE { 16 } else { 12 });
            }
        }

        /// A field of type `T` at a byte offset.
        ///
        /// # Safety
        ///
        /// `offset` must be where the platform's header puts a field of that type.
        unsafe fn field<T: Copy>(info: &siginfo_t, offset: usize) -> T {
            let start = (info as *const siginfo_t).cast::<u8>();
            // SAFETY: within the structure by the caller's promise; the fields are integers or
            // pointers, valid for any bits.
            unsafe { start.add(offset).cast::<T>().read_unaligned() }
        }

        pub(crate) fn pid(info: &siginfo_t) -> pid_t {
            // SAFETY: the offset is the header's.
            unsafe { field(info, AT.pid) }
        }

        pub(crate) fn uid(info: &siginfo_t) -> uid_t {
            // SAFETY: the offset is the header's.
            unsafe { field(info, AT.uid) }
        }

        pub(crate) fn status(info: &siginfo_t) -> c_int {
            // SAFETY: the offset is the header's.
            unsafe { field(info, AT.status) }
        }

        pub(crate) fn address(info: &siginfo_t) -> *mut c_void {
            // SAFETY: the offset is the header's.
            unsafe { field(info, AT.address) }
        }

        /// `sival_int`, at the start of the union sigval.
        pub(crate) fn value(info: &siginfo_t) -> Option<c_int> {
            // SAFETY: the offset is the header's.
            Some(unsafe { field(info, AT.value) })
        }

        /// `sival_ptr`.
        pub(crate) fn pointer_value(info: &siginfo_t) -> Option<*mut c_void> {
            // SAFETY: the offset is the header's.
            Some(unsafe { field(info, AT.value) })
        }

        /// The type of the field: glibc makes it an `int` on SPARC.
        #[cfg(all(target_env = "gnu", any(target_arch = "sparc", target_arch = "sparc64")))]
        type Band = c_int;
        #[cfg(not(all(target_env = "gnu", any(target_arch = "sparc", target_arch = "sparc64"))))]
        type Band = c_long;

        /// Where the header has it.
        pub(crate) fn band(info: &siginfo_t) -> Option<c_long> {
            // SAFETY: the offset is the header's.
            AT.band.map(|offset| unsafe { field::<Band>(info, offset) } as c_long)
        }
    } else {
        // No header is at hand.
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

                pub(crate) fn pointer_value(_: &siginfo_t) -> Option<*mut c_void> {
                    None
                }
            } else {
                /// `sival_int`, at the start of the union, which `libc` declares as its pointer.
                pub(crate) fn value(info: &siginfo_t) -> Option<c_int> {
                    // SAFETY: reads within the structure.
                    let sigval = unsafe { info.si_value() };
                    // SAFETY: the union is at least as large and as aligned as an int.
                    Some(unsafe { (&sigval as *const libc::sigval).cast::<c_int>().read() })
                }

                /// `sival_ptr`.
                pub(crate) fn pointer_value(info: &siginfo_t) -> Option<*mut c_void> {
                    // SAFETY: reads within the structure; any bits are a valid raw pointer.
                    Some(unsafe { info.si_value() }.sival_ptr)
                }
            }
        }

        pub(crate) fn band(_: &siginfo_t) -> Option<c_long> {
            None
        }
    }
}
