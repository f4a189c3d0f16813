//! The context that a handler has interrupted.

use crate::sys::register;
use core::marker::PhantomData;
use libc::c_void;

/// The context that a handler has interrupted: `ucontext_t`, which the system restores when the
/// handler returns. A function made with [`Handler::with_context`] gets it.
///
/// The registers are `Some` on Linux and Android on x86_64, x86, aarch64, arm, riscv64, s390x,
/// powerpc64 and loongarch64, on macOS and the BSDs on x86_64 and aarch64; `None` elsewhere.
///
/// ```
/// use signal::{install, Context, Handler, Info, Signal, SIGUSR1};
/// use std::sync::atomic::{AtomicUsize, Ordering};
///
/// static STACK: AtomicUsize = AtomicUsize::new(0);
/// let remember = |_: Signal, _: &Info, context: &mut Context| {
///     STACK.store(context.stack_pointer().unwrap_or(0), Ordering::Release);
/// };
/// // SAFETY: an atomic store.
/// install(SIGUSR1, unsafe { Handler::with_context(remember) })?;
/// signal::raise(SIGUSR1)?;
/// let here = 0u8;
/// let distance = STACK.load(Ordering::Acquire).abs_diff(&here as *const u8 as usize);
/// assert!(distance < 1 << 16 || STACK.load(Ordering::Acquire) == 0);
/// # Ok::<(), signal::Errno>(())
/// ```
///
/// All its functions are async-signal-safe.
///
/// Source: POSIX.1-2024
/// [`sigaction`](https://pubs.opengroup.org/onlinepubs/9799919799/functions/sigaction.html) and
/// XSH 2.4.3; the registers are in the headers of each system.
///
/// [`Handler::with_context`]: crate::Handler::with_context
#[doc(alias = "ucontext_t")]
#[derive(Debug)]
pub struct Context {
    raw: *mut c_void,
    /// It belongs to the thread that runs the handler.
    _not_send: PhantomData<*mut ()>,
}

impl Context {
    /// The context behind the third argument of a handler: for functions that are installed with
    /// [`Handler::from_raw_with_info`](crate::Handler::from_raw_with_info).
    ///
    /// # Safety
    ///
    /// `raw` must be null, or what the system passed to a handler that runs for as long as the
    /// `Context` is used.
    pub unsafe fn from_raw(raw: *mut c_void) -> Context {
        Context { raw, _not_send: PhantomData }
    }

    /// A pointer to the `ucontext_t`, for what has no function here. Valid until the handler
    /// returns. In a signal frame of Linux `uc_sigmask` has the kernel's 8 bytes (16 on MIPS)
    /// alone. Null if the system passed none.
    pub fn as_ptr(&self) -> *mut c_void {
        self.raw
    }

    /// Where the interrupted code continues: after a fault, the instruction that failed.
    pub fn instruction_pointer(&self) -> Option<usize> {
        // SAFETY: by the promise that made this.
        unsafe { register::instruction_pointer(self.raw) }
    }

    /// The stack pointer.
    pub fn stack_pointer(&self) -> Option<usize> {
        // SAFETY: by the promise that made this.
        unsafe { register::stack_pointer(self.raw) }
    }

    /// The register that is the frame pointer by convention. Code that is compiled without frame
    /// pointers, as Rust's is by default, uses it for something else.
    pub fn frame_pointer(&self) -> Option<usize> {
        // SAFETY: by the promise that made this.
        unsafe { register::frame_pointer(self.raw) }
    }
}
