//! Sending, children, names.

use crate::coming_from::{arrange, not_shown, Outcome};
use nix::errno::Errno;
use nix::sys::wait::{waitpid, WaitPidFlag, WaitStatus};
use nix::{sys, unistd};
use signal::child::{self, Change, Which};
use signal::{session, Pid, Signal, SIGCONT, SIGKILL, SIGTERM};
use std::os::raw::c_int;

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
