//! Children of all sorts, and how each must end.

use super::kinds::{realtime, ACKNOWLEDGED, CROWDED};
use super::ledger::{Count, Ledger};
use crate::process::{self, End, WRONG};
use crate::random::Random;
use libc::c_int;
use signal::child::{self, Change, Exited, Status, Which};
use signal::{Errno, Pid, SelfPipe, Signal, SignalSet};
use std::collections::HashMap;
use std::process::Command;
use std::time::Duration;

#[derive(Default)]
pub struct Children {
    /// Those that were not reaped yet.
    expected: HashMap<Pid, End>,
    pub ended: u64,
}

/// The pipes that a child inherits.
pub struct Inherited<'a> {
    pub pipe: &'a SelfPipe,
    pub queue: &'a SelfPipe,
}

fn end(status: Status) -> Option<End> {
    let signal = status.signal().map(|signal| End::Signal(signal.as_raw()));
    status.code().map(End::Exit).or(signal)
}

fn pid(raw: libc::pid_t) -> Pid {
    Pid::from_raw(raw).expect("a child")
}

impl Children {
    pub fn expect(&mut self, child: Pid, end: End) {
        self.expected.insert(child, end);
    }

    /// A child that was reaped must have been expected, and so its end.
    fn reaped(&mut self, exited: Exited, ledger: &Ledger) -> Result<(), String> {
        let expected = self.expected.remove(&exited.pid);
        if expected.is_none() || expected != end(exited.status) {
            return Err(format!("child {}: {:?}, not {expected:?}", exited.pid, exited.status));
        }
        self.ended += 1;
        ledger.add(Count::Children, 1);
        Ok(())
    }

    /// Reaps in one of the ways; the last one, all that are left.
    pub fn reap(&mut self, way: usize, ledger: &Ledger) -> Result<(), String> {
        let fail = |error: Errno| format!("reaping: {error}");
        let someone = self.expected.keys().next().copied();
        match (way, someone) {
            (0, Some(child)) => match child::reap(child).map_err(fail)? {
                Some(exited) => self.reaped(exited, ledger),
                None => Ok(()),
            },
            (1, Some(child)) => {
                match child::wait_timeout(child, Duration::from_millis(1)).map_err(fail)? {
                    Some(exited) => self.reaped(exited, ledger),
                    None => Ok(()),
                }
            }
            (2, Some(child)) => self.reaped(child::wait(child).map_err(fail)?, ledger),
            (3, _) => {
                while let Some(child) = self.expected.keys().next().copied() {
                    self.reaped(child::wait(child).map_err(fail)?, ledger)?;
                }
                Ok(())
            }
            _ => {
                child::reap_any().try_for_each(|exited| self.reaped(exited.map_err(fail)?, ledger))
            }
        }
    }

    /// Starts a child of some sort.
    pub fn start(
        &mut self,
        random: &mut Random,
        inherited: &Inherited,
        ledger: &'static Ledger,
    ) -> Result<(), String> {
        let (sort, choice) = (random.below(20), random.below(1 << 20));
        let (child, end) = match sort {
            0..=5 => {
                let code = (choice % 200) as c_int;
                (process::fork(|| code), End::Exit(code))
            }
            6..=8 => {
                let signals = [signal::SIGTERM, signal::SIGKILL, realtime(2), signal::SIGHUP];
                let signal = signals[choice % signals.len()];
                (process::fork(|| signal::die_by(signal)), End::Signal(signal.as_raw()))
            }
            9..=13 => {
                let child = process::fork(|| {
                    let heard = hear_own(choice, inherited, ledger);
                    heard.map_or_else(|wrong| (ledger.fail(&wrong), WRONG).1, |()| 3)
                });
                (child, End::Exit(3))
            }
            14 | 15 => {
                (process::fork(|| c_int::from(!grandchildren(choice, ledger))), End::Exit(0))
            }
            16 => return self.stop_and_continue(ledger),
            17 => {
                let program = ["/bin/true", "/bin/false"][choice % 2];
                let child = Command::new(program).spawn().map_err(|error| error.to_string())?;
                self.expect(Pid::from(&child), End::Exit((choice % 2) as c_int));
                return Ok(());
            }
            _ => {
                // It waits in a pipe of its parent's for a signal that is sent to it alone.
                let child = process::fork(|| match inherited.pipe.wait() {
                    Ok(heard) if heard == SignalSet::from(signal::SIGTERM) => 4,
                    _ => WRONG,
                });
                signal::kill(pid(child), signal::SIGTERM).map_err(|error| error.to_string())?;
                (child, End::Exit(4))
            }
        };
        self.expect(pid(child), end);
        Ok(())
    }

    fn stop_and_continue(&mut self, ledger: &Ledger) -> Result<(), String> {
        let child = pid(process::fork(|| i32::from(signal::raise(signal::SIGSTOP).is_err())));
        let next = || child::wait_change(Which::Pid(child)).map_err(|error| error.to_string());
        let stopped = next()?;
        signal::kill(child, signal::SIGCONT).map_err(|error| error.to_string())?;
        let continued = next()?;
        self.expect(child, End::Exit(0));
        match (stopped, continued) {
            (Change::Stopped(..), Change::Continued(_)) => Ok(()),
            // It has ended before that was asked for.
            (Change::Stopped(..), Change::Ended(exited)) => self.reaped(exited, ledger),
            others => Err(format!("a child that stops: {others:?}")),
        }
    }
}

/// In a child: what it hears in its parent's pipes is its own, and all of it.
fn hear_own(choice: usize, inherited: &Inherited, ledger: &Ledger) -> Result<(), String> {
    let fail = |error: Errno| format!("in a child: {error}");
    let signals: Vec<Signal> = ACKNOWLEDGED.into_iter().chain(CROWDED).collect();
    let own: SignalSet =
        (0..signals.len()).filter(|at| choice >> at & 1 == 1).map(|at| signals[at]).collect();
    // With reopen, and without.
    if choice >> 18 & 1 == 1 {
        inherited.pipe.reopen().map_err(fail)?;
    }
    own.iter().try_for_each(signal::raise).map_err(fail)?;
    let heard = inherited.pipe.pending();
    if heard != own || !inherited.pipe.pending().is_empty() {
        return Err(format!("a child heard {heard:?}, not {own:?}"));
    }
    inherited.queue.reopen().map_err(fail)?;
    let values: Vec<c_int> = (0..(choice >> 14 & 15) as c_int).collect();
    for value in &values {
        // The limit is that of all processes of the user.
        while let Err(error) = signal::queue(Pid::current(), realtime(0), *value) {
            if error != Errno::EAGAIN {
                return Err(fail(error));
            }
            ledger.add(Count::Refused, 1);
            std::thread::sleep(Duration::from_millis(1));
        }
    }
    let read: Vec<c_int> = inherited.queue.infos().filter_map(|info| info.value()).collect();
    if read != values {
        return Err(format!("a child read {read:?}, not {values:?}"));
    }
    ledger.add(Count::Reopened, 1);
    ledger.add(Count::InChildren, (own.len() + values.len()) as u64);
    Ok(())
}

/// In a child: has some of its own, and reaps them.
fn grandchildren(choice: usize, ledger: &Ledger) -> bool {
    let mut children: HashMap<Pid, c_int> =
        (0..1 + choice as c_int % 3).map(|code| (pid(process::fork(|| code)), code)).collect();
    let count = children.len() as u64;
    while let Some(child) = children.keys().next().copied() {
        // One by its number, then those that have ended too.
        let Ok(exited) = child::wait(child) else { return false };
        for exited in std::iter::once(Ok(exited)).chain(child::reap_any()) {
            let Ok(exited) = exited else { return false };
            if children.remove(&exited.pid) != exited.status.code() {
                return false;
            }
        }
    }
    ledger.add(Count::Grandchildren, count);
    child::reap_any().next().is_none()
}
