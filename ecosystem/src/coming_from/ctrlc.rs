//! Coming from ctrlc.

use super::{arrange, not_shown, rows, Outcome};
use crate::process::End;
use signal::{install, query, Handler, SelfPipe, SIGHUP, SIGINT, SIGTERM};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{mpsc, Arc};
use std::{process, thread, time::Duration};

static STOP: AtomicBool = AtomicBool::new(false);

/// A flag that the program looks at
pub mod flag {
    use super::*;

    pub fn there() -> Outcome {
        let stop = Arc::new(AtomicBool::new(false));
        let setter = Arc::clone(&stop);
        ctrlc::set_handler(move || setter.store(true, Ordering::SeqCst))?;
        not_shown! { arrange::arrives(SIGINT); }
        while !stop.load(Ordering::SeqCst) {
            thread::sleep(Duration::from_millis(10));
        }
        Ok(())
    }

    pub fn here() -> Outcome {
        // static STOP: AtomicBool = AtomicBool::new(false);
        install(SIGINT, &STOP)?;
        not_shown! { arrange::arrives(SIGINT); }
        while !STOP.load(Ordering::Acquire) {
            thread::sleep(Duration::from_millis(10));
        }
        Ok(())
    }
}

/// … and a second Ctrl-C ends it, though it no longer looks
pub mod second_time {
    use super::*;

    pub fn there() -> Outcome {
        let stop = AtomicBool::new(false);
        ctrlc::set_handler(move || {
            if stop.swap(true, Ordering::SeqCst) {
                process::exit(130);
            }
        })?;
        not_shown! {
            loop {
                signal::raise(SIGINT)?;
                thread::sleep(Duration::from_millis(1));
            }
        }
    }

    pub fn here() -> Outcome {
        install(SIGINT, Handler::FlagOrDefault(&STOP))?;
        not_shown! { signal::raise(SIGINT)?; }
        not_shown! { signal::raise(SIGINT)?; }
        Ok(())
    }
}

/// The main thread waits
pub mod wait {
    use super::*;

    pub fn there() -> Outcome {
        let (sender, receiver) = mpsc::channel();
        ctrlc::set_handler(move || sender.send(()).expect("it waits"))?;
        not_shown! { arrange::arrives(SIGINT); }
        receiver.recv()?;
        Ok(())
    }

    pub fn here() -> Outcome {
        let pipe = SelfPipe::new(SIGINT)?;
        not_shown! { arrange::arrives(SIGINT); }
        pipe.wait()?;
        Ok(())
    }
}

/// Code of all kinds, on a thread of its own. (With the feature `termination` of ctrlc.)
pub mod closure {
    use super::*;

    pub fn there() -> Outcome {
        ctrlc::set_handler(|| {
            println!("removing the lock file");
            process::exit(0);
        })?;
        not_shown! { arrange::arrives(SIGTERM); }
        not_shown! { arrange::forever() }
    }

    pub fn here() -> Outcome {
        let pipe = SelfPipe::new(SIGINT | SIGTERM | SIGHUP)?;
        thread::spawn(move || {
            if pipe.wait().is_ok() {
                println!("removing the lock file");
                process::exit(0);
            }
        });
        not_shown! { arrange::arrives(SIGTERM); }
        not_shown! { arrange::forever() }
    }
}

/// Only where nobody has a handler yet
pub mod try_set {
    use super::*;

    pub fn there() -> Outcome {
        ctrlc::try_set_handler(|| STOP.store(true, Ordering::SeqCst))?;
        Ok(())
    }

    pub fn here() -> Outcome {
        if query(SIGINT)?.handler() == Handler::Default {
            install(SIGINT, &STOP)?;
        }
        Ok(())
    }
}

rows! {
    "ctrlc",
    "ctrlc.rs":
    flag,
    second_time => [End::Exit(130), End::Signal(libc::SIGINT)],
    wait, closure, try_set,
}
