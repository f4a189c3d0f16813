//! A program without std: a function, a flag, a self-pipe and a guard, each with a real signal.
//! Exits with 0 only if all of them worked.

#![no_std]
#![no_main]

use core::sync::atomic::{AtomicBool, AtomicI32, Ordering};
use libc::{c_char, c_int};
use signal::{
    die_by, install, raise, BlockGuard, Handler, Pid, Result, SelfPipe, Signal, SIGABRT, SIGALRM, SIGHUP,
    SIGTERM, SIGUSR1, SIGUSR2,
};

static SEEN: AtomicI32 = AtomicI32::new(0);
static FLAG: AtomicBool = AtomicBool::new(false);

fn on_signal(signal: Signal) {
    SEEN.store(signal.as_raw(), Ordering::Release);
}

#[no_mangle]
pub extern "C" fn main(_argc: c_int, _argv: *const *const c_char) -> c_int {
    let results =
        [("function", function()), ("flag", flag()), ("self-pipe", self_pipe()), ("guard", guard())];
    let mut code = 0;
    for (name, result) in results {
        print(name);
        print(if result == Ok(true) { ": ok\n" } else { ": FAILED\n" });
        if result != Ok(true) {
            code = 1;
        }
    }
    code
}

fn function() -> Result<bool> {
    // SAFETY: `on_signal` stores into an atomic and does nothing else.
    let previous = install(SIGUSR1, unsafe { Handler::new(on_signal) })?;
    raise(SIGUSR1)?;
    install(SIGUSR1, previous)?;
    Ok(SEEN.load(Ordering::Acquire) == SIGUSR1.as_raw())
}

fn flag() -> Result<bool> {
    let previous = install(SIGUSR2, &FLAG)?;
    signal::kill(Pid::current(), SIGUSR2)?;
    install(SIGUSR2, previous)?;
    Ok(FLAG.load(Ordering::Acquire))
}

fn self_pipe() -> Result<bool> {
    let pipe = SelfPipe::new(SIGHUP | SIGTERM)?;
    raise(SIGTERM)?;
    Ok(pipe.wait()? == SIGTERM.into() && pipe.pending().is_empty())
}

fn guard() -> Result<bool> {
    static EXPIRED: AtomicBool = AtomicBool::new(false);
    let _installed = signal::InstallGuard::new(SIGALRM, &EXPIRED)?;
    let guard = BlockGuard::new(SIGALRM);
    raise(SIGALRM)?;
    let held_back = !EXPIRED.load(Ordering::Acquire) && signal::pending().contains(SIGALRM);
    while !EXPIRED.load(Ordering::Acquire) {
        guard.wait();
    }
    Ok(held_back)
}

fn print(text: &str) {
    // SAFETY: the bytes are there.
    unsafe { libc::write(libc::STDOUT_FILENO, text.as_ptr().cast(), text.len()) };
}

#[panic_handler]
fn panic(_: &core::panic::PanicInfo) -> ! {
    print("panicked\n");
    die_by(SIGABRT)
}
