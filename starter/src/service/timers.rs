//! What happens to a service because time passes.

use super::exit::PROBE;
use super::{Service, State};
use crate::config::Ready;
use crate::supervisor::{Kernel, Probe, Target};
use signal::{SIGCONT, SIGKILL};
use std::time::{Duration, Instant};

/// How often a command is asked whether a service is ready.
const ASK: Duration = Duration::from_millis(200);

/// When something is due; each belongs to certain states.
#[derive(Default)]
pub struct Timers {
    /// The next look at whether it is ready, or whether the rest of it has ended.
    pub probe: Option<Instant>,
    pub ready_by: Option<Instant>,
    /// When it has run for long enough to be called started.
    pub settled: Option<Instant>,
    pub health: Option<Instant>,
    /// When the running check has taken too long.
    pub check: Option<Instant>,
    /// By when the service must say that it lives.
    pub watchdog: Option<Instant>,
}

fn is_due(at: Option<Instant>, now: Instant) -> bool {
    at.is_some_and(|at| at <= now)
}

impl Service {
    /// What is due by now.
    pub fn tick(&mut self, kernel: &mut impl Kernel, now: Instant) {
        match self.state {
            State::Backoff { until, .. } if until <= now => self.state = State::Stopped,
            State::Starting { .. } if is_due(self.timers.probe, now) => self.probe(kernel, now),
            State::Stopping { pid, leader: false, outcome, .. }
                if is_due(self.timers.probe, now) =>
            {
                self.timers.probe = Some(now + PROBE);
                if !kernel.signal(&self.name, Target::LeftBy(pid), SIGCONT) {
                    self.conclude(outcome, true, kernel, now);
                }
            }
            State::Ready { .. } => {
                if is_due(self.timers.settled, now) {
                    self.timers.settled = None;
                }
                self.look_after(kernel, now);
            }
            _ => {}
        }
        self.enforce(kernel, now);
    }

    fn probe(&mut self, kernel: &mut impl Kernel, now: Instant) {
        self.timers.probe = None;
        if let Ready::Exec(command) = &self.config.ready {
            match kernel.run(&self.name, &self.config, command) {
                Ok(pid) => self.check = Some(pid),
                Err(error) => {
                    self.remark = Some(format!("ready: {error}"));
                    self.timers.probe = Some(now + ASK);
                }
            }
            return;
        }
        if let Ready::After(_) = self.config.ready {
            return self.ready(now);
        }
        match kernel.probe(&self.name, &self.config) {
            Probe::Ready => {
                self.remark = None;
                self.ready(now);
            }
            Probe::NotYet => self.timers.probe = Some(now + PROBE),
            Probe::Odd(why) => {
                if self.remark.as_ref() != Some(&why) {
                    tracing::warn!(service = self.name, "{why}");
                    self.remark = Some(why);
                }
                self.timers.probe = Some(now + ASK);
            }
        }
    }

    /// The command that was asked whether it is ready has answered.
    pub(super) fn asked(&mut self, ready: bool, now: Instant) {
        if ready {
            self.ready(now);
        } else {
            self.timers.probe = Some(now + ASK);
        }
    }

    /// Time limits.
    fn enforce(&mut self, kernel: &mut impl Kernel, now: Instant) {
        match self.state {
            State::Starting { .. } | State::Preparing { .. }
                if is_due(self.timers.ready_by, now) =>
            {
                let limit = self.config.ready_timeout.as_secs_f64();
                self.give_up(&format!("not ready after {limit} s"), kernel, now);
            }
            State::Stopping { pid, leader, kill_at, outcome } if is_due(kill_at, now) => {
                let limit = self.config.stop_timeout.as_secs_f64();
                tracing::warn!(
                    service = self.name,
                    pid = pid.as_raw(),
                    "still running after {limit} s: killed"
                );
                if leader {
                    kernel.signal(&self.name, Target::Service(pid), SIGKILL);
                    self.state = State::Stopping { pid, leader, kill_at: None, outcome };
                } else {
                    kernel.signal(&self.name, Target::LeftBy(pid), SIGKILL);
                    self.conclude(outcome, true, kernel, now);
                }
            }
            State::Finishing { pid, kill_at, outcome } if is_due(kill_at, now) => {
                tracing::warn!(service = self.name, "after_stop takes too long: killed");
                kernel.signal(&self.name, Target::Service(pid), SIGKILL);
                self.state = State::Finishing { pid, kill_at: None, outcome };
            }
            _ => {}
        }
    }

    /// It needs more time for what it is doing.
    pub fn extend(&mut self, time: Duration, now: Instant) {
        let until = now.checked_add(time);
        match &mut self.state {
            // One that is ready after some time has no limit that could be moved.
            State::Starting { .. } => {
                if let Some(ready_by) = &mut self.timers.ready_by {
                    *ready_by = (*ready_by).max(until.unwrap_or(*ready_by));
                }
            }
            State::Stopping { kill_at: Some(kill_at), .. } => {
                *kill_at = (*kill_at).max(until.unwrap_or(*kill_at));
            }
            _ => {}
        }
    }

    /// When `tick` has something to do next.
    pub fn deadline(&self) -> Option<Instant> {
        let own = match self.state {
            State::Backoff { until, .. } => Some(until),
            State::Stopping { kill_at, .. } | State::Finishing { kill_at, .. } => kill_at,
            _ => None,
        };
        let Timers { probe, ready_by, settled, health, check, watchdog } = self.timers;
        [own, probe, ready_by, settled, health, check, watchdog].into_iter().flatten().min()
    }

    /// When it is started again, if it waits for that.
    pub fn next_start(&self) -> Option<Instant> {
        match self.state {
            State::Backoff { until, .. } => Some(until),
            _ => None,
        }
    }
}
