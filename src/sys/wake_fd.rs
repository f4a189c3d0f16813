//! What wakes the reader of a self-pipe: an eventfd, or a pipe where there is none or where a
//! sandbox refuses it. Non-blocking, close-on-exec, and above the standard descriptors, whose
//! numbers others replace and write to.

use crate::errno::{check, Errno, Result};
use crate::sys::pipe::{close_on_exec, pipe};
use core::mem::size_of;
use core::ptr;
use libc::c_int;

/// The descriptors to read and to write: the same one for an eventfd.
#[derive(Clone, Copy)]
pub(crate) struct WakeFd {
    pub(crate) read: c_int,
    pub(crate) write: c_int,
}

cfg_if::cfg_if! {
    if #[cfg(has_eventfd)] {
        fn eventfd() -> Result<WakeFd> {
            let flags = libc::EFD_NONBLOCK | libc::EFD_CLOEXEC;
            // SAFETY: takes plain values.
            let fd = check(unsafe { libc::eventfd(0, flags) })?;
            let fd = crate::sys::pipe::above_stdio(fd)?;
            Ok(WakeFd { read: fd, write: fd })
        }
    } else {
        fn eventfd() -> Result<WakeFd> {
            Err(Errno::ENOSYS)
        }
    }
}

// The C library's own are cancellation points: a thread that C code has cancelled would end here, in
// the handler that interrupts it, and never give back what that holds.
cfg_if::cfg_if! {
    if #[cfg(has_raw_calls)] {
        /// # Safety
        ///
        /// As for `libc::write`.
        #[inline(never)] // ci/handler-calls knows it by its name
        unsafe fn write(fd: c_int, bytes: *const libc::c_void, size: usize) {
            // SAFETY: by the caller's promise.
            unsafe { libc::syscall(libc::SYS_write, fd, bytes, size) };
        }

        /// # Safety
        ///
        /// As for `libc::close`.
        #[inline(never)] // as above
        unsafe fn close(fd: c_int) {
            // SAFETY: by the caller's promise.
            unsafe { libc::syscall(libc::SYS_close, fd) };
        }
    } else {
        use libc::{close, write};
    }
}

impl WakeFd {
    pub(crate) fn new() -> Result<WakeFd> {
        match eventfd() {
            // A pipe would want even more.
            Err(error @ (Errno::EMFILE | Errno::ENFILE | Errno::ENOMEM)) => Err(error),
            // An old kernel, or a sandbox that does not know the call.
            Err(_) => WakeFd::of_pipe(),
            made => made,
        }
    }

    fn of_pipe() -> Result<WakeFd> {
        let [read, write] = pipe()?;
        let fd = WakeFd { read, write };
        for end in [read, write] {
            // SAFETY: the descriptor was made above.
            if let Err(error) = check(unsafe { libc::fcntl(end, libc::F_SETFL, libc::O_NONBLOCK) })
            {
                fd.close();
                return Err(error);
            }
        }
        Ok(fd)
    }

    /// In a forked child, puts a new one in the place of this one, which is the parent's too. The
    /// number to read from stays.
    pub(crate) fn reopen(self) -> Result<WakeFd> {
        let new = WakeFd::new()?;
        let was_one = self.read == self.write;
        let mut moved = put(new.read, self.read);
        if !was_one {
            moved = moved.and_then(|()| put(new.write, self.write));
        } else if new.read != new.write {
            // This process may not have another eventfd: of the pipe, the end to write to keeps its
            // new number.
            // SAFETY: made above, and moved or of no use.
            unsafe { libc::close(new.read) };
            return match moved {
                Ok(()) => Ok(WakeFd { read: self.read, write: new.write }),
                Err(error) => {
                    // SAFETY: as above.
                    unsafe { libc::close(new.write) };
                    Err(error)
                }
            };
        }
        new.close();
        moved.map(|()| self)
    }

    /// Async-signal-safe. A descriptor that does not take the bytes (EAGAIN) is readable already.
    pub(crate) fn notify(write: c_int) {
        let one = 1u64;
        // SAFETY: eight bytes, as an eventfd wants them.
        unsafe { self::write(write, ptr::addr_of!(one).cast(), size_of::<u64>()) };
    }

    pub(crate) fn drain(read: c_int) {
        // Each notification is eight bytes; an eventfd returns all of them in one read. A thread
        // can be late by one, so that a pipe can hold a few.
        let mut bytes = [0u64; 16];
        let size = core::mem::size_of_val(&bytes);
        // SAFETY: room for as many bytes as asked for; the descriptor does not block.
        while unsafe { libc::read(read, bytes.as_mut_ptr().cast(), size) } == size as isize {}
    }

    /// Async-signal-safe.
    pub(crate) fn close(self) {
        // The writing end first, so that nobody meets a pipe without a reader.
        // SAFETY: the caller owns the descriptors and gives them up.
        unsafe { close(self.write) };
        if self.read != self.write {
            // SAFETY: as above.
            unsafe { close(self.read) };
        }
    }
}

fn put(fd: c_int, number: c_int) -> Result<()> {
    // SAFETY: the caller owns both descriptors.
    check(unsafe { libc::dup2(fd, number) })?;
    close_on_exec(number)
}
