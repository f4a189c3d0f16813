//! One service: the states that it goes through.
//!
//! ```text
//!            start                 ready
//!  Stopped ---------> Starting -----------> Ready
//!    ^  ^                |  \                 |
//!    |  | until          |   `---- stop ------+----> Stopping
//!    |  Backoff <--------+------- exit -------'         |
//!    |                   `---> Done, Failed             |
//!    `--------------------------------------------------'
//! ```

mod timers;

use crate::config;
use crate::report;
use crate::supervisor::{Kernel, SpawnError, Target};
use signal::child::Exited;
use signal::{Pid, SIGCONT, SIGKILL};
use std::time::{Duration, Instant};

/// How often a port, a file, or the end of what a service has left behind is looked for: nothing
/// tells of these.
const PROBE: Duration = Duration::from_millis(25);

#[derive(Clone, Copy, Debug, PartialEq)]
pub enum State {
    /// Not running. If it is wanted, it waits for what it requires.
    Stopped,
    /// Running, not ready yet.
    Starting {
        pid: Pid,
    },
    Ready {
        pid: Pid,
    },
    /// Told to stop, or cleaned up after. `leader`: its own process has not ended yet.
    Stopping {
        pid: Pid,
        leader: bool,
        kill_at: Option<Instant>,
        outcome: Outcome,
    },
    /// Waits before it is started again.
    Backoff {
        until: Instant,
    },
    /// Ended with success, as it may.
    Done,
    /// Given up.
    Failed,
    /// Optional, and not installed.
    Absent,
}

/// How a run ended.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Outcome {
    Success,
    Failure,
}

pub struct Service {
    pub name: String,
    pub config: config::Service,
    /// Replaces the configuration once the service has stopped.
    pub next: Option<config::Service>,
    pub state: State,
    /// Whether it is meant to run.
    pub wanted: bool,
    /// It is to stop and then to start again.
    pub again: bool,
    /// It is to stop and then to be forgotten.
    pub removed: bool,
    /// Restarts since it last ran well.
    pub failures: u32,
    pub starts: u64,
    /// When it was last started.
    pub started: Option<Instant>,
    /// What is to be known of it: how it last ended, or what it says itself.
    pub remark: Option<String>,
    probe_at: Option<Instant>,
    ready_by: Option<Instant>,
}

impl Service {
    pub fn new(name: &str, config: config::Service) -> Service {
        Service {
            name: name.to_owned(),
            config,
            next: None,
            state: State::Stopped,
            wanted: true,
            again: false,
            removed: false,
            failures: 0,
            starts: 0,
            started: None,
            remark: None,
            probe_at: None,
            ready_by: None,
        }
    }

    /// The process to reap, if there is one.
    pub fn pid(&self) -> Option<Pid> {
        match self.state {
            State::Starting { pid } | State::Ready { pid } => Some(pid),
            State::Stopping { pid, leader: true, .. } => Some(pid),
            _ => None,
        }
    }

    /// Whether anything of it runs.
    pub fn is_alive(&self) -> bool {
        matches!(self.state, State::Starting { .. } | State::Ready { .. } | State::Stopping { .. })
    }

    pub fn is_to_stop(&self) -> bool {
        !self.wanted || self.again
    }

    /// Whether it is not started again unless somebody asks for it.
    pub fn has_failed(&self) -> bool {
        matches!(self.state, State::Absent | State::Failed)
    }

    /// Whether those that require it can start.
    pub fn satisfies(&self) -> bool {
        let there = matches!(self.state, State::Ready { .. } | State::Done);
        !self.is_to_stop() && (there || self.has_failed() && self.config.optional)
    }

    pub fn start(&mut self, kernel: &mut impl Kernel, now: Instant) {
        match kernel.spawn(&self.name, &self.config) {
            Ok(pid) => {
                self.starts += 1;
                self.started = Some(now);
                self.state = State::Starting { pid };
                self.ready_by = now.checked_add(self.config.ready_timeout);
                tracing::info!(service = self.name, pid = pid.as_raw(), "started");
                match self.config.ready {
                    config::Ready::Started => self.ready(now),
                    config::Ready::Notify => {}
                    config::Ready::Port(_) | config::Ready::File(_) => self.probe_at = Some(now),
                }
            }
            Err(SpawnError::Absent(why)) if self.config.optional => {
                tracing::info!(service = self.name, "optional, and absent: {why}");
                self.remark = Some(why);
                self.state = State::Absent;
            }
            Err(error) => {
                tracing::error!(service = self.name, "cannot start: {error}");
                self.remark = Some(error.to_string());
                self.started = Some(now);
                match error {
                    SpawnError::Passing(_) => self.conclude(Outcome::Failure, now),
                    _ => self.state = State::Failed,
                }
            }
        }
    }

    pub fn ready(&mut self, now: Instant) {
        if let State::Starting { pid } = self.state {
            let after = report::seconds(self.ran(now));
            tracing::info!(service = self.name, pid = pid.as_raw(), after_seconds = after, "ready");
            self.state = State::Ready { pid };
            (self.probe_at, self.ready_by) = (None, None);
        }
    }

    /// Asks it to end, all of it; after its time-out it is killed.
    pub fn stop(&mut self, kernel: &mut impl Kernel, now: Instant, outcome: Outcome) {
        let Some(pid) = self.pid() else { return };
        if let State::Stopping { .. } = self.state {
            return;
        }
        let signal = self.config.stop_signal;
        tracing::info!(service = self.name, pid = pid.as_raw(), "stopping with {signal}");
        kernel.signal(Target::Service(pid), signal);
        // What is stopped does not notice until it goes on.
        kernel.signal(Target::Service(pid), SIGCONT);
        self.state = State::Stopping { pid, leader: true, kill_at: self.kill_at(now), outcome };
        (self.probe_at, self.ready_by) = (None, None);
    }

    /// Ends it at once.
    pub fn kill(&mut self, kernel: &mut impl Kernel) {
        if let Some(pid) = self.pid() {
            kernel.signal(Target::Service(pid), SIGKILL);
            self.state =
                State::Stopping { pid, leader: true, kill_at: None, outcome: Outcome::Failure };
            (self.probe_at, self.ready_by) = (None, None);
        } else if let State::Stopping { pid, .. } = self.state {
            kernel.signal(Target::LeftBy(pid), SIGKILL);
        }
    }

    /// Its process has ended and been reaped.
    pub fn exited(&mut self, exited: &Exited, kernel: &mut impl Kernel, now: Instant) {
        report::exited(&self.name, exited, self.ran(now));
        kernel.ended(&self.name);
        self.remark = Some(exited.status.to_string());
        let unready = matches!(self.state, State::Starting { .. });
        let success =
            if exited.status.success() && !unready { Outcome::Success } else { Outcome::Failure };
        let pid = exited.pid;
        match self.state {
            State::Stopping { outcome, kill_at: Some(kill_at), .. } => {
                if kernel.signal(Target::LeftBy(pid), SIGCONT) {
                    self.clean_up(pid, Some(kill_at), outcome, now);
                } else {
                    self.conclude(outcome, now);
                }
            }
            State::Stopping { outcome, kill_at: None, .. } => {
                kernel.signal(Target::LeftBy(pid), SIGKILL);
                self.conclude(outcome, now);
            }
            _ if kernel.signal(Target::LeftBy(pid), self.config.stop_signal) => {
                kernel.signal(Target::LeftBy(pid), SIGCONT);
                tracing::warn!(
                    service = self.name,
                    pid = pid.as_raw(),
                    "left processes behind, which are told to stop: a service must stay in the foreground"
                );
                self.clean_up(pid, self.kill_at(now), success, now);
            }
            _ => self.conclude(success, now),
        }
    }

    fn clean_up(&mut self, pid: Pid, kill_at: Option<Instant>, outcome: Outcome, now: Instant) {
        self.state = State::Stopping { pid, leader: false, kill_at, outcome };
        (self.probe_at, self.ready_by) = (Some(now + PROBE), None);
    }

    /// Nothing of it runs any more.
    fn conclude(&mut self, outcome: Outcome, now: Instant) {
        (self.probe_at, self.ready_by) = (None, None);
        let restarts = match self.config.restart {
            config::Restart::Never => false,
            config::Restart::OnFailure => outcome == Outcome::Failure,
            config::Restart::Always => true,
        };
        self.state = if self.is_to_stop() {
            State::Stopped
        } else if restarts {
            self.back_off(now)
        } else if outcome == Outcome::Success {
            State::Done
        } else {
            State::Failed
        };
    }

    fn back_off(&mut self, now: Instant) -> State {
        // It ran well for longer than it would have to wait at most: that is all forgiven.
        if self.ran(now) >= self.config.restart_delay_max.max(Duration::from_secs(1)) {
            self.failures = 0;
        }
        let limit = self.config.restart_limit;
        if self.failures >= limit {
            tracing::error!(
                service = self.name,
                restarts = self.failures,
                "given up: {limit} restarts in a row"
            );
            return State::Failed;
        }
        let factor = 2u32.saturating_pow(self.failures);
        let delay =
            self.config.restart_delay.saturating_mul(factor).min(self.config.restart_delay_max);
        self.failures += 1;
        tracing::warn!(
            service = self.name,
            restart = self.failures,
            limit,
            "starts again in {} s",
            delay.as_secs_f64()
        );
        State::Backoff { until: now + delay }
    }

    pub fn ran(&self, now: Instant) -> Duration {
        self.started.map_or(Duration::ZERO, |started| now.saturating_duration_since(started))
    }

    fn kill_at(&self, now: Instant) -> Option<Instant> {
        now.checked_add(self.config.stop_timeout)
    }
}
