//! Alternate signal stacks.

use crate::errno::{Errno, Result};
use crate::sys::alt_stack::{default_size, minimum, Memory, Stack};
use core::fmt;
use core::marker::PhantomData;

/// An alternate signal stack for the calling thread, for as long as it lives: dropping it puts back
/// what was there before.
///
/// Handlers of SIGSEGV and SIGBUS run on it by default, those of other signals with
/// [`Flags::ONSTACK`](crate::Flags::ONSTACK). Without it a stack overflow cannot be reported: there
/// is no room for a handler on a stack that is full. Each thread needs its own; a new thread has
/// only the one that `std` makes for it, which is just large enough for `std`'s own message.
/// Where a frame takes 3 KiB, two more signals that come meanwhile overflow that one.
///
/// Below the stack is a guard page: a handler that overflows it ends the process.
///
/// ```
/// use signal::{install, AltStack, Handler, Info, Signal, SIGSEGV};
///
/// fn report(_: Signal, _: &Info) {
///     let text = b"the program went wrong\n";
///     // SAFETY: the bytes are there. Both functions are async-signal-safe.
///     unsafe {
///         libc::write(2, text.as_ptr().cast(), text.len());
///         libc::_exit(1)
///     }
/// }
/// let _stack = AltStack::new()?;
/// // SAFETY: `report` calls nothing but `write` and `_exit`.
/// install(SIGSEGV, unsafe { Handler::with_info(report) })?;
/// # Ok::<(), signal::Errno>(())
/// ```
///
/// It stays with its thread: it is not `Send`. If somebody else has installed another stack over it
/// when it is dropped, that one stays, and the memory of this one too, to which it may be put back.
///
/// Source: POSIX.1-2024
/// [`sigaltstack`](https://pubs.opengroup.org/onlinepubs/9799919799/functions/sigaltstack.html).
#[doc(alias = "sigaltstack")]
#[must_use = "the previous stack comes back when this is dropped"]
pub struct AltStack {
    memory: Memory,
    previous: Stack,
    _not_send: PhantomData<*mut ()>,
}

impl AltStack {
    /// A stack with room for the largest signal frame of this processor and 64 KiB for the handler.
    ///
    /// Not async-signal-safe. Errors, after which everything is as before: [`Errno::EPERM`] while
    /// the thread runs on an alternate stack; [`Errno::ENOMEM`]; [`Errno::ENOSYS`] on QNX and
    /// Redox.
    pub fn new() -> Result<AltStack> {
        AltStack::with_size(default_size())
    }

    /// A stack of this many bytes, frame included, rounded up to whole pages.
    ///
    /// Not async-signal-safe. Errors as for [`new`](AltStack::new), and [`Errno::EINVAL`] for a
    /// size below that of the largest signal frame or what the system takes for enough
    /// (`SIGSTKSZ`).
    pub fn with_size(size: usize) -> Result<AltStack> {
        if size < minimum() {
            return Err(Errno::EINVAL);
        }
        let memory = Memory::map(size)?;
        match memory.install() {
            Ok(previous) => Ok(AltStack { memory, previous, _not_send: PhantomData }),
            Err(error) => {
                // SAFETY: it has not been installed.
                unsafe { memory.unmap() };
                Err(error)
            }
        }
    }
}

impl Drop for AltStack {
    fn drop(&mut self) {
        // If another one is installed, this one may be what comes back after it: the memory stays.
        // It stays too while a handler runs on it, when the system refuses to replace it.
        if !self.memory.is_installed() {
            return;
        }
        // SAFETY: the maker of the previous one, before freeing it, would have replaced
        // the one that is installed.
        if unsafe { self.previous.restore() }.is_ok() {
            // SAFETY: this thread does not use it any more, and no other thread ever did. Nothing
            // has it as its previous one: that would have been installed over it.
            unsafe { self.memory.unmap() };
        }
    }
}

impl fmt::Debug for AltStack {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AltStack").finish_non_exhaustive()
    }
}
