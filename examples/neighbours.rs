//! Somebody else in the process handles the same signal, a library in C say: both hear it.

use signal::{raise, Result, SelfPipe, SIGUSR1};
use std::sync::atomic::{AtomicUsize, Ordering};

static THEIRS: AtomicUsize = AtomicUsize::new(0);

extern "C" fn their_handler(_: libc::c_int) {
    THEIRS.fetch_add(1, Ordering::AcqRel);
}

fn main() -> Result<()> {
    let their_handler = their_handler as extern "C" fn(libc::c_int);
    // SAFETY: an atomic addition.
    unsafe { libc::signal(libc::SIGUSR1, their_handler as libc::sighandler_t) };

    let pipe = SelfPipe::new(SIGUSR1)?; // over their handler, and calls it
    raise(SIGUSR1)?;
    let ours = pipe.pending().contains(SIGUSR1);
    println!("with the pipe: theirs {}, ours {ours}", THEIRS.swap(0, Ordering::AcqRel));

    drop(pipe); // their handler is back
    raise(SIGUSR1)?;
    println!("without: theirs {}", THEIRS.load(Ordering::Acquire));
    Ok(())
}
