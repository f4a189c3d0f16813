//! `sigqueue`.

use crate::errno::Result;
use libc::{c_int, c_void, pid_t};

/// The members of the union sigval.
#[cfg_attr(not(has_sigqueue), allow(dead_code))]
pub(crate) enum Value {
    Int(c_int),
    Pointer(*mut c_void),
}

cfg_if::cfg_if! {
    if #[cfg(has_sigqueue)] {
        pub(crate) fn sigqueue(pid: pid_t, signal: c_int, value: Value) -> Result<()> {
            // `libc` declares the union sigval as a structure that holds its pointer. The int
            // stands at offset 0 of the union, which on a 64-bit big-endian machine is not where a
            // cast to the pointer would put it.
            let mut sigval = core::mem::MaybeUninit::<libc::sigval>::zeroed();
            // SAFETY: the structure is as large and as aligned as a pointer, and at least as an
            // int; all zero is valid for it.
            let sigval = unsafe {
                match value {
                    Value::Int(value) => sigval.as_mut_ptr().cast::<c_int>().write(value),
                    Value::Pointer(value) => sigval.as_mut_ptr().cast::<*mut c_void>().write(value),
                }
                sigval.assume_init()
            };
            // SAFETY: takes plain values.
            crate::errno::check(unsafe { libc::sigqueue(pid, signal, sigval) }).map(drop)
        }
    } else {
        pub(crate) fn sigqueue(_: pid_t, _: c_int, _: Value) -> Result<()> {
            Err(crate::Errno::ENOSYS)
        }
    }
}
