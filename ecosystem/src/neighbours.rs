//! The others, by their own customs, on one signal. What each has heard is counted.

use libc::{c_int, c_void, siginfo_t};
use std::sync::atomic::{AtomicBool, AtomicI32, AtomicU32, AtomicUsize, Ordering::SeqCst};

pub const NUMBER: c_int = libc::SIGUSR1;

pub static HOOK: AtomicU32 = AtomicU32::new(0);
pub static CHAINS: AtomicU32 = AtomicU32::new(0);
pub static ALONE: AtomicU32 = AtomicU32::new(0);
pub static REARMS: AtomicU32 = AtomicU32::new(0);
pub static ONCE: AtomicU32 = AtomicU32::new(0);
pub static FLAGS: [AtomicBool; 2] = [const { AtomicBool::new(false) }; 2];

/// Whether a handler was called while its own signal was not blocked, for which it has not asked.
pub static UNPROTECTED: AtomicBool = AtomicBool::new(false);

/// What `chains` calls: a function of one or of three arguments, or none.
static BELOW: AtomicUsize = AtomicUsize::new(0);
static BELOW_FLAGS: AtomicI32 = AtomicI32::new(0);

/// `sigaction`: the action of before.
pub fn action(new: Option<&libc::sigaction>) -> libc::sigaction {
    // SAFETY: zero is valid.
    let mut old = unsafe { std::mem::zeroed() };
    let new = new.map_or(std::ptr::null(), |new| new);
    // SAFETY: an action whose function has that form, and room for another.
    let result = unsafe { libc::sigaction(NUMBER, new, &mut old) };
    assert_eq!(result, 0);
    old
}

/// Ignores the signal and puts back what was there, of which it knows the address alone.
pub fn put_back_by_signal() {
    // SAFETY: takes plain values; the library's handlers bear it.
    unsafe { libc::signal(NUMBER, libc::signal(NUMBER, libc::SIG_IGN)) };
}

/// What `action` expects.
fn new_action(function: usize, flags: c_int) -> libc::sigaction {
    // SAFETY: zero is valid: an empty mask.
    let mut new: libc::sigaction = unsafe { std::mem::zeroed() };
    (new.sa_sigaction, new.sa_flags) = (function, flags);
    // SAFETY: a set and a signal.
    unsafe { libc::sigaddset(&mut new.sa_mask, libc::SIGUSR2) };
    new
}

fn count(calls: &AtomicU32) {
    calls.fetch_add(1, SeqCst);
    // SAFETY: zero is valid, and there is room for the mask.
    let is_blocked = unsafe {
        let mut mask = std::mem::zeroed();
        libc::pthread_sigmask(libc::SIG_BLOCK, std::ptr::null(), &mut mask);
        libc::sigismember(&mask, NUMBER) == 1
    };
    UNPROTECTED.fetch_or(!is_blocked, SeqCst);
}

extern "C" fn chains(number: c_int, info: *mut siginfo_t, context: *mut c_void) {
    count(&CHAINS);
    let below = BELOW.load(SeqCst);
    if below == libc::SIG_DFL || below == libc::SIG_IGN {
    } else if BELOW_FLAGS.load(SeqCst) & libc::SA_SIGINFO == 0 {
        // SAFETY: the kernel had it as a handler without SA_SIGINFO.
        unsafe { std::mem::transmute::<usize, extern "C" fn(c_int)>(below)(number) }
    } else {
        type WithInfo = extern "C" fn(c_int, *mut siginfo_t, *mut c_void);
        // SAFETY: the kernel had it as a handler with SA_SIGINFO.
        unsafe { std::mem::transmute::<usize, WithInfo>(below)(number, info, context) }
    }
}

pub extern "C" fn alone(_: c_int) {
    count(&ALONE);
}

extern "C" fn rearms(_: c_int) {
    count(&REARMS);
    action(Some(&rearming()));
}

extern "C" fn once(_: c_int) {
    count(&ONCE);
}

pub fn chaining() -> libc::sigaction {
    new_action(chains as *const () as usize, libc::SA_SIGINFO)
}

pub fn rearming() -> libc::sigaction {
    new_action(rearms as *const () as usize, libc::SA_RESTART)
}

pub fn one_shot() -> libc::sigaction {
    new_action(once as *const () as usize, libc::SA_RESETHAND)
}

pub fn ignoring() -> libc::sigaction {
    new_action(libc::SIG_IGN, 0)
}

/// Installs `chains`; what it has replaced.
pub fn install_chains() -> libc::sigaction {
    // The function first, before the handler can be called.
    let below = action(None);
    BELOW.store(below.sa_sigaction, SeqCst);
    BELOW_FLAGS.store(below.sa_flags, SeqCst);
    action(Some(&chaining()))
}

/// The handler of nix, which calls nobody.
pub fn nix_action() -> nix::sys::signal::SigAction {
    use nix::sys::signal::{SaFlags, SigAction, SigHandler, SigSet, Signal};
    let mask = SigSet::from_iter([Signal::SIGHUP]);
    SigAction::new(SigHandler::Handler(alone), SaFlags::SA_RESTART, mask)
}
