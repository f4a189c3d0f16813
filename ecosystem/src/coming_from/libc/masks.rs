//! The mask.

use super::check;
use crate::coming_from::{arrange, Outcome};
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
            assert!(signal::blocked().contains(SIGTERM)); // not shown
                                                          // …
            libc::pthread_sigmask(libc::SIG_SETMASK, &old, ptr::null_mut());
        }
        assert!(!signal::blocked().contains(SIGTERM)); // not shown
        Ok(())
    }

    pub fn here() -> Outcome {
        {
            let _guard = BlockGuard::new(SIGTERM);
            assert!(signal::blocked().contains(SIGTERM)); // not shown
                                                          // …
        }
        assert!(!signal::blocked().contains(SIGTERM)); // not shown
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
        assert!(signal::blocked().contains(SIGHUP)); // not shown
        Ok(())
    }

    pub fn here() -> Outcome {
        block(SIGTERM | SIGHUP);
        assert!(signal::blocked().contains(SIGHUP)); // not shown
        Ok(())
    }
}

/// What is pending?
pub mod look_at_pending {
    use super::*;

    pub fn there() -> Outcome {
        arrange::pending(SIGTERM); // not shown
                                   // SAFETY: room for the set.
        let is_pending = unsafe {
            let mut set = mem::zeroed();
            check(libc::sigpending(&mut set))?;
            libc::sigismember(&set, libc::SIGTERM) == 1
        };
        assert!(is_pending); // not shown
        Ok(())
    }

    pub fn here() -> Outcome {
        arrange::pending(SIGTERM); // not shown
        let is_pending = signal::pending().contains(SIGTERM);
        assert!(is_pending); // not shown
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
            signal::raise(SIGUSR1)?; // not shown
            while !READY.load(Ordering::Acquire) {
                libc::sigsuspend(&old);
            }
            libc::pthread_sigmask(libc::SIG_SETMASK, &old, ptr::null_mut());
        }
        assert_eq!(io::Error::last_os_error().raw_os_error(), Some(libc::EINTR)); // not shown
        Ok(())
    }

    pub fn here() -> Outcome {
        let _installed = InstallGuard::new(SIGUSR1, &READY)?;
        let guard = BlockGuard::new(SIGUSR1);
        signal::raise(SIGUSR1)?; // not shown
        while !READY.load(Ordering::Acquire) {
            guard.wait();
        }
        Ok(())
    }
}
