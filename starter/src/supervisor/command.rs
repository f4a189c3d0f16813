//! What a person asks for, and how far it has come.

use super::{Kernel, Supervisor};
use crate::service::{Service, State};
use std::collections::HashSet;

#[derive(Debug, PartialEq, thiserror::Error)]
#[error("there is no service `{0}`")]
pub struct UnknownService(pub String);

/// What somebody waits for.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Goal {
    Running,
    Stopped,
}

#[derive(Debug, PartialEq)]
pub enum Progress {
    Pending,
    Reached,
    /// It will not come to it.
    Missed(String),
}

impl<K: Kernel> Supervisor<K> {
    pub fn check(&self, name: &str) -> Result<(), UnknownService> {
        // One that a reload has removed is only waited for.
        if self.services.get(name).is_some_and(|service| !service.removed) {
            Ok(())
        } else {
            Err(UnknownService(name.to_owned()))
        }
    }

    /// Starts a service and what it requires. Returns who that is.
    pub fn want(&mut self, name: &str) -> Result<Vec<String>, UnknownService> {
        self.check(name)?;
        let names = self.required(name);
        for name in &names {
            let service = &mut self.services[name.as_str()];
            service.wanted = true;
            service.failures = 0;
            match service.state {
                State::Backoff { .. } | State::Done | State::Failed | State::Absent => {
                    service.state = State::Stopped;
                }
                // It has been told to stop already: it must end first.
                State::Stopping { .. } => service.again = true,
                _ => {}
            }
        }
        Ok(names)
    }

    /// Stops a service and what requires it. Returns who that is.
    pub fn unwant(&mut self, name: &str) -> Result<Vec<String>, UnknownService> {
        let names = self.closure(name, Supervisor::dependents)?;
        for name in &names {
            let service = &mut self.services[name.as_str()];
            service.wanted = false;
            service.again = false;
        }
        Ok(names)
    }

    pub fn unwant_all(&mut self) -> Vec<String> {
        for service in self.services.values_mut() {
            service.wanted = false;
            service.again = false;
        }
        self.services.keys().cloned().collect()
    }

    /// Stops a service and what requires it, and starts again what ran of these. Returns who that
    /// is.
    pub fn restart(&mut self, name: &str) -> Result<Vec<String>, UnknownService> {
        let mut names = self.closure(name, Supervisor::dependents)?;
        let runs = |service: &Service| service.wanted && service.is_alive();
        names.retain(|other| other == name || runs(&self.services[other.as_str()]));
        for name in &names {
            let service = &mut self.services[name.as_str()];
            service.again = service.is_alive();
        }
        self.want(name)?;
        Ok(names)
    }

    /// How far services have come.
    pub fn progress(&self, names: &[String], goal: Goal) -> Progress {
        let mut pending = false;
        for name in names {
            // One that a reload has removed meanwhile has stopped.
            let progress = match (self.services.get(name), goal) {
                (None, Goal::Stopped) => Progress::Reached,
                (None, Goal::Running) => Progress::Missed(format!("`{name}` has been removed")),
                (Some(service), Goal::Stopped) => stopping(service),
                (Some(service), Goal::Running) => self.starting(service),
            };
            match progress {
                Progress::Reached => {}
                Progress::Pending => pending = true,
                missed @ Progress::Missed(_) => return missed,
            }
        }
        if pending {
            Progress::Pending
        } else {
            Progress::Reached
        }
    }

    fn starting(&self, service: &Service) -> Progress {
        let name = &service.name;
        match service.state {
            _ if !service.wanted => {
                Progress::Missed(format!("`{name}` has been stopped meanwhile"))
            }
            _ if service.satisfies() => Progress::Reached,
            State::Failed | State::Absent => Progress::Missed(format!(
                "`{name}` has failed: {}",
                service.remark.as_deref().unwrap_or("unknown why")
            )),
            State::Stopped if self.blocked().contains(name.as_str()) => {
                let failed = |name: &String| {
                    self.services[name].has_failed() && !self.services[name].config.optional
                };
                let failed = self.required(name).into_iter().find(failed).unwrap_or_default();
                Progress::Missed(format!("`{name}` requires `{failed}`, which has failed"))
            }
            _ => Progress::Pending,
        }
    }

    /// Who waits for what will not come: something has failed, and nobody starts that again
    /// unasked.
    pub(super) fn blocked(&self) -> HashSet<&str> {
        let mut blocked = HashSet::new();
        loop {
            let before = blocked.len();
            for service in self.services.values().filter(|service| service.state == State::Stopped)
            {
                let mut required =
                    service.config.requires.iter().filter_map(|name| self.services.get(name));
                if required.any(|required| {
                    let waits = blocked.contains(required.name.as_str());
                    !required.config.optional && (required.has_failed() || waits)
                }) {
                    blocked.insert(service.name.as_str());
                }
            }
            if blocked.len() == before {
                return blocked;
            }
        }
    }

    fn required(&self, name: &str) -> Vec<String> {
        let requires =
            |services: &Supervisor<K>, name: &str| services.services[name].config.requires.clone();
        self.closure(name, requires).unwrap_or_default()
    }

    /// A service and all that `next` leads to from it.
    fn closure(
        &self,
        name: &str,
        next: impl Fn(&Supervisor<K>, &str) -> Vec<String>,
    ) -> Result<Vec<String>, UnknownService> {
        self.check(name)?;
        let mut names = vec![name.to_owned()];
        let mut done = 0;
        while let Some(name) = names.get(done) {
            for found in next(self, name) {
                if self.services.contains_key(&found) && !names.contains(&found) {
                    names.push(found);
                }
            }
            done += 1;
        }
        Ok(names)
    }

    fn dependents(&self, name: &str) -> Vec<String> {
        let requires =
            |service: &&Service| service.config.requires.iter().any(|required| required == name);
        self.services.values().filter(requires).map(|service| service.name.clone()).collect()
    }
}

fn stopping(service: &Service) -> Progress {
    if service.wanted {
        Progress::Missed(format!("`{}` has been started again meanwhile", service.name))
    } else if service.is_alive() {
        Progress::Pending
    } else {
        Progress::Reached
    }
}
