//! The end of a run, and what follows.

use super::{Outcome, Service, State, Timers};
use crate::config::{OnFailure, Restart, StopSignalTo};
use crate::report;
use crate::supervisor::{Kernel, Target};
use signal::child::{Exited, Status};
use signal::{Pid, SIGCONT, SIGKILL};
use std::time::{Duration, Instant};

/// How often the end of what a service has left behind is looked for: nothing tells of it.
pub const PROBE: Duration = Duration::from_millis(25);

impl Service {
    /// A process of it has ended and been reaped.
    pub fn exited(&mut self, exited: &Exited, kernel: &mut impl Kernel, now: Instant) {
        if self.check == Some(exited.pid) {
            self.check = None;
            return self.checked(exited.status.success(), kernel, now);
        }
        if self.pid() != Some(exited.pid) {
            return;
        }
        match self.state {
            State::Preparing { .. } if exited.status.success() && !self.is_to_stop() => {
                self.launch(kernel, now);
            }
            State::Preparing { .. } => {
                tracing::error!(service = self.name, "before_start {}", exited.status);
                self.note(exited.status, format!("before_start {}", exited.status));
                self.conclude(Outcome::Failure, true, kernel, now);
            }
            State::Finishing { outcome, .. } => {
                if !exited.status.success() {
                    tracing::warn!(service = self.name, "after_stop {}", exited.status);
                }
                self.settle(outcome, true, now);
            }
            _ => self.ended(exited, kernel, now),
        }
    }

    fn note(&mut self, status: Status, remark: String) {
        self.last_exit = Some(status);
        self.remark = Some(remark);
        self.code = status
            .code()
            .unwrap_or_else(|| 128 + status.signal().map_or(0, |signal| signal.as_raw()));
    }

    fn ended(&mut self, exited: &Exited, kernel: &mut impl Kernel, now: Instant) {
        report::exited(&self.name, exited, self.ran(now));
        self.end_check(kernel);
        kernel.ended(&self.name);
        let remark = match (self.state, self.remark.take()) {
            // Why it was told to stop.
            (State::Stopping { outcome: Outcome::Failure, .. }, Some(why)) => {
                format!("{why}: {}", exited.status)
            }
            _ => exited.status.to_string(),
        };
        self.note(exited.status, remark);
        let unready = matches!(self.state, State::Starting { .. });
        let success =
            if exited.status.success() && !unready { Outcome::Success } else { Outcome::Failure };
        let pid = exited.pid;
        match self.state {
            State::Stopping { outcome, kill_at: Some(kill_at), .. } => {
                if self.config.stop_signal_to == StopSignalTo::Leader {
                    // The others have not been told yet.
                    kernel.signal(&self.name, Target::LeftBy(pid), self.config.stop_signal);
                }
                if kernel.signal(&self.name, Target::LeftBy(pid), SIGCONT) {
                    self.clean_up(pid, Some(kill_at), outcome, now);
                } else {
                    self.conclude(outcome, true, kernel, now);
                }
            }
            State::Stopping { outcome, kill_at: None, .. } => {
                kernel.signal(&self.name, Target::LeftBy(pid), SIGKILL);
                self.conclude(outcome, true, kernel, now);
            }
            _ if kernel.signal(&self.name, Target::LeftBy(pid), self.config.stop_signal) => {
                kernel.signal(&self.name, Target::LeftBy(pid), SIGCONT);
                tracing::warn!(
                    service = self.name,
                    pid = pid.as_raw(),
                    "left processes behind, which are told to stop: a service must stay in the foreground"
                );
                self.clean_up(pid, self.kill_at(now), success, now);
            }
            _ => self.conclude(success, true, kernel, now),
        }
    }

    fn clean_up(&mut self, pid: Pid, kill_at: Option<Instant>, outcome: Outcome, now: Instant) {
        self.state = State::Stopping { pid, leader: false, kill_at, outcome };
        self.timers = Timers::default();
        self.timers.probe = Some(now + PROBE);
    }

    /// Nothing of it runs any more. `ran`: it had been started.
    pub(super) fn conclude(
        &mut self,
        outcome: Outcome,
        ran: bool,
        kernel: &mut impl Kernel,
        now: Instant,
    ) {
        self.timers = Timers::default();
        self.activity = None;
        if ran && !self.config.after_stop.is_empty() {
            match kernel.run(&self.name, &self.config, &self.config.after_stop) {
                Ok(pid) => {
                    tracing::info!(service = self.name, pid = pid.as_raw(), "after_stop");
                    let kill_at = self.kill_at(now);
                    self.state = State::Finishing { pid, kill_at, outcome };
                    return;
                }
                Err(error) => tracing::warn!(service = self.name, "after_stop: {error}"),
            }
        }
        self.settle(outcome, ran, now);
    }

    fn settle(&mut self, outcome: Outcome, ran: bool, now: Instant) {
        let restarts = match self.config.restart {
            Restart::Never => false,
            Restart::OnFailure => outcome == Outcome::Failure,
            Restart::Always => true,
        };
        self.state = if self.is_to_stop() {
            State::Stopped
        } else if restarts {
            self.back_off(outcome, ran, now)
        } else if outcome == Outcome::Success {
            State::Done
        } else {
            let why = self.remark.as_deref().unwrap_or("");
            tracing::error!(service = self.name, "failed, and is not started again: {why}");
            State::Failed
        };
    }

    fn back_off(&mut self, outcome: Outcome, ended: bool, now: Instant) -> State {
        // Having run well or for long, it starts from the first again. One that is never ready takes
        // long over failing.
        let long = self.was_ready && self.ran(now) >= self.config.restart_window;
        if outcome == Outcome::Success || long {
            self.failures = 0;
        } else if self.config.restart_limit.is_some_and(|limit| self.failures >= limit) {
            let restarts = self.failures;
            tracing::error!(
                service = self.name,
                restarts,
                "given up: {restarts} restarts in a row"
            );
            return State::Failed;
        }
        let factor = 2u32.saturating_pow(self.failures);
        let delay =
            self.config.restart_delay.saturating_mul(factor).min(self.config.restart_delay_max);
        self.failures += u32::from(outcome == Outcome::Failure);
        tracing::warn!(
            service = self.name,
            restart = self.failures,
            limit = self.config.restart_limit,
            "starts again in {} s",
            delay.as_secs_f64()
        );
        State::Backoff { until: now + delay, ended }
    }

    /// With which code the starter is to end, if this service is what it runs for.
    pub fn fatal(&self) -> Option<i32> {
        let exits = self.config.on_failure == OnFailure::Exit && self.state == State::Failed;
        // It can have ended with 0 and have failed: before it was ready, or since it was told to.
        (exits && self.is_wanted()).then_some(self.code.max(1))
    }
}
