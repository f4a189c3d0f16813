//! Sending a signal that has been delivered to the calling thread once more.

use core::cell::Cell;
use libc::{c_int, c_long, siginfo_t};

/// The numbers by which the kernel knows the calling thread: remembered, since each is a system
/// call.
pub(crate) struct Thread(Cell<(c_long, c_long)>);

impl Thread {
    pub(crate) const fn unknown() -> Thread {
        Thread(Cell::new((0, 0)))
    }

    /// # Safety
    ///
    /// `info` must be valid for reads of a siginfo_t: what the kernel passed with this signal.
    pub(crate) unsafe fn send_again(&self, signal: c_int, info: *const siginfo_t) {
        // SAFETY: plain values, and a pointer that is valid by the caller's promise.
        let send = |(process, thread): (c_long, c_long)| unsafe {
            libc::syscall(libc::SYS_rt_tgsigqueueinfo, process, thread, signal, info) == 0
        };
        // In a child of `fork` or `vfork` what is remembered are its parent's. These codes the
        // kernel lets a thread send to itself alone, and refuses otherwise.
        // SAFETY: as above.
        let own_alone = unsafe { (*info).si_code >= 0 || (*info).si_code == libc::SI_TKILL };
        if own_alone && self.0.get().0 != 0 && send(self.0.get()) {
            return;
        }
        // SAFETY: both take nothing and cannot fail.
        self.0.set(unsafe {
            (c_long::from(libc::getpid()), libc::syscall(libc::SYS_gettid) as c_long)
        });
        if !send(self.0.get()) {
            // The queue is full, or a sandbox refuses the call: the kernel still notes that the
            // signal is pending.
            // SAFETY: takes plain values.
            unsafe { libc::kill(self.0.get().0 as c_int, signal) };
        }
    }
}
