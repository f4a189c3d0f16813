//! `struct sigaction`: the type and the name of its handler field differ between platforms and versions of `libc`,
//! so they are named here only.

use crate::errno::Result;
use core::mem::MaybeUninit;
use core::ptr;
use libc::c_int;

pub(crate) const DEFAULT: usize = libc::SIG_DFL as usize;
pub(crate) const IGNORE: usize = libc::SIG_IGN as usize;

/// The C structure as the kernel (or libc) filled it, private fields included.
#[derive(Clone, Copy)]
pub(crate) struct Sigaction(libc::sigaction);

impl Sigaction {
    #[inline]
    pub(crate) fn new(handler: usize, flags: u32) -> Sigaction {
        // SAFETY: every field is an integer, an array of integers or an optional function pointer: zero is valid, and
        // the zeroed mask is the empty set on every platform.
        let mut raw: libc::sigaction = unsafe { MaybeUninit::zeroed().assume_init() };
        raw.sa_sigaction = handler as _;
        let mut action = Sigaction(raw);
        action.set_flags(flags);
        action
    }

    /// `SIG_DFL`, `SIG_IGN` or the address of the function.
    #[inline]
    pub(crate) fn handler(&self) -> usize {
        self.0.sa_sigaction as usize
    }

    #[inline]
    pub(crate) fn flags(&self) -> u32 {
        self.0.sa_flags as u32
    }

    #[inline]
    pub(crate) fn set_flags(&mut self, flags: u32) {
        self.0.sa_flags = flags as _;
    }

    pub(crate) fn mask(&self) -> &libc::sigset_t {
        &self.0.sa_mask
    }

    pub(crate) fn set_mask(&mut self, mask: libc::sigset_t) {
        self.0.sa_mask = mask;
    }
}

/// One system call: sets the action of `signal` where there is a new one, and writes the old one.
#[inline]
pub(crate) fn sigaction(signal: c_int, new: Option<&Sigaction>, old: &mut Sigaction) -> Result<()> {
    let new = new.map_or(ptr::null(), |action| &action.0 as *const libc::sigaction);
    // SAFETY: `new` is null or points to a whole structure, as `old` does. What the new handler may do was promised
    // where it was built.
    crate::errno::check(unsafe { libc::sigaction(signal, new, &mut old.0) }).map(drop)
}
