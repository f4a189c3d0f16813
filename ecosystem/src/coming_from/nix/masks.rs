//! Sets, masks, and waiting.

use crate::coming_from::{arrange, not_shown, Outcome};
use nix::sys;
use nix::sys::signal::{SigSet, SigmaskHow};
use nix::sys::signalfd;
use signal::{install, BlockGuard, SignalFd, SignalSet, SIGHUP, SIGTERM, SIGUSR1};
use std::sync::atomic::{AtomicBool, Ordering};

static READY: AtomicBool = AtomicBool::new(false);

/// Sets
pub mod sets {
    use super::*;

    pub fn there() -> Outcome {
        let mut set = SigSet::empty();
        set.add(sys::signal::SIGTERM);
        set.add(sys::signal::SIGHUP);
        assert!(set.contains(sys::signal::SIGHUP));
        Ok(())
    }

    pub fn here() -> Outcome {
        let set = SIGTERM | SIGHUP;
        assert!(set.contains(SIGHUP));
        Ok(())
    }
}

/// A critical region
pub mod block_region {
    use super::*;

    pub fn there() -> Outcome {
        let set = SigSet::from(sys::signal::SIGTERM);
        let old = set.thread_swap_mask(SigmaskHow::SIG_BLOCK)?;
        not_shown! { assert!(signal::blocked().contains(SIGTERM)); }
        // …
        old.thread_set_mask()?;
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

/// Changes of the mask that stay: `thread_block`, `thread_unblock`, `thread_set_mask`,
/// `sigprocmask`
pub mod block_for_good {
    use super::*;

    pub fn there() -> Outcome {
        let set = SigSet::from(sys::signal::SIGTERM);
        set.thread_block()?;
        set.thread_unblock()?;
        sys::signal::sigprocmask(SigmaskHow::SIG_SETMASK, Some(&set), None)?;
        not_shown! { assert!(signal::blocked().contains(SIGTERM)); }
        Ok(())
    }

    pub fn here() -> Outcome {
        signal::block(SIGTERM);
        signal::unblock(SIGTERM);
        signal::set_blocked(SIGTERM);
        not_shown! { assert!(signal::blocked().contains(SIGTERM)); }
        Ok(())
    }
}

/// Taking a signal, without a handler
pub mod wait_for_one {
    use super::*;

    pub fn there() -> Outcome {
        not_shown! { arrange::pending(SIGTERM); }
        let set = SigSet::from(sys::signal::SIGTERM);
        let signal = set.wait()?;
        not_shown! { assert_eq!(signal, sys::signal::SIGTERM); }
        Ok(())
    }

    pub fn here() -> Outcome {
        not_shown! { arrange::pending(SIGTERM); }
        let set = SignalSet::from(SIGTERM);
        let signal = set.wait()?.signal();
        not_shown! { assert_eq!(signal, SIGTERM); }
        Ok(())
    }
}

/// Sleeping until a handler has run
pub mod suspend {
    use super::*;

    pub fn there() -> Outcome {
        not_shown! { install(SIGUSR1, &READY)?; }
        let set = SigSet::from(sys::signal::SIGUSR1);
        let old = set.thread_swap_mask(SigmaskHow::SIG_BLOCK)?;
        not_shown! { signal::raise(SIGUSR1)?; }
        while !READY.load(Ordering::Acquire) {
            old.suspend()?;
        }
        old.thread_set_mask()?;
        Ok(())
    }

    pub fn here() -> Outcome {
        not_shown! { install(SIGUSR1, &READY)?; }
        let guard = BlockGuard::new(SIGUSR1);
        not_shown! { signal::raise(SIGUSR1)?; }
        while !READY.load(Ordering::Acquire) {
            guard.wait();
        }
        Ok(())
    }
}

/// `signalfd`. (There, the signals must be blocked by hand.)
pub mod signal_fd {
    use super::*;

    pub fn there() -> Outcome {
        let set = SigSet::from(sys::signal::SIGTERM);
        set.thread_block()?;
        let fd = signalfd::SignalFd::with_flags(&set, signalfd::SfdFlags::SFD_NONBLOCK)?;
        not_shown! { signal::raise(SIGTERM)?; }
        let info = fd.read_signal()?;
        let number = info.map(|info| info.ssi_signo);
        not_shown! { assert_eq!(number, Some(15)); }
        Ok(())
    }

    pub fn here() -> Outcome {
        let signals = SignalFd::new(SIGTERM)?;
        not_shown! { signal::raise(SIGTERM)?; }
        let info = signals.read()?;
        let signal = info.map(|info| info.signal());
        not_shown! { assert_eq!(signal, Some(SIGTERM)); }
        Ok(())
    }
}
