//! Everything in which platforms differ, one file for each thing. Nothing outside this folder (and
//! `build.rs`, which says what exists where) names an operating system.

#![allow(clippy::unnecessary_cast)] // what is a cast on one platform is none on another

#[cfg(signal_abi)]
#[path = "../../ci/abi.rs"]
mod abi; // what ci/check-abi compares with the headers; not in the package
pub(crate) mod abort; // last words
pub(crate) mod alt_stack; // sigaltstack, and the memory for one
pub(crate) mod child; // wait4, or waitpid without resource usage; statuses
pub(crate) mod code; // the SI_ and CLD_ codes that say where a signal came from
#[cfg(has_deferral)]
pub(crate) mod context; // the mask in a signal frame
pub(crate) mod errno; // where errno lives
pub(crate) mod file_lock; // F_SETLK
pub(crate) mod flag; // SA_ flags
pub(crate) mod frame; // what the kernel passes to a handler
#[cfg(has_deferral)]
pub(crate) mod main_program; // the program headers of the main program
pub(crate) mod number; // signal numbers that libc lacks, the highest one, the realtime range
pub(crate) mod owner; // F_SETOWN, F_SETSIG, and O_ASYNC or FIOASYNC
pub(crate) mod pidfd; // pidfd_open, or kqueue
pub(crate) mod pipe; // pipe2, or pipe and fcntl
pub(crate) mod queue; // sigqueue
pub(crate) mod register; // the registers in a signal frame
#[cfg(has_deferral)]
pub(crate) mod requeue; // rt_tgsigqueueinfo
pub(crate) mod sigaction; // struct sigaction
pub(crate) mod siginfo; // the fields of siginfo_t
pub(crate) mod signal_fd; // signalfd or kqueue
pub(crate) mod sigset; // sigset_t
pub(crate) mod suspend; // sigsuspend
pub(crate) mod threads; // whether there are others; pthread_kill
pub(crate) mod timedwait; // sigtimedwait, the system call behind it, or sigpending and sigwait
pub(crate) mod timer; // setitimer or alarm
#[cfg(feature = "std")]
pub(crate) mod unwind; // _Unwind_Backtrace
pub(crate) mod wake_fd; // eventfd or pipe
pub(crate) mod wipe_on_fork; // MADV_WIPEONFORK, minherit
