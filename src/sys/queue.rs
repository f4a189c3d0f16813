//! `sigqueue`.

use crate::errno::Result;
use libc::{c_int, pid_t};

cfg_if::cfg_if! {
    if #[cfg(has_sigqueue)] {
        pub(crate) fn sigqueue(pid: pid_t, signal: c_int, value: c_int) -> Result<()> {
            // `libc` declares the union sigval as a structure that holds its pointer. The int stands at offset 0 of
            // the union, which on a 64-bit big-endian machine is not where a cast to the pointer would put it.
            let mut sigval = core::mem::MaybeUninit::<libc::sigval>::zeroed();
            // SAFETY: the structure is at least as large and as aligned as an int, and all zero is valid for it.
            let sigval = unsafe {
                sigval.as_mut_ptr().cast::<c_int>().write(value);
                sigval.assume_init()
            };
            // SAFETY: takes plain values.
            crate::errno::check(unsafe { libc::sigqueue(pid, signal, sigval) }).map(drop)
        }
    } else {
        pub(crate) fn sigqueue(_: pid_t, _: c_int, _: c_int) -> Result<()> {
            Err(crate::Errno::ENOSYS)
        }
    }
}
