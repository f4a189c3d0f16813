//! Whether a service that is ready still does its work.

use super::{Activity, Outcome, Service, State};
use crate::config::Test;
use crate::supervisor::{Kernel, Target};
use signal::SIGKILL;
use std::time::Instant;

impl Service {
    /// What is due while it is ready.
    pub(super) fn look_after(&mut self, kernel: &mut impl Kernel, now: Instant) {
        let due = |at: Option<Instant>| at.is_some_and(|at| at <= now);
        if due(self.timers.watchdog) {
            self.timers.watchdog = None;
            let limit = self.config.watchdog.unwrap_or_default().as_secs_f64();
            self.sick(&format!("has not said WATCHDOG=1 for {limit} s"), kernel, now);
        } else if due(self.timers.check) {
            self.end_check(kernel);
            self.checked(false, kernel, now);
        } else if due(self.timers.health) {
            self.timers.health = None;
            self.examine(kernel, now);
        }
    }

    fn examine(&mut self, kernel: &mut impl Kernel, now: Instant) {
        let Some(health) = &self.config.health else { return };
        match &health.test {
            Test::Port(port) => {
                let answers = kernel.answers(*port);
                self.checked(answers, kernel, now);
            }
            Test::Exec(command) => match kernel.run(&self.name, &self.config, command) {
                Ok(pid) => {
                    self.check = Some(pid);
                    self.timers.check = Some(now + health.every);
                }
                Err(error) => {
                    tracing::warn!(service = self.name, "health: {error}");
                    self.timers.health = Some(now + health.every);
                }
            },
        }
    }

    /// A check has come to an end.
    pub(super) fn checked(&mut self, passed: bool, kernel: &mut impl Kernel, now: Instant) {
        self.timers.check = None;
        if let State::Starting { .. } = self.state {
            return self.asked(passed, now);
        }
        let (State::Ready { .. }, Some(health)) = (self.state, &self.config.health) else { return };
        self.timers.health = Some(now + health.every);
        let failures = health.failures;
        if passed {
            self.unhealthy = 0;
            return;
        }
        self.unhealthy += 1;
        tracing::warn!(
            service = self.name,
            "health check failed, {} of {failures}",
            self.unhealthy
        );
        if self.unhealthy >= failures {
            self.sick(&format!("has failed {failures} health checks"), kernel, now);
        }
    }

    fn sick(&mut self, why: &str, kernel: &mut impl Kernel, now: Instant) {
        if self.activity == Some(Activity::Stopping) {
            return;
        }
        self.give_up(why, kernel, now);
    }

    /// It is told to stop, and that counts as a failure.
    pub(super) fn give_up(&mut self, why: &str, kernel: &mut impl Kernel, now: Instant) {
        tracing::error!(service = self.name, "{why}");
        self.remark = Some(why.to_owned());
        self.stop(kernel, now, Outcome::Failure);
    }

    pub(super) fn end_check(&mut self, kernel: &mut impl Kernel) {
        self.timers.check = None;
        if let Some(pid) = self.check.take() {
            kernel.signal(&self.name, Target::Group(pid), SIGKILL);
        }
    }

    /// It says that it lives, or that it does not.
    pub fn alive(&mut self, lives: bool, kernel: &mut impl Kernel, now: Instant) {
        if let State::Ready { .. } = self.state {
            if lives {
                self.timers.watchdog = self.config.watchdog.map(|time| now + time);
            } else {
                self.sick("says that it is stuck (WATCHDOG=trigger)", kernel, now);
            }
        }
    }

    pub fn says(&mut self, activity: Activity) {
        self.activity = Some(activity);
    }

    pub fn set_remark(&mut self, remark: &str) {
        self.remark = Some(remark.to_owned());
    }
}
