//! `sigaction`. The C structure exists during the call alone: the type and the name of its handler
//! field differ between platforms and versions of `libc`.

use super::sigset::{self, Words};
use crate::errno::{check, Result};
use core::mem::MaybeUninit;
use core::ptr;
use libc::c_int;

pub(crate) const DEFAULT: usize = libc::SIG_DFL as usize;
pub(crate) const IGNORE: usize = libc::SIG_IGN as usize;

/// What `struct sigaction` says.
#[derive(Clone, Copy)]
pub(crate) struct RawAction {
    /// `SIG_DFL`, `SIG_IGN` or the address of the function.
    pub(crate) handler: usize,
    pub(crate) flags: u32,
    pub(crate) mask: Words,
}

/// Sets the action of `signal` where there is a new one, and returns the old one. One system call.
#[inline(always)] // each further return after a system call costs
pub(crate) fn sigaction(signal: c_int, new: Option<RawAction>) -> Result<RawAction> {
    let mut raw = MaybeUninit::<libc::sigaction>::uninit();
    let mut old = MaybeUninit::<libc::sigaction>::uninit();
    let new = match new {
        None => ptr::null(),
        Some(action) => {
            let raw = raw.as_mut_ptr();
            // SAFETY: room for the structure. The fields that it has everywhere are written one by
            // one; what else there is the C library fills in itself.
            unsafe {
                (*raw).sa_sigaction = action.handler as _;
                (*raw).sa_flags = action.flags as _;
                sigset::write(ptr::addr_of_mut!((*raw).sa_mask), action.mask);
            }
            raw as *const libc::sigaction
        }
    };
    // SAFETY: `new` is null or points to a structure with the fields that the call reads, `old` to
    // room for one. What the new handler may do was promised where it was built.
    check(unsafe { libc::sigaction(signal, new, old.as_mut_ptr()) })?;
    let old = old.as_ptr();
    // SAFETY: the call has filled in these fields, which are integers and an address.
    unsafe {
        Ok(RawAction {
            handler: (*old).sa_sigaction as usize,
            flags: (*old).sa_flags as u32,
            mask: sigset::read(ptr::addr_of!((*old).sa_mask)),
        })
    }
}
