//! What the process does while it is sent signals.

use super::children::Inherited;
use super::kinds::{piped, queued, ACKNOWLEDGED, COUNTED, RAISED};
use super::ledger::{Count, Ledger};
use super::life::{counted, Life, COUNTS};
use super::senders::PATIENCE;
use crate::oracle::Oracle;
use crate::report::{Report, Worker};
use crate::step::{Step, STEPS};
use crate::walk;
use crate::world::World;
use signal::timer::{self, Timer};
use signal::{BlockGuard, DeferGuard, InstallGuard, SelfPipe, Signal, SignalSet};
use std::sync::atomic::{AtomicU64, Ordering::SeqCst};
use std::time::{Duration, Instant};

/// Where signal-hook comes and goes while the signal arrives.
const HOOKED: Signal = ACKNOWLEDGED[0];

static BY_HOOK: AtomicU64 = AtomicU64::new(0);

pub struct Actions {
    /// Another pipe, for some of the signals; whether it was there for the whole round.
    extra: Option<SelfPipe>,
    is_whole: bool,
    guards: [Vec<InstallGuard>; 2],
    hook: Option<signal_hook::SigId>,
    was_hooked: bool,
    world: World,
    oracle: Oracle,
    worker: &'static Worker,
    has_alarm: bool,
}

fn text(error: signal::Errno) -> String {
    error.to_string()
}

fn some_of(set: SignalSet, choice: usize) -> SignalSet {
    set.iter()
        .enumerate()
        .filter(|(at, _)| choice >> at & 1 == 1)
        .map(|(_, signal)| signal)
        .collect()
}

impl Actions {
    pub fn new() -> Actions {
        Actions {
            extra: None,
            is_whole: false,
            guards: [Vec::new(), Vec::new()],
            hook: None,
            was_hooked: false,
            world: World::default(),
            oracle: Oracle::default(),
            worker: &Report::new().workers[0],
            has_alarm: false,
        }
    }

    pub fn is_hooked(&self, signal: Signal) -> bool {
        self.was_hooked && signal == HOOKED
    }

    /// In every other round another pipe stays, and must hear what this returns.
    pub fn begin_round(&mut self, life: &mut Life) -> Result<SignalSet, String> {
        self.worker.start();
        self.has_alarm = false;
        self.is_whole = life.random.below(2) == 0;
        let set = some_of(piped(), life.random.below(1 << 20));
        if !self.is_whole {
            return Ok(SignalSet::empty());
        }
        self.extra = Some(SelfPipe::new(set).map_err(text)?);
        life.ledger.add(Count::Extra, 1);
        Ok(set)
    }

    /// Takes one, which follows from the seed alone.
    pub fn take(&mut self, life: &mut Life) -> Result<(), String> {
        let (action, choice) = (life.random.below(32), life.random.below(1 << 20));
        life.ledger.trace(action as u64 | (choice as u64) << 8);
        match action {
            0..=3 => life.look(Duration::ZERO),
            4..=6 => life.look(Duration::from_micros(choice as u64 % 2_000)),
            7 | 8 => self.change_extra(life, choice),
            9 | 10 => self.change_guards(life, choice),
            11 => self.block(life, choice),
            12 | 13 => section(life, choice),
            14..=20 => (0..1 + choice % 4).try_for_each(|_| self.step(life)),
            21..=24 => self.start_child(life),
            25 | 26 => life.children.reap(choice % 5, life.ledger),
            27 => threads(life, choice),
            28 => self.change_hook(),
            // Queues overflow meanwhile.
            29 => {
                std::thread::sleep(Duration::from_micros(choice as u64 % 3_000));
                Ok(())
            }
            30 => {
                life.pipe.wake();
                life.pipe.reopen().map_err(text)
            }
            _ => self.start_alarm(life),
        }
    }

    fn start_child(&mut self, life: &mut Life) -> Result<(), String> {
        let inherited = Inherited { pipe: &life.pipe, queue: &life.queue };
        life.children.start(&mut life.random, &inherited, life.ledger)
    }

    fn change_extra(&mut self, life: &mut Life, choice: usize) -> Result<(), String> {
        let set = some_of(piped() | queued(), choice);
        match (&self.extra, choice % 3) {
            _ if self.is_whole => {}
            (None, _) => {
                self.extra = Some(SelfPipe::new(set).map_err(text)?);
                life.ledger.add(Count::Extra, 1);
            }
            (Some(_), 0) => self.extra = None,
            (Some(extra), _) => {
                let watched = extra.watched();
                let changed = set.iter().take(4);
                for signal in changed {
                    if watched.contains(signal) {
                        extra.remove(signal).map_err(text)?;
                    } else {
                        extra.insert(signal).map_err(text)?;
                    }
                }
            }
        }
        Ok(())
    }

    fn change_guards(&mut self, life: &mut Life, choice: usize) -> Result<(), String> {
        let (which, is_new) = (choice % 2, (choice / 2).is_multiple_of(2));
        let guards = &mut self.guards[which];
        if is_new && guards.len() < 3 {
            let count = &COUNTS[which][guards.len() + 1];
            let guard = InstallGuard::new([COUNTED, RAISED][which], count).map_err(text)?;
            guards.push(guard);
            life.ledger.add(Count::Guards, 1);
        } else if let Some(guard) = guards.pop() {
            if !guard.restore().map_err(text)? {
                return Err("somebody else has replaced a guard's handler".into());
            }
        }
        Ok(())
    }

    fn change_hook(&mut self) -> Result<(), String> {
        if let Some(hook) = self.hook.take() {
            return match signal_hook::low_level::unregister(hook) {
                true => Ok(()),
                false => Err("signal-hook has lost an action".into()),
            };
        }
        let count = || {
            BY_HOOK.fetch_add(1, SeqCst);
        };
        // SAFETY: an atomic store.
        let hook = unsafe { signal_hook::low_level::register(HOOKED.as_raw(), count) };
        self.hook = Some(hook.map_err(|error| error.to_string())?);
        self.was_hooked = true;
        Ok(())
    }

    /// A step of the neighbours on SIGUSR1, which no sender sends.
    fn step(&mut self, life: &mut Life) -> Result<(), String> {
        let step = STEPS[life.random.below(STEPS.len())];
        let is_deadly = step == Step::Kill && self.oracle.clone().kill().dies;
        if is_deadly || !self.oracle.allows(step) {
            return Ok(());
        }
        walk::take(&mut self.world, &mut self.oracle, step, self.worker)?;
        life.ledger.add(Count::Steps, 1);
        life.ledger.add(Count::Kills, u64::from(step == Step::Kill));
        Ok(())
    }

    fn block(&mut self, life: &mut Life, choice: usize) -> Result<(), String> {
        let set = some_of(piped() | queued(), choice).with(RAISED);
        let before = counted(1);
        let block = BlockGuard::new(set);
        signal::raise(RAISED).and_then(|()| signal::raise(RAISED)).map_err(text)?;
        life.raised += 1;
        if counted(1) != before || !signal::pending().contains(RAISED) {
            return Err("a blocked signal was handled".into());
        }
        drop(block);
        life.ledger.add(Count::Blocks, 1);
        raised_once(before)
    }

    fn start_alarm(&mut self, life: &mut Life) -> Result<(), String> {
        if !std::mem::replace(&mut self.has_alarm, true) {
            life.alarms += 1;
            let soon = Duration::from_millis(1);
            timer::start(Timer::Real, soon, Duration::ZERO).map_err(text)?;
        }
        Ok(())
    }

    /// Whether the pipe that stayed has heard these too.
    pub fn has_heard(&self, ordered: SignalSet) -> bool {
        let Some(extra) = self.extra.as_ref().filter(|_| self.is_whole) else { return true };
        let start = Instant::now();
        let mut heard = SignalSet::empty();
        while heard & ordered != ordered && start.elapsed() < PATIENCE {
            heard |=
                extra.wait_timeout(Duration::from_millis(100)).ok().flatten().unwrap_or_default();
        }
        heard & ordered == ordered
    }

    /// What the round has taken goes before the next.
    pub fn end_round(&mut self, _: &mut Life) -> Result<(), String> {
        if !self.is_whole {
            self.extra = None;
        }
        Ok(())
    }

    /// At the end of a life.
    pub fn end(&mut self, ledger: &Ledger) -> Result<(), String> {
        let (by_hook, sent) = (BY_HOOK.load(SeqCst), ledger.sent(HOOKED.as_raw()));
        ledger.add(Count::ByHook, by_hook);
        if by_hook > sent {
            return Err(format!("signal-hook has heard {by_hook} of {sent} signals"));
        }
        (self.extra, self.world) = (None, World::default());
        self.guards.iter_mut().for_each(|guards| while guards.pop().is_some() {});
        Ok(())
    }
}

fn raised_once(before: u64) -> Result<(), String> {
    match counted(1) - before {
        1 => Ok(()),
        times => Err(format!("{RAISED} was counted {times} times")),
    }
}

/// What is sent in it is handled at its end.
fn section(life: &mut Life, choice: usize) -> Result<(), String> {
    let before = counted(1);
    let sections: Vec<DeferGuard> = (0..1 + choice % 3).map(|_| DeferGuard::new()).collect();
    signal::raise(RAISED).map_err(text)?;
    life.raised += 1;
    if counted(1) != before {
        return Err("a handler ran in a section".into());
    }
    drop(sections);
    life.ledger.add(Count::Sections, 1);
    raised_once(before)
}

/// Some threads that raise a signal each, and end.
fn threads(life: &mut Life, choice: usize) -> Result<(), String> {
    let before = counted(1);
    let count = 1 + choice as u64 % 3;
    let threads: Vec<_> = (0..count)
        .map(|_| {
            let _block = BlockGuard::new(signal::SIGUSR1);
            std::thread::spawn(|| signal::raise(RAISED).is_ok())
        })
        .collect();
    let raised = threads.into_iter().filter_map(|thread| thread.join().ok());
    life.raised += raised.filter(|is_raised| *is_raised).count() as u64;
    life.ledger.add(Count::Threads, count);
    match counted(1) - before {
        times if times == count => Ok(()),
        times => Err(format!("{RAISED} was counted {times} times in {count} threads")),
    }
}
