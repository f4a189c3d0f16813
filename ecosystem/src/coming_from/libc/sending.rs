//! Sending, and timers.

use super::check;
use crate::coming_from::{arrange, not_shown, Outcome};
use libc::c_int;
use signal::{alarm, child, die_by, exists, install, kill, kill_group, kill_thread, queue};
use signal::{timer, Pid, SelfPipe, SignalSet};
use signal::{SIGALRM, SIGCONT, SIGTERM, SIGUSR1};
use std::os::unix::thread::JoinHandleExt;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;
use std::{mem, ptr, thread};

static CAUGHT: AtomicUsize = AtomicUsize::new(0);

extern "C" fn count(_: c_int) {
    CAUGHT.fetch_add(1, Ordering::AcqRel);
}

fn caught(times: usize) {
    while CAUGHT.load(Ordering::Acquire) < times {
        thread::sleep(Duration::from_millis(1));
    }
}

/// Sending to a process. (0 and −1 would mean many: a `Pid` is positive.)
pub mod send {
    use super::*;

    pub fn there() -> Outcome {
        not_shown! { let pid = arrange::sleeper().as_raw(); }
        // SAFETY: takes plain values.
        check(unsafe { libc::kill(pid, libc::SIGTERM) })?;
        not_shown! { child::wait(Pid::try_from(pid)?)?; }
        Ok(())
    }

    pub fn here() -> Outcome {
        not_shown! { let pid = arrange::sleeper(); }
        kill(pid, SIGTERM)?;
        not_shown! { child::wait(pid)?; }
        Ok(())
    }
}

/// … to a process group; to one's own
pub mod send_to_group {
    use super::*;

    pub fn there() -> Outcome {
        not_shown! { let group = signal::session::new_group()?.as_raw(); }
        // SAFETY: takes plain values.
        unsafe {
            check(libc::killpg(group, libc::SIGCONT))?;
            check(libc::kill(0, libc::SIGCONT))?;
        }
        Ok(())
    }

    pub fn here() -> Outcome {
        not_shown! { let group = signal::session::new_group()?; }
        kill_group(group, SIGCONT)?;
        signal::kill_own_group(SIGCONT)?;
        Ok(())
    }
}

/// Is there such a process?
pub mod ask_for_process {
    use super::*;

    pub fn there() -> Outcome {
        not_shown! { let pid = 1; }
        // SAFETY: takes plain values.
        let exists = unsafe { libc::kill(pid, 0) == 0 || *libc::__errno_location() == libc::EPERM };
        not_shown! { assert!(exists); }
        Ok(())
    }

    pub fn here() -> Outcome {
        not_shown! { let pid = Pid::try_from(1)?; }
        let exists = exists(pid);
        not_shown! { assert!(exists); }
        Ok(())
    }
}

/// … to a thread
pub mod send_to_thread {
    use super::*;

    pub fn there() -> Outcome {
        not_shown! { let handler = count as *const () as usize; }
        // SAFETY: an atomic addition.
        not_shown! { unsafe { libc::signal(libc::SIGUSR1, handler) }; }
        let thread = thread::spawn(|| caught(1));
        // SAFETY: nobody has joined it.
        unsafe { libc::pthread_kill(thread.as_pthread_t(), libc::SIGUSR1) };
        not_shown! { thread.join().expect("it has caught the signal"); }
        Ok(())
    }

    pub fn here() -> Outcome {
        not_shown! { install(SIGUSR1, &CAUGHT)?; }
        let thread = thread::spawn(|| caught(1));
        kill_thread(&thread, SIGUSR1)?;
        not_shown! { thread.join().expect("it has caught the signal"); }
        Ok(())
    }
}

/// … with a value
pub mod send_value {
    use super::*;

    pub fn there() -> Outcome {
        not_shown! { signal::block(SIGUSR1); }
        not_shown! { let pid = Pid::current().as_raw(); }
        let value = libc::sigval { sival_ptr: ptr::without_provenance_mut(42) };
        // SAFETY: takes plain values.
        check(unsafe { libc::sigqueue(pid, libc::SIGUSR1, value) })?;
        not_shown! { assert_eq!(SignalSet::from(SIGUSR1).wait()?.value(), Some(42)); }
        Ok(())
    }

    pub fn here() -> Outcome {
        not_shown! { signal::block(SIGUSR1); }
        not_shown! { let pid = Pid::current(); }
        queue(pid, SIGUSR1, 42)?;
        not_shown! { assert_eq!(SignalSet::from(SIGUSR1).wait()?.value(), Some(42)); }
        Ok(())
    }
}

/// Ending by the signal that one has caught, so that the parent sees it
pub mod die {
    use super::*;

    pub fn there() -> Outcome {
        // SAFETY: room for the set.
        unsafe {
            libc::signal(libc::SIGTERM, libc::SIG_DFL);
            let mut set = mem::zeroed();
            libc::sigemptyset(&mut set);
            libc::sigaddset(&mut set, libc::SIGTERM);
            libc::pthread_sigmask(libc::SIG_UNBLOCK, &set, ptr::null_mut());
            libc::raise(libc::SIGTERM);
            libc::_exit(128 + libc::SIGTERM);
        }
    }

    pub fn here() -> Outcome {
        die_by(SIGTERM);
    }
}

/// SIGALRM once
pub mod alarm_once {
    use super::*;

    pub fn there() -> Outcome {
        // SAFETY: takes a plain value.
        unsafe { libc::alarm(10) };
        not_shown! { assert!(alarm(Duration::ZERO) > Some(Duration::from_secs(8))); }
        Ok(())
    }

    pub fn here() -> Outcome {
        alarm(Duration::from_secs(10));
        not_shown! { assert!(alarm(Duration::ZERO) > Some(Duration::from_secs(8))); }
        Ok(())
    }
}

/// … every millisecond
pub mod timer_again {
    use super::*;

    pub fn there() -> Outcome {
        not_shown! { let pipe = SelfPipe::new(SIGALRM)?; }
        let tick = libc::timeval { tv_sec: 0, tv_usec: 1_000 };
        let ticks = libc::itimerval { it_interval: tick, it_value: tick };
        // SAFETY: a whole structure.
        check(unsafe { libc::setitimer(libc::ITIMER_REAL, &ticks, ptr::null_mut()) })?;
        not_shown! { assert!(pipe.wait()?.contains(SIGALRM) && pipe.wait()?.contains(SIGALRM)); }
        Ok(())
    }

    pub fn here() -> Outcome {
        not_shown! { let pipe = SelfPipe::new(SIGALRM)?; }
        let tick = Duration::from_millis(1);
        timer::start(timer::Timer::Real, tick, tick)?;
        not_shown! { assert!(pipe.wait()?.contains(SIGALRM) && pipe.wait()?.contains(SIGALRM)); }
        Ok(())
    }
}
