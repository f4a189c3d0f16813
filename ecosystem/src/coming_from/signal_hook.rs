//! Coming from signal-hook.

use super::{arrange, not_shown, rows, Outcome};
use crate::process::End;
use signal::{die_by, install, query, Handler, InfoQueue, InstallGuard};
use signal::{SelfPipe, Signal, SignalSet, SIGHUP, SIGINT, SIGTERM, SIGUSR1};
use signal_hook::consts;
use signal_hook::iterator::exfiltrator::WithOrigin;
use signal_hook::iterator::{Signals, SignalsInfo};
use signal_hook::{flag, low_level};
use std::io::Read;
use std::os::unix::net::UnixStream;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{mpsc, Arc};
use std::thread;

static STOP: AtomicBool = AtomicBool::new(false);
static COUNT: AtomicUsize = AtomicUsize::new(0);
static QUEUE: InfoQueue<64> = InfoQueue::new();

/// A flag
pub mod set_flag {
    use super::*;

    pub fn there() -> Outcome {
        let stop = Arc::new(AtomicBool::new(false));
        flag::register(consts::SIGTERM, Arc::clone(&stop))?;
        not_shown! { signal::raise(SIGTERM)?; }
        not_shown! { assert!(stop.load(Ordering::Acquire)); }
        Ok(())
    }

    pub fn here() -> Outcome {
        // static STOP: AtomicBool = AtomicBool::new(false);
        install(SIGTERM, &STOP)?;
        not_shown! { signal::raise(SIGTERM)?; }
        not_shown! { assert!(STOP.load(Ordering::Acquire)); }
        Ok(())
    }
}

/// A flag, and the default effect for what comes while it is set: a second Ctrl-C ends the program
pub mod flag_or_default {
    use super::*;

    pub fn there() -> Outcome {
        let stop = Arc::new(AtomicBool::new(false));
        flag::register_conditional_default(consts::SIGINT, Arc::clone(&stop))?;
        flag::register(consts::SIGINT, Arc::clone(&stop))?;
        not_shown! { signal::raise(SIGINT)?; }
        not_shown! { signal::raise(SIGINT)?; }
        Ok(())
    }

    pub fn here() -> Outcome {
        install(SIGINT, Handler::FlagOrDefault(&STOP))?;
        not_shown! { signal::raise(SIGINT)?; }
        not_shown! { signal::raise(SIGINT)?; }
        Ok(())
    }
}

/// … or an exit, with a code
pub mod conditional_shutdown {
    use super::*;

    pub fn there() -> Outcome {
        let stop = Arc::new(AtomicBool::new(false));
        flag::register_conditional_shutdown(consts::SIGINT, 3, Arc::clone(&stop))?;
        flag::register(consts::SIGINT, stop)?;
        not_shown! { signal::raise(SIGINT)?; }
        not_shown! { signal::raise(SIGINT)?; }
        Ok(())
    }

    pub fn here() -> Outcome {
        let stop = |_: Signal| {
            if STOP.swap(true, Ordering::AcqRel) {
                // SAFETY: ends the process.
                unsafe { libc::_exit(3) }
            }
        };
        // SAFETY: an atomic and `_exit`.
        install(SIGINT, unsafe { Handler::new(stop) })?;
        not_shown! { signal::raise(SIGINT)?; }
        not_shown! { signal::raise(SIGINT)?; }
        Ok(())
    }
}

/// A function as the handler, for a while. (There a closure may capture; here it may not.)
pub mod function {
    use super::*;

    pub fn there() -> Outcome {
        let count = || {
            COUNT.fetch_add(1, Ordering::AcqRel);
        };
        // SAFETY: an atomic addition.
        let id = unsafe { low_level::register(consts::SIGTERM, count)? };
        not_shown! { signal::raise(SIGTERM)?; }
        // …
        low_level::unregister(id);
        not_shown! { signal::raise(SIGTERM)?; }
        not_shown! { assert_eq!(COUNT.load(Ordering::Acquire), 1); }
        Ok(())
    }

    pub fn here() -> Outcome {
        let count = |_: Signal| {
            COUNT.fetch_add(1, Ordering::AcqRel);
        };
        // SAFETY: an atomic addition.
        let installed = InstallGuard::new(SIGTERM, unsafe { Handler::new(count) })?;
        not_shown! { signal::raise(SIGTERM)?; }
        // …
        drop(installed);
        not_shown! { assert_eq!(query(SIGTERM)?.handler(), Handler::Default); }
        not_shown! { assert_eq!(COUNT.load(Ordering::Acquire), 1); }
        Ok(())
    }
}

/// Something to read, for an event loop
pub mod pipe {
    use super::*;

    pub fn there() -> Outcome {
        let (mut reader, writer) = UnixStream::pair()?;
        low_level::pipe::register(consts::SIGTERM, writer)?;
        not_shown! { arrange::arrives(SIGTERM); }
        reader.read_exact(&mut [0])?;
        Ok(())
    }

    pub fn here() -> Outcome {
        let pipe = SelfPipe::new(SIGTERM)?;
        // Poll `pipe.as_raw_fd()`; then:
        not_shown! { arrange::arrives(SIGTERM); }
        not_shown! { pipe.wait()?; }
        not_shown! { signal::raise(SIGTERM)?; }
        let arrived = pipe.pending();
        not_shown! { assert_eq!(arrived, SIGTERM.into()); }
        Ok(())
    }
}

/// Waiting in a loop, on a thread
pub mod forever {
    use super::*;

    pub fn there() -> Outcome {
        let mut signals = Signals::new([consts::SIGHUP, consts::SIGTERM])?;
        not_shown! { arrange::arrives(SIGTERM); }
        for signal in signals.forever() {
            match signal {
                consts::SIGHUP => println!("reading the configuration again"),
                _ => break,
            }
        }
        Ok(())
    }

    pub fn here() -> Outcome {
        let pipe = SelfPipe::new(SIGHUP | SIGTERM)?;
        not_shown! { arrange::arrives(SIGTERM); }
        loop {
            let arrived = pipe.wait()?;
            if arrived.contains(SIGHUP) {
                println!("reading the configuration again");
            }
            if arrived.contains(SIGTERM) {
                break;
            }
        }
        Ok(())
    }
}

/// … which another thread ends
pub mod close {
    use super::*;

    pub fn there() -> Outcome {
        let mut signals = Signals::new([consts::SIGHUP])?;
        let handle = signals.handle();
        let thread = thread::spawn(move || {
            for signal in signals.forever() {
                println!("{signal}");
            }
        });
        handle.close();
        thread.join().map_err(|_| "panicked")?;
        Ok(())
    }

    pub fn here() -> Outcome {
        let pipe = Arc::new(SelfPipe::new(SIGHUP)?);
        let waiter = Arc::clone(&pipe);
        let thread = thread::spawn(move || loop {
            match waiter.wait() {
                Ok(set) if !set.is_empty() => println!("{set:?}"),
                _ => break,
            }
        });
        pipe.wake();
        thread.join().map_err(|_| "panicked")?;
        Ok(())
    }
}

/// Who has sent it
pub mod origin {
    use super::*;

    pub fn there() -> Outcome {
        let mut signals = SignalsInfo::<WithOrigin>::new([consts::SIGTERM])?;
        not_shown! { arrange::arrives(SIGTERM); }
        not_shown! { let mut senders = Vec::new(); }
        for origin in signals.wait() {
            println!("{:?}", origin.process);
            not_shown! { senders.extend(origin.process.map(|process| process.pid)); }
        }
        not_shown! { assert_eq!(senders, [std::process::id() as i32]); }
        Ok(())
    }

    pub fn here() -> Outcome {
        // static QUEUE: InfoQueue<64> = InfoQueue::new();
        let pipe = SelfPipe::with_queue(SIGTERM, &QUEUE)?;
        not_shown! { arrange::arrives(SIGTERM); }
        not_shown! { let mut senders = Vec::new(); }
        pipe.wait()?;
        for info in pipe.infos() {
            println!("{:?}", info.sender_pid());
            not_shown! { senders.extend(info.sender_pid()); }
        }
        not_shown! { assert_eq!(senders, [signal::Pid::current()]); }
        Ok(())
    }
}

/// Many listeners. (There, each is one more entry of a list; here, one pipe tells them: a process
/// has 32.)
pub mod many_listeners {
    use super::*;

    pub fn there() -> Outcome {
        let mut listeners = Vec::new();
        for _ in 0..100 {
            listeners.push(Signals::new([consts::SIGUSR1])?);
        }
        not_shown! { signal::raise(SIGUSR1)?; }
        not_shown! { assert!(listeners.iter_mut().all(|one| one.wait().count() == 1)); }
        Ok(())
    }

    pub fn here() -> Outcome {
        let pipe = SelfPipe::new(SIGUSR1)?;
        let (mut senders, listeners): (Vec<_>, Vec<_>) =
            (0..100).map(|_| mpsc::channel::<SignalSet>()).unzip();
        thread::spawn(move || {
            while let Ok(arrived) = pipe.wait() {
                senders.retain(|sender| sender.send(arrived).is_ok());
            }
        });
        not_shown! { signal::kill(signal::Pid::current(), SIGUSR1)?; }
        not_shown! { let heard = |one: &mpsc::Receiver<_>| one.recv() == Ok(SIGUSR1.into()); }
        not_shown! { assert!(listeners.iter().all(heard)); }
        Ok(())
    }
}

/// Ending as if nobody had caught it
pub mod emulate_default {
    use super::*;

    pub fn there() -> Outcome {
        low_level::emulate_default_handler(consts::SIGTERM)?;
        Ok(())
    }

    pub fn here() -> Outcome {
        die_by(SIGTERM);
    }
}

/// The signals that ask a program to end; names
pub mod term_signals {
    use super::*;

    pub fn there() -> Outcome {
        let signals = Signals::new(consts::TERM_SIGNALS)?;
        let name = low_level::signal_name(consts::SIGTERM);
        assert_eq!(name, Some("SIGTERM"));
        not_shown! { drop(signals); }
        Ok(())
    }

    pub fn here() -> Outcome {
        let signals = SelfPipe::new(SIGTERM | signal::SIGQUIT | SIGINT)?;
        assert_eq!(SIGTERM.name(), Some("SIGTERM"));
        not_shown! { drop(signals); }
        Ok(())
    }
}

rows! {
    "signal-hook",
    "signal_hook.rs":
    set_flag,
    flag_or_default => [End::Signal(libc::SIGINT); 2],
    conditional_shutdown => [End::Exit(3); 2],
    function, pipe, forever, close, origin, many_listeners,
    emulate_default => [End::Signal(libc::SIGTERM); 2],
    term_signals,
}
