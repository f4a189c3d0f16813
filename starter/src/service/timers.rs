//! What happens to a service because time passes.

use super::{Outcome, Service, State, PROBE};
use crate::supervisor::{Kernel, Target};
use signal::{SIGCONT, SIGKILL};
use std::time::Instant;

impl Service {
    /// What is due by now.
    pub fn tick(&mut self, kernel: &mut impl Kernel, now: Instant) {
        let due = |at: Option<Instant>| at.is_some_and(|at| at <= now);
        match self.state {
            State::Backoff { until } if until <= now => self.state = State::Stopped,
            State::Starting { .. } if due(self.probe_at) => {
                self.probe_at = Some(now + PROBE);
                if kernel.is_ready(&self.name, &self.config) {
                    self.ready(now);
                }
            }
            State::Stopping { pid, leader: false, outcome, .. } if due(self.probe_at) => {
                self.probe_at = Some(now + PROBE);
                if !kernel.signal(Target::LeftBy(pid), SIGCONT) {
                    self.conclude(outcome, now);
                }
            }
            _ => {}
        }
        match self.state {
            State::Starting { pid } if due(self.ready_by) => {
                let limit = self.config.ready_timeout.as_secs_f64();
                tracing::error!(
                    service = self.name,
                    pid = pid.as_raw(),
                    "not ready after {limit} s"
                );
                self.stop(kernel, now, Outcome::Failure);
            }
            State::Stopping { pid, leader, kill_at, outcome } if due(kill_at) => {
                let limit = self.config.stop_timeout.as_secs_f64();
                tracing::warn!(
                    service = self.name,
                    pid = pid.as_raw(),
                    "still running after {limit} s: killed"
                );
                if leader {
                    kernel.signal(Target::Service(pid), SIGKILL);
                    self.state = State::Stopping { pid, leader, kill_at: None, outcome };
                } else {
                    kernel.signal(Target::LeftBy(pid), SIGKILL);
                    self.conclude(outcome, now);
                }
            }
            _ => {}
        }
    }

    /// When `tick` has something to do next.
    pub fn deadline(&self) -> Option<Instant> {
        let own = match self.state {
            State::Backoff { until } => Some(until),
            State::Stopping { kill_at, .. } => kill_at,
            _ => None,
        };
        own.into_iter().chain(self.probe_at).chain(self.ready_by).min()
    }
}
