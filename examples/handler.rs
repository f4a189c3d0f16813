//! A function as a handler: what it may do, and how the program learns of it.

use signal::{install, raise, Action, Handler, Info, Pid, Result, Signal, SIGUSR1, SIGUSR2};
use std::sync::atomic::{AtomicI32, AtomicUsize, Ordering};

static SENDER: AtomicI32 = AtomicI32::new(0);
static CALLS: AtomicUsize = AtomicUsize::new(0);

fn on_usr1(_: Signal, info: &Info) {
    SENDER.store(info.sender_pid().map_or(0, Pid::as_raw), Ordering::Relaxed);
    // Last: who sees it sees the sender, too.
    CALLS.fetch_add(1, Ordering::Release);
    // Not `println!`, which locks and allocates.
    let text = b"caught\n";
    // SAFETY: so many bytes are there.
    unsafe { libc::write(libc::STDOUT_FILENO, text.as_ptr().cast(), text.len()) };
}

fn main() -> Result<()> {
    // SAFETY: `on_usr1` stores to atomics and calls `write`: all of this is async-signal-safe.
    let handler = unsafe { Handler::with_info(on_usr1) };
    // SIGUSR1 is blocked while its handler runs; here SIGUSR2 is too.
    let before = install(SIGUSR1, Action::new(handler).block(SIGUSR2))?;
    for _ in 0..3 {
        raise(SIGUSR1)?; // the handler has run when this returns
    }
    let calls = CALLS.load(Ordering::Acquire);
    let own = SENDER.load(Ordering::Relaxed) == Pid::current().as_raw();
    println!("{calls} calls, sent by this process: {own}");
    install(SIGUSR1, before)?; // exactly as it was
    Ok(())
}
