//! Children, sessions, terminals.

use super::check;
use crate::coming_from::{arrange, not_shown, Outcome};
use signal::child::{self, Change, Status, Which};
use signal::{kill, session, CommandExt, Pid, SIGKILL, SIGSTOP};
use std::os::fd::AsRawFd;
use std::os::unix::process::CommandExt as _;
use std::process::Command;
use std::time::{Duration, Instant};
use std::{io, thread};

/// After SIGCHLD: all children that have ended
pub mod reap_all {
    use super::*;

    pub fn there() -> Outcome {
        not_shown! { arrange::ended(3); }
        not_shown! { arrange::ended(4); }
        loop {
            let mut status = 0;
            // SAFETY: room for the status.
            let pid = unsafe { libc::waitpid(-1, &mut status, libc::WNOHANG) };
            if pid <= 0 {
                break;
            }
            println!("{pid} has ended with {}", libc::WEXITSTATUS(status));
        }
        not_shown! { assert_eq!(child::reap_any().count(), 0); }
        Ok(())
    }

    pub fn here() -> Outcome {
        not_shown! { arrange::ended(3); }
        not_shown! { arrange::ended(4); }
        for exited in child::reap_any() {
            let exited = exited?;
            println!("{} {}", exited.pid, exited.status);
        }
        not_shown! { assert_eq!(child::reap_any().count(), 0); }
        Ok(())
    }
}

/// Waiting for a child
pub mod wait_for_child {
    use super::*;

    pub fn there() -> Outcome {
        not_shown! { let pid = arrange::child(3).as_raw(); }
        let mut status = 0;
        // SAFETY: room for the status.
        while unsafe { libc::waitpid(pid, &mut status, 0) } == -1 {
            let error = io::Error::last_os_error();
            if error.raw_os_error() != Some(libc::EINTR) {
                return Err(error.into());
            }
        }
        let code = libc::WIFEXITED(status).then(|| libc::WEXITSTATUS(status));
        not_shown! { assert_eq!(code, Some(3)); }
        Ok(())
    }

    pub fn here() -> Outcome {
        not_shown! { let pid = arrange::child(3); }
        let code = child::wait(pid)?.status.code();
        not_shown! { assert_eq!(code, Some(3)); }
        Ok(())
    }
}

/// … for no longer than ten seconds
pub mod child_with_limit {
    use super::*;

    pub fn there() -> Outcome {
        not_shown! { let pid = arrange::child(3).as_raw(); }
        let (start, mut status) = (Instant::now(), 0);
        // SAFETY: room for the status.
        while unsafe { libc::waitpid(pid, &mut status, libc::WNOHANG) } == 0 {
            if start.elapsed() > Duration::from_secs(10) {
                break;
            }
            thread::sleep(Duration::from_millis(10));
        }
        not_shown! { assert_eq!(Status::from_raw(status).code(), Some(3)); }
        Ok(())
    }

    pub fn here() -> Outcome {
        not_shown! { let pid = arrange::child(3); }
        let exited = child::wait_timeout(pid, Duration::from_secs(10))?;
        not_shown! { assert_eq!(exited.and_then(|exited| exited.status.code()), Some(3)); }
        Ok(())
    }
}

/// Job control: a child that has stopped
pub mod stopped_child {
    use super::*;

    pub fn there() -> Outcome {
        not_shown! { let pid = arrange::sleeper().as_raw(); }
        // SAFETY: takes plain values.
        not_shown! { unsafe { libc::kill(pid, libc::SIGSTOP) }; }
        let mut status = 0;
        // SAFETY: room for the status.
        check(unsafe { libc::waitpid(pid, &mut status, libc::WUNTRACED) })?;
        if libc::WIFSTOPPED(status) {
            println!("stopped by {}", libc::WSTOPSIG(status));
        }
        not_shown! { assert!(libc::WIFSTOPPED(status)); }
        not_shown! { kill(Pid::try_from(pid)?, SIGKILL)?; }
        Ok(())
    }

    pub fn here() -> Outcome {
        not_shown! { let pid = arrange::sleeper(); }
        not_shown! { kill(pid, SIGSTOP)?; }
        let change = child::wait_change(Which::Pid(pid))?;
        if let Change::Stopped(_, signal) = change {
            println!("stopped by {signal}");
        }
        not_shown! { assert_eq!(change, Change::Stopped(pid, SIGSTOP)); }
        not_shown! { kill(pid, SIGKILL)?; }
        Ok(())
    }
}

/// A program in a session of its own, with clean signals
pub mod new_session {
    use super::*;

    pub fn there() -> Outcome {
        let mut command = Command::new("true");
        let in_child = || {
            // SAFETY: async-signal-safe calls.
            check(unsafe { libc::setsid() })?;
            for number in 1..=31 {
                // SAFETY: no handler. SIGKILL and SIGSTOP are refused.
                unsafe { libc::signal(number, libc::SIG_DFL) };
            }
            Ok(())
        };
        // SAFETY: async-signal-safe.
        let mut child = unsafe { command.pre_exec(in_child) }.spawn()?;
        not_shown! { assert!(child.wait()?.success()); }
        Ok(())
    }

    pub fn here() -> Outcome {
        let mut command = Command::new("true");
        command.new_session().reset_signals();
        let mut child = command.spawn_with_signals_blocked()?;
        not_shown! { assert!(child.wait()?.success()); }
        Ok(())
    }
}

/// Into the background (`daemon`)
pub mod background {
    use super::*;

    pub fn there() -> Outcome {
        // SAFETY: this process has one thread.
        check(unsafe { libc::daemon(0, 0) })?;
        Ok(())
    }

    pub fn here() -> Outcome {
        let daemon = session::daemonize(session::Options::new())?;
        daemon.ready();
        Ok(())
    }
}

/// Lending the terminal to a job. (There, SIGTTOU must be blocked or ignored.)
pub mod terminal {
    use super::*;

    pub fn there() -> Outcome {
        not_shown! { let terminal = arrange::terminal(); }
        not_shown! { let group = session::own_group().as_raw(); }
        let fd = terminal.as_raw_fd();
        // SAFETY: takes plain values.
        unsafe {
            libc::signal(libc::SIGTTOU, libc::SIG_IGN);
            check(libc::tcsetpgrp(fd, group))?;
        }
        Ok(())
    }

    pub fn here() -> Outcome {
        not_shown! { let terminal = arrange::terminal(); }
        not_shown! { let group = session::own_group(); }
        session::set_foreground(&terminal, group)?;
        Ok(())
    }
}
