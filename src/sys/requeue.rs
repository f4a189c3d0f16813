//! Giving a signal back to the kernel, for the calling thread, with what came with it.

use crate::errno::{check, Result};
use crate::signal::Signal;
use libc::siginfo_t;

pub(crate) fn requeue(signal: Signal, info: &siginfo_t) -> Result<()> {
    // SAFETY: plain values, and a pointer to a whole structure. To oneself any code in it may be sent.
    let sent = unsafe {
        let thread = libc::syscall(libc::SYS_gettid);
        let (call, pid) = (libc::SYS_rt_tgsigqueueinfo, libc::getpid());
        libc::syscall(call, pid, thread, signal.as_raw(), info as *const siginfo_t)
    };
    check(sent as libc::c_int).map(drop)
}
