//! Handlers.

use crate::coming_from::{not_shown, Outcome};
use nix::sys;
use nix::sys::signal::{SaFlags, SigAction, SigHandler, SigSet};
use signal::{install, query, Action, Handler, Info, InstallGuard, Signal};
use signal::{SIGHUP, SIGPIPE, SIGTERM};
use std::os::raw::{c_int, c_void};
use std::sync::atomic::{AtomicI32, Ordering};

static SEEN: AtomicI32 = AtomicI32::new(0);

extern "C" fn on_signal(number: c_int) {
    SEEN.store(number, Ordering::Release);
}

extern "C" fn on_info(number: c_int, _: *mut libc::siginfo_t, _: *mut c_void) {
    SEEN.store(number, Ordering::Release);
}

fn handler(signal: Signal) {
    SEEN.store(signal.as_raw(), Ordering::Release);
}

fn handler_with_info(signal: Signal, _: &Info) {
    SEEN.store(signal.as_raw(), Ordering::Release);
}

fn raised(signal: Signal) {
    signal::raise(signal).expect("sent");
    assert_eq!(SEEN.swap(0, Ordering::AcqRel), signal.as_raw());
}

/// A function as the handler
pub mod function {
    use super::*;

    pub fn there() -> Outcome {
        let handler = SigHandler::Handler(on_signal);
        let mut mask = SigSet::empty();
        mask.add(sys::signal::SIGHUP);
        let action = SigAction::new(handler, SaFlags::SA_RESTART, mask);
        // SAFETY: an atomic store.
        unsafe { sys::signal::sigaction(sys::signal::SIGTERM, &action)? };
        not_shown! { raised(SIGTERM); }
        Ok(())
    }

    pub fn here() -> Outcome {
        // SAFETY: an atomic store.
        let handler = unsafe { Handler::new(handler) };
        install(SIGTERM, Action::new(handler).block(SIGHUP))?;
        not_shown! { raised(SIGTERM); }
        Ok(())
    }
}

/// … which wants the `siginfo_t` too
pub mod function_with_info {
    use super::*;

    pub fn there() -> Outcome {
        let handler = SigHandler::SigAction(on_info);
        let action = SigAction::new(handler, SaFlags::SA_RESTART, SigSet::empty());
        // SAFETY: an atomic store.
        unsafe { sys::signal::sigaction(sys::signal::SIGTERM, &action)? };
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

/// Ignoring; the default again
pub mod ignore {
    use super::*;

    pub fn there() -> Outcome {
        // SAFETY: no function.
        unsafe {
            sys::signal::signal(sys::signal::SIGHUP, SigHandler::SigIgn)?;
            sys::signal::signal(sys::signal::SIGPIPE, SigHandler::SigDfl)?;
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
        let handler = SigHandler::Handler(on_signal);
        let action = SigAction::new(handler, SaFlags::empty(), SigSet::empty());
        // SAFETY: an atomic store.
        let old = unsafe { sys::signal::sigaction(sys::signal::SIGTERM, &action)? };
        not_shown! { raised(SIGTERM); }
        // …
        // SAFETY: what was there.
        unsafe { sys::signal::sigaction(sys::signal::SIGTERM, &old)? };
        not_shown! { assert_eq!(query(SIGTERM)?.handler(), Handler::Default); }
        Ok(())
    }

    pub fn here() -> Outcome {
        // SAFETY: an atomic store.
        let installed = InstallGuard::new(SIGTERM, unsafe { Handler::new(handler) })?;
        not_shown! { raised(SIGTERM); }
        // …
        drop(installed);
        not_shown! { assert_eq!(query(SIGTERM)?.handler(), Handler::Default); }
        Ok(())
    }
}
