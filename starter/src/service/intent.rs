//! What a service is meant to do, and how that changes.

use super::{Blocked, Intent, Service, State};
use crate::config::{self, Restart};

impl Service {
    pub fn is_wanted(&self) -> bool {
        matches!(self.intent, Intent::Run | Intent::Restart)
    }

    pub fn is_to_stop(&self) -> bool {
        self.intent != Intent::Run
    }

    /// Whether it is on its way out of the configuration.
    pub fn is_leaving(&self) -> bool {
        self.intent == Intent::Leave
    }

    /// Whether there is nothing left of it, and it can be forgotten.
    pub fn has_left(&self) -> bool {
        self.is_leaving() && self.state == State::Stopped
    }

    pub fn want(&mut self) {
        self.failures = 0;
        // What it requires is wanted too, and tried again.
        self.blocked = Blocked::No;
        match self.state {
            State::Backoff { .. } | State::Done | State::Failed | State::Absent => {
                self.state = State::Stopped;
            }
            // It has been told to stop already: it must end first.
            State::Stopping { .. } | State::Finishing { .. } => self.intent = Intent::Restart,
            _ => {}
        }
        if self.intent != Intent::Restart {
            self.run();
        }
    }

    /// To run, with the configuration that is to come: that is taken over between two runs.
    fn run(&mut self) {
        self.intent = if self.next.is_some() { Intent::Restart } else { Intent::Run };
    }

    pub fn unwant(&mut self) {
        if self.intent != Intent::Leave {
            self.intent = Intent::Stop;
        }
    }

    /// To stop and to start again, if it runs.
    pub fn restart(&mut self) {
        self.run();
        if self.is_alive() {
            self.intent = Intent::Restart;
        }
    }

    /// To stop and to be forgotten.
    pub fn leave(&mut self) {
        self.intent = Intent::Leave;
    }

    /// It is to stop and has not been running, or does not any more: what comes then. Returns
    /// whether the requirements have changed.
    pub fn rest(&mut self) -> bool {
        self.state = State::Stopped;
        if self.intent == Intent::Restart {
            self.intent = Intent::Run;
        }
        self.next.take().is_some_and(|next| self.replace(*next))
    }

    fn replace(&mut self, config: config::Service) -> bool {
        let needs = |config: &config::Service| (config.requires.clone(), config.after.clone());
        let changed = needs(&self.config) != needs(&config);
        let examine = self.config.health != config.health && self.check.is_none();
        self.config = config;
        if let (State::Ready { .. }, true) = (self.state, examine) {
            // At once, and from then on as often as it says.
            self.timers.health = self.config.health.as_ref().and(self.started);
        }
        changed
    }

    /// What a new configuration would do to it.
    pub fn change(&self, config: &config::Service) -> Change {
        let current = self.next.as_deref().unwrap_or(&self.config);
        if current == config {
            Change::None
        } else if self.is_alive() && (self.next.is_some() || needs_restart(current, config)) {
            Change::Restart
        } else {
            Change::Supervision
        }
    }

    /// A new configuration.
    pub fn reconfigure(&mut self, config: config::Service) {
        let change = self.change(&config);
        let current = self.next.as_deref().unwrap_or(&self.config);
        let restarts = needs_restart(current, &config);
        if config.autostart && !current.autostart && self.intent == Intent::Stop {
            self.want();
        }
        if self.is_leaving() {
            // It has come back.
            self.intent = Intent::Run;
            self.restart();
        }
        match change {
            Change::None => {}
            Change::Restart => {
                if self.intent == Intent::Run {
                    self.intent = Intent::Restart;
                }
                self.next = Some(Box::new(config));
            }
            Change::Supervision => {
                self.next = None;
                self.replace(config);
                self.failures = 0;
                // What has done its work does it again only if that has changed.
                let done = self.state == State::Done && self.config.restart != Restart::Always;
                if !self.is_alive() && (restarts || !done) {
                    self.state = State::Stopped;
                }
            }
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Change {
    None,
    /// Taken over as it runs, or by the next start.
    Supervision,
    /// It runs, and must start again.
    Restart,
}

/// The rest is about how the starter looks after it: that changes while it runs.
fn needs_restart(old: &config::Service, new: &config::Service) -> bool {
    let process = |service: &config::Service| config::Service {
        requires: Vec::new(),
        after: Vec::new(),
        optional: false,
        autostart: true,
        before_start: Vec::new(),
        after_stop: Vec::new(),
        health: None,
        restart: Restart::default(),
        restart_delay: Default::default(),
        restart_delay_max: Default::default(),
        restart_limit: None,
        restart_window: Default::default(),
        on_failure: Default::default(),
        ready_timeout: Default::default(),
        stop_signal: signal::SIGTERM,
        stop_signal_to: Default::default(),
        stop_timeout: Default::default(),
        ..service.clone()
    };
    process(old) != process(new)
}
