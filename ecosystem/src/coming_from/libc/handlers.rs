//! Handlers.

use super::check;
use crate::coming_from::{not_shown, Outcome};
use libc::{c_int, c_void, siginfo_t};
use signal::{install, query, AltStack, Handler, Info, InstallGuard, Signal};
use signal::{SIGHUP, SIGPIPE, SIGSEGV, SIGTERM};
use std::sync::atomic::{AtomicBool, AtomicI32, Ordering};
use std::{mem, ptr};

static SEEN: AtomicI32 = AtomicI32::new(0);
static STOP: AtomicBool = AtomicBool::new(false);

extern "C" fn on_signal(number: c_int) {
    SEEN.store(number, Ordering::Release);
}

extern "C" fn on_info(number: c_int, _: *mut siginfo_t, _: *mut c_void) {
    SEEN.store(number, Ordering::Release);
}

extern "C" fn set_flag(_: c_int) {
    STOP.store(true, Ordering::Release);
}

fn handler(signal: Signal) {
    SEEN.store(signal.as_raw(), Ordering::Release);
}

fn handler_with_info(signal: Signal, _: &Info) {
    SEEN.store(signal.as_raw(), Ordering::Release);
}

fn raised(signal: Signal) {
    signal::raise(signal).expect("sent");
    let flag = STOP.swap(false, Ordering::AcqRel);
    assert!(SEEN.swap(0, Ordering::AcqRel) == signal.as_raw() || flag);
}

/// A function as the handler
pub mod function {
    use super::*;

    pub fn there() -> Outcome {
        // SAFETY: zero is valid; the handler is async-signal-safe.
        unsafe {
            let mut action: libc::sigaction = mem::zeroed();
            action.sa_sigaction = on_signal as *const () as usize;
            action.sa_flags = libc::SA_RESTART;
            check(libc::sigaction(libc::SIGTERM, &action, ptr::null_mut()))?;
        }
        not_shown! { raised(SIGTERM); }
        Ok(())
    }

    pub fn here() -> Outcome {
        // SAFETY: an atomic store.
        install(SIGTERM, unsafe { Handler::new(handler) })?;
        not_shown! { raised(SIGTERM); }
        Ok(())
    }
}

/// … which wants the `siginfo_t` too
pub mod function_with_info {
    use super::*;

    pub fn there() -> Outcome {
        // SAFETY: zero is valid; the handler is async-signal-safe.
        unsafe {
            let mut action: libc::sigaction = mem::zeroed();
            action.sa_sigaction = on_info as *const () as usize;
            action.sa_flags = libc::SA_RESTART | libc::SA_SIGINFO;
            check(libc::sigaction(libc::SIGTERM, &action, ptr::null_mut()))?;
        }
        not_shown! { raised(SIGTERM); }
        Ok(())
    }

    pub fn here() -> Outcome {
        // SAFETY: an atomic store.
        install(SIGTERM, unsafe { Handler::with_info(handler_with_info) })?;
        not_shown! { raised(SIGTERM); }
        Ok(())
    }
}

/// A handler that is an `extern "C" fn` already
pub mod extern_function {
    use super::*;

    pub fn there() -> Outcome {
        let handler = on_signal as *const () as usize;
        // SAFETY: the handler is async-signal-safe.
        unsafe { libc::signal(libc::SIGTERM, handler) };
        not_shown! { raised(SIGTERM); }
        Ok(())
    }

    pub fn here() -> Outcome {
        // SAFETY: an atomic store.
        install(SIGTERM, unsafe { Handler::from_raw(on_signal) })?;
        not_shown! { raised(SIGTERM); }
        Ok(())
    }
}

/// A handler that only sets a flag
pub mod flag {
    use super::*;

    pub fn there() -> Outcome {
        // SAFETY: zero is valid; `set_flag` stores into an atomic.
        unsafe {
            let mut action: libc::sigaction = mem::zeroed();
            action.sa_sigaction = set_flag as *const () as usize;
            check(libc::sigaction(libc::SIGTERM, &action, ptr::null_mut()))?;
        }
        not_shown! { raised(SIGTERM); }
        Ok(())
    }

    pub fn here() -> Outcome {
        install(SIGTERM, &STOP)?;
        not_shown! { raised(SIGTERM); }
        Ok(())
    }
}

/// Ignoring; the default again
pub mod ignore {
    use super::*;

    pub fn there() -> Outcome {
        // SAFETY: no handler.
        unsafe {
            libc::signal(libc::SIGHUP, libc::SIG_IGN);
            libc::signal(libc::SIGPIPE, libc::SIG_DFL);
        }
        not_shown! { signal::raise(SIGHUP)?; }
        Ok(())
    }

    pub fn here() -> Outcome {
        install(SIGHUP, Handler::Ignore)?;
        install(SIGPIPE, Handler::Default)?;
        not_shown! { signal::raise(SIGHUP)?; }
        Ok(())
    }
}

/// A handler for a while, and then the one of before
pub mod for_a_while {
    use super::*;

    pub fn there() -> Outcome {
        // SAFETY: zero is valid; the handler is async-signal-safe.
        unsafe {
            let mut action: libc::sigaction = mem::zeroed();
            action.sa_sigaction = set_flag as *const () as usize;
            let mut old = mem::zeroed();
            check(libc::sigaction(libc::SIGTERM, &action, &mut old))?;
            not_shown! { raised(SIGTERM); }
            // …
            check(libc::sigaction(libc::SIGTERM, &old, ptr::null_mut()))?;
        }
        not_shown! { assert_eq!(query(SIGTERM)?.handler(), Handler::Default); }
        Ok(())
    }

    pub fn here() -> Outcome {
        let installed = InstallGuard::new(SIGTERM, &STOP)?;
        not_shown! { raised(SIGTERM); }
        // …
        drop(installed);
        not_shown! { assert_eq!(query(SIGTERM)?.handler(), Handler::Default); }
        Ok(())
    }
}

/// What is installed?
pub mod ask {
    use super::*;

    pub fn there() -> Outcome {
        // SAFETY: room for the action.
        let is_ignored = unsafe {
            let mut old: libc::sigaction = mem::zeroed();
            check(libc::sigaction(libc::SIGHUP, ptr::null(), &mut old))?;
            old.sa_sigaction == libc::SIG_IGN
        };
        not_shown! { assert!(!is_ignored); }
        Ok(())
    }

    pub fn here() -> Outcome {
        let is_ignored = query(SIGHUP)?.handler() == Handler::Ignore;
        not_shown! { assert!(!is_ignored); }
        Ok(())
    }
}

/// A stack of its own for the handlers of a thread. (There, `SA_ONSTACK` has to be set; here it is,
/// for SIGSEGV and SIGBUS, and there is a guard page.)
pub mod alt_stack {
    use super::*;

    pub fn there() -> Outcome {
        let memory = vec![0_u8; libc::SIGSTKSZ].leak();
        let stack =
            libc::stack_t { ss_sp: memory.as_mut_ptr().cast(), ss_flags: 0, ss_size: memory.len() };
        // SAFETY: memory that is never freed.
        check(unsafe { libc::sigaltstack(&stack, ptr::null_mut()) })?;
        Ok(())
    }

    pub fn here() -> Outcome {
        let _stack = AltStack::new()?;
        // SAFETY: an atomic store.
        not_shown! { install(SIGSEGV, unsafe { Handler::new(handler) })?; }
        not_shown! { raised(SIGSEGV); }
        Ok(())
    }
}
