//! `libc`, in which the calls that the models come to are the machine's.

pub use libc::*;
pub use machine::calls::{abort, close, dup2, eventfd, getpid, madvise, mmap, munmap, poll};
pub use machine::calls::{pthread_sigmask, raise, read, sigaction, write};
