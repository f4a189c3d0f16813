//! Sending a signal that has been delivered to the calling thread once more.

use libc::{c_int, c_long, siginfo_t};

/// # Safety
///
/// `info` must be valid for reads of a siginfo_t: what the kernel passed with this signal.
pub(crate) unsafe fn send_again(signal: c_int, info: *const siginfo_t) {
    // SAFETY: plain values, and a pointer that is valid by the caller's promise. To itself a thread may send any code.
    unsafe {
        let process = libc::getpid();
        let thread = libc::syscall(libc::SYS_gettid);
        let sent = libc::syscall(libc::SYS_rt_tgsigqueueinfo, c_long::from(process), thread, signal, info);
        if sent != 0 {
            // The queue is full, or a sandbox refuses the call: the kernel still notes that the signal is pending.
            libc::kill(process, signal);
        }
    }
}
