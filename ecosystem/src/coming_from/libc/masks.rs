//! The mask.

use super::check;
use crate::coming_from::{arrange, not_shown, Outcome};
use libc::c_int;
use signal::{block, BlockGuard, InstallGuard, SIGHUP, SIGTERM, SIGUSR1};
use std::sync::atomic::{AtomicBool, Ordering};
use std::{io, mem, ptr};

static READY: AtomicBool = AtomicBool::new(false);

extern "C" fn set_ready(_: c_int) {
    READY.store(true, Ordering::Release);
}

/// A critical region
pub mod block_region {
    use super::*;

    pub fn there() -> Outcome {
        // SAFETY: room for both sets.
        unsafe {
            let (mut set, mut old) = (mem::zeroed(), mem::zeroed());
            libc::sigemptyset(&mut set);
            libc::sigaddset(&mut set, libc::SIGTERM);
            libc::pthread_sigmask(libc::SIG_BLOCK, &set, &mut old);
            not_shown! { assert!(signal::blocked().contains(SIGTERM)); }
            // …
            libc::pthread_sigmask(libc::SIG_SETMASK, &old, ptr::null_mut());
        }
        not_shown! { assert!(!signal::blocked().contains(SIGTERM)); }
        Ok(())
    }

    pub fn here() -> Outcome {
        {
            let _guard = BlockGuard::new(SIGTERM);
            not_shown! { assert!(signal::blocked().contains(SIGTERM)); }
            // …
        }
        not_shown! { assert!(!signal::blocked().contains(SIGTERM)); }
        Ok(())
    }
}

/// Blocking before the first thread starts, for good
pub mod block_for_good {
    use super::*;

    pub fn there() -> Outcome {
        // SAFETY: room for the set.
        unsafe {
            let mut set = mem::zeroed();
            libc::sigemptyset(&mut set);
            libc::sigaddset(&mut set, libc::SIGTERM);
            libc::sigaddset(&mut set, libc::SIGHUP);
            check(libc::sigprocmask(libc::SIG_BLOCK, &set, ptr::null_mut()))?;
        }
        not_shown! { assert!(signal::blocked().contains(SIGHUP)); }
        Ok(())
    }

    pub fn here() -> Outcome {
        block(SIGTERM | SIGHUP);
        not_shown! { assert!(signal::blocked().contains(SIGHUP)); }
        Ok(())
    }
}

/// What is pending?
pub mod look_at_pending {
    use super::*;

    pub fn there() -> Outcome {
        not_shown! { arrange::pending(SIGTERM); }
        // SAFETY: room for the set.
        let is_pending = unsafe {
            let mut set = mem::zeroed();
            check(libc::sigpending(&mut set))?;
            libc::sigismember(&set, libc::SIGTERM) == 1
        };
        not_shown! { assert!(is_pending); }
        Ok(())
    }

    pub fn here() -> Outcome {
        not_shown! { arrange::pending(SIGTERM); }
        let is_pending = signal::pending().contains(SIGTERM);
        not_shown! { assert!(is_pending); }
        Ok(())
    }
}

/// Sleeping until a handler has run (`sigsuspend`)
pub mod suspend {
    use super::*;

    pub fn there() -> Outcome {
        // SAFETY: room for the sets; the handler is async-signal-safe.
        unsafe {
            let mut action: libc::sigaction = mem::zeroed();
            action.sa_sigaction = set_ready as *const () as usize;
            check(libc::sigaction(libc::SIGUSR1, &action, ptr::null_mut()))?;
            let (mut set, mut old) = (mem::zeroed(), mem::zeroed());
            libc::sigemptyset(&mut set);
            libc::sigaddset(&mut set, libc::SIGUSR1);
            libc::pthread_sigmask(libc::SIG_BLOCK, &set, &mut old);
            not_shown! { signal::raise(SIGUSR1)?; }
            while !READY.load(Ordering::Acquire) {
                libc::sigsuspend(&old);
            }
            libc::pthread_sigmask(libc::SIG_SETMASK, &old, ptr::null_mut());
        }
        not_shown! { assert_eq!(io::Error::last_os_error().raw_os_error(), Some(libc::EINTR)); }
        Ok(())
    }

    pub fn here() -> Outcome {
        let _installed = InstallGuard::new(SIGUSR1, &READY)?;
        let guard = BlockGuard::new(SIGUSR1);
        not_shown! { signal::raise(SIGUSR1)?; }
        while !READY.load(Ordering::Acquire) {
            guard.wait();
        }
        Ok(())
    }
}
