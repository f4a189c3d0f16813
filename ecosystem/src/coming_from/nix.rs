//! Coming from nix.

use super::{arrange, not_shown, rows, Outcome};
use nix::errno::Errno;
use nix::sys::signal::{SaFlags, SigAction, SigHandler, SigSet, SigmaskHow};
use nix::sys::signalfd;
use nix::sys::wait::{waitpid, WaitPidFlag, WaitStatus};
use nix::{sys, unistd};
use signal::child::{self, Change, Which};
use signal::{install, query, Action, BlockGuard, Handler, Info, InstallGuard};
use signal::{session, Pid, Signal, SignalFd, SignalSet};
use signal::{SIGCONT, SIGHUP, SIGKILL, SIGPIPE, SIGTERM, SIGUSR1};
use std::os::raw::{c_int, c_void};
use std::sync::atomic::{AtomicBool, AtomicI32, Ordering};

static SEEN: AtomicI32 = AtomicI32::new(0);
static READY: AtomicBool = AtomicBool::new(false);

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

/// Sending: to a process, a group, oneself
pub mod send {
    use super::*;

    pub fn there() -> Outcome {
        not_shown! { let pid = unistd::Pid::from_raw(arrange::sleeper().as_raw()); }
        not_shown! { let group = unistd::getpgrp(); }
        sys::signal::kill(pid, sys::signal::SIGTERM)?;
        sys::signal::killpg(group, sys::signal::SIGCONT)?;
        sys::signal::raise(sys::signal::SIGCONT)?;
        Ok(())
    }

    pub fn here() -> Outcome {
        not_shown! { let pid = arrange::sleeper(); }
        not_shown! { let group = session::own_group(); }
        signal::kill(pid, SIGTERM)?;
        signal::kill_group(group, SIGCONT)?;
        signal::raise(SIGCONT)?;
        Ok(())
    }
}

/// Is there such a process?
pub mod ask_for_process {
    use super::*;

    pub fn there() -> Outcome {
        not_shown! { let pid = unistd::Pid::parent(); }
        let exists = sys::signal::kill(pid, None) != Err(Errno::ESRCH);
        not_shown! { assert!(exists); }
        Ok(())
    }

    pub fn here() -> Outcome {
        not_shown! { let pid = Pid::parent().ok_or("no parent")?; }
        let exists = signal::exists(pid);
        not_shown! { assert!(exists); }
        Ok(())
    }
}

/// After SIGCHLD: all children that have ended
pub mod reap_all {
    use super::*;

    pub fn there() -> Outcome {
        not_shown! { arrange::ended(3); }
        not_shown! { let mut codes = Vec::new(); }
        loop {
            match waitpid(None, Some(WaitPidFlag::WNOHANG)) {
                Ok(WaitStatus::Exited(pid, code)) => {
                    println!("{pid} exited with code {code}");
                    not_shown! { codes.push(code); }
                }
                Ok(WaitStatus::Signaled(pid, signal, _)) => {
                    println!("{pid} killed by {signal}");
                }
                Err(Errno::EINTR) => {}
                _ => break,
            }
        }
        not_shown! { assert_eq!(codes, [3]); }
        Ok(())
    }

    pub fn here() -> Outcome {
        not_shown! { arrange::ended(3); }
        not_shown! { let mut codes = Vec::new(); }
        for exited in child::reap_any() {
            let exited = exited?;
            println!("{} {}", exited.pid, exited.status);
            not_shown! { codes.extend(exited.status.code()); }
        }
        not_shown! { assert_eq!(codes, [3]); }
        Ok(())
    }
}

/// Waiting for a child
pub mod wait_for_child {
    use super::*;

    pub fn there() -> Outcome {
        not_shown! { let pid = unistd::Pid::from_raw(arrange::child(3).as_raw()); }
        let status = waitpid(pid, None)?;
        not_shown! { assert_eq!(status, WaitStatus::Exited(pid, 3)); }
        Ok(())
    }

    pub fn here() -> Outcome {
        not_shown! { let pid = arrange::child(3); }
        let status = child::wait(pid)?.status;
        not_shown! { assert_eq!(status.code(), Some(3)); }
        Ok(())
    }
}

/// … ended, stopped or continued
pub mod stopped_child {
    use super::*;

    pub fn there() -> Outcome {
        not_shown! { let child = arrange::sleeper(); }
        not_shown! { let pid = unistd::Pid::from_raw(child.as_raw()); }
        not_shown! { sys::signal::kill(pid, sys::signal::SIGSTOP)?; }
        let flags = WaitPidFlag::WUNTRACED | WaitPidFlag::WCONTINUED;
        let status = waitpid(pid, Some(flags))?;
        not_shown! { assert_eq!(status, WaitStatus::Stopped(pid, sys::signal::SIGSTOP)); }
        not_shown! { signal::kill(child, SIGKILL)?; }
        Ok(())
    }

    pub fn here() -> Outcome {
        not_shown! { let pid = arrange::sleeper(); }
        not_shown! { signal::kill(pid, signal::SIGSTOP)?; }
        let change = child::wait_change(Which::Pid(pid))?;
        not_shown! { assert_eq!(change, Change::Stopped(pid, signal::SIGSTOP)); }
        not_shown! { signal::kill(pid, SIGKILL)?; }
        Ok(())
    }
}

/// Numbers and names
pub mod names {
    use super::*;

    pub fn there() -> Outcome {
        let signal = sys::signal::Signal::try_from(15)?;
        assert_eq!(signal.as_str(), "SIGTERM");
        let signal: sys::signal::Signal = "SIGTERM".parse()?;
        assert_eq!(signal as c_int, 15);
        Ok(())
    }

    pub fn here() -> Outcome {
        let signal = Signal::try_from(15)?;
        assert_eq!(signal.to_string(), "SIGTERM");
        let signal: Signal = "SIGTERM".parse()?;
        assert_eq!(signal.as_raw(), 15);
        Ok(())
    }
}

rows! {
    "nix",
    "nix.rs":
    function, function_with_info, ignore, for_a_while, sets, block_region, block_for_good,
    wait_for_one, suspend, signal_fd, send, ask_for_process, reap_all, wait_for_child,
    stopped_child, names,
}
