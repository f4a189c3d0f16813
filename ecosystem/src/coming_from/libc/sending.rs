//! Sending, and timers.

use super::check;
use crate::coming_from::{arrange, Outcome};
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

/// To a process. (0 and −1 would mean many: a `Pid` is positive.)
pub mod send {
    use super::*;

    pub fn there() -> Outcome {
        let pid = arrange::sleeper().as_raw(); // not shown
                                               // SAFETY: takes plain values.
        check(unsafe { libc::kill(pid, libc::SIGTERM) })?;
        child::wait(Pid::try_from(pid)?)?; // not shown
        Ok(())
    }

    pub fn here() -> Outcome {
        let pid = arrange::sleeper(); // not shown
        kill(pid, SIGTERM)?;
        child::wait(pid)?; // not shown
        Ok(())
    }
}

/// To a process group; to one's own
pub mod send_to_group {
    use super::*;

    pub fn there() -> Outcome {
        let group = signal::session::new_group()?.as_raw(); // not shown
                                                            // SAFETY: takes plain values.
        unsafe {
            check(libc::killpg(group, libc::SIGCONT))?;
            check(libc::kill(0, libc::SIGCONT))?;
        }
        Ok(())
    }

    pub fn here() -> Outcome {
        let group = signal::session::new_group()?; // not shown
        kill_group(group, SIGCONT)?;
        signal::kill_own_group(SIGCONT)?;
        Ok(())
    }
}

/// Is there such a process?
pub mod ask_for_process {
    use super::*;

    pub fn there() -> Outcome {
        let pid = 1; // not shown
                     // SAFETY: takes plain values.
        let exists = unsafe { libc::kill(pid, 0) == 0 || *libc::__errno_location() == libc::EPERM };
        assert!(exists); // not shown
        Ok(())
    }

    pub fn here() -> Outcome {
        let pid = Pid::try_from(1)?; // not shown
        let exists = exists(pid);
        assert!(exists); // not shown
        Ok(())
    }
}

/// To a thread
pub mod send_to_thread {
    use super::*;

    pub fn there() -> Outcome {
        let handler = count as *const () as usize; // not shown
                                                   // SAFETY: an atomic addition.
        unsafe { libc::signal(libc::SIGUSR1, handler) }; // not shown
        let thread = thread::spawn(|| caught(1));
        // SAFETY: nobody has joined it.
        unsafe { libc::pthread_kill(thread.as_pthread_t(), libc::SIGUSR1) };
        thread.join().expect("it has caught the signal"); // not shown
        Ok(())
    }

    pub fn here() -> Outcome {
        install(SIGUSR1, &CAUGHT)?; // not shown
        let thread = thread::spawn(|| caught(1));
        kill_thread(&thread, SIGUSR1)?;
        thread.join().expect("it has caught the signal"); // not shown
        Ok(())
    }
}

/// With a value
pub mod send_value {
    use super::*;

    pub fn there() -> Outcome {
        signal::block(SIGUSR1); // not shown
        let pid = Pid::current().as_raw(); // not shown
        let value = libc::sigval { sival_ptr: ptr::without_provenance_mut(42) };
        // SAFETY: takes plain values.
        check(unsafe { libc::sigqueue(pid, libc::SIGUSR1, value) })?;
        assert_eq!(SignalSet::from(SIGUSR1).wait()?.value(), Some(42)); // not shown
        Ok(())
    }

    pub fn here() -> Outcome {
        signal::block(SIGUSR1); // not shown
        let pid = Pid::current(); // not shown
        queue(pid, SIGUSR1, 42)?;
        assert_eq!(SignalSet::from(SIGUSR1).wait()?.value(), Some(42)); // not shown
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
        assert!(alarm(Duration::ZERO) > Some(Duration::from_secs(8))); // not shown
        Ok(())
    }

    pub fn here() -> Outcome {
        alarm(Duration::from_secs(10));
        assert!(alarm(Duration::ZERO) > Some(Duration::from_secs(8))); // not shown
        Ok(())
    }
}

/// … every millisecond
pub mod timer_again {
    use super::*;

    pub fn there() -> Outcome {
        let pipe = SelfPipe::new(SIGALRM)?; // not shown
        let tick = libc::timeval { tv_sec: 0, tv_usec: 1_000 };
        let ticks = libc::itimerval { it_interval: tick, it_value: tick };
        // SAFETY: a whole structure.
        check(unsafe { libc::setitimer(libc::ITIMER_REAL, &ticks, ptr::null_mut()) })?;
        assert!(pipe.wait()?.contains(SIGALRM) && pipe.wait()?.contains(SIGALRM)); // not shown
        Ok(())
    }

    pub fn here() -> Outcome {
        let pipe = SelfPipe::new(SIGALRM)?; // not shown
        let tick = Duration::from_millis(1);
        timer::start(timer::Timer::Real, tick, tick)?;
        assert!(pipe.wait()?.contains(SIGALRM) && pipe.wait()?.contains(SIGALRM)); // not shown
        Ok(())
    }
}
