//! What a person asks for, and how far it has come.

use super::{Kernel, Supervisor};
use crate::config::Ready;
use crate::service::{Blocked, Service, State};
use indexmap::IndexSet;
use petgraph::Direction;
use signal::Signal;

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
        self.position(name).map(drop)
    }

    fn position(&self, name: &str) -> Result<usize, UnknownService> {
        // One that a reload has removed is only waited for.
        match self.services.get_full(name) {
            Some((index, _, service)) if !service.is_leaving() => Ok(index),
            _ => Err(UnknownService(name.to_owned())),
        }
    }

    fn names(&self, indices: &[usize]) -> Vec<String> {
        indices.iter().map(|index| self.services[*index].name().to_owned()).collect()
    }

    fn change(&mut self, indices: &[usize], change: impl Fn(&mut Service)) {
        for index in indices {
            change(&mut self.services[*index]);
            self.touch(*index);
        }
    }

    /// Starts a service and what it requires. Returns who that is.
    pub fn want(&mut self, name: &str) -> Result<Vec<String>, UnknownService> {
        let mut indices = self.links.closure(self.position(name)?, Direction::Outgoing);
        // What a reload has removed is required only until those that run have ended.
        indices.retain(|index| !self.services[*index].is_leaving());
        self.change(&indices, Service::want);
        Ok(self.names(&indices))
    }

    /// What is wanted brings what it requires.
    pub(super) fn want_required(&mut self) {
        let idle = |service: &Service| !service.is_wanted() && !service.is_leaving();
        for index in 0..self.services.len() {
            let service = &self.services[index];
            let needs_idle = |name: &String| self.services.get(name).is_some_and(idle);
            if service.is_wanted() && service.config().requires.iter().any(needs_idle) {
                let mut required = self.links.closure(index, Direction::Outgoing);
                required.retain(|index| idle(&self.services[*index]));
                self.change(&required, Service::want);
            }
        }
    }

    /// Stops a service and what requires it. Returns who that is.
    pub fn unwant(&mut self, name: &str) -> Result<Vec<String>, UnknownService> {
        let indices = self.links.closure(self.position(name)?, Direction::Incoming);
        self.change(&indices, Service::unwant);
        Ok(self.names(&indices))
    }

    pub fn unwant_all(&mut self) -> Vec<String> {
        let indices: Vec<usize> = (0..self.services.len()).collect();
        self.change(&indices, Service::unwant);
        self.names(&indices)
    }

    /// Stops a service and what requires it, and starts again what ran of these, after what it
    /// requires itself. Returns who of all these is not ready.
    pub fn restart(&mut self, name: &str) -> Result<Vec<String>, UnknownService> {
        let index = self.position(name)?;
        let mut indices = self.links.closure(index, Direction::Incoming);
        let runs = |service: &Service| service.is_wanted() && service.is_alive();
        indices.retain(|other| *other == index || runs(&self.services[*other]));
        self.change(&indices, Service::restart);
        let mut names: IndexSet<String> = self.names(&indices).into_iter().collect();
        let wanted = self.want(name)?.into_iter();
        names.extend(wanted.filter(|other| !self.services[other].satisfies()));
        Ok(names.into_iter().collect())
    }

    /// Sends a signal to a service that runs.
    pub fn signal(&mut self, name: &str, signal: Signal) -> Result<(), String> {
        let index = self.position(name).map_err(|error| error.to_string())?;
        if self.services[index].signal(&mut self.kernel, signal) {
            Ok(())
        } else {
            Err(format!("`{name}` does not run"))
        }
    }

    /// How far a service has come.
    pub fn progress(&self, name: &str, goal: Goal) -> Progress {
        // One that a reload has removed meanwhile has stopped.
        match (self.services.get_full(name), goal) {
            (None, Goal::Stopped) => Progress::Reached,
            (None, Goal::Running) => Progress::Missed(format!("`{name}` has been removed")),
            (Some((_, _, service)), Goal::Stopped) => stopping(service),
            (Some((index, _, service)), Goal::Running) => self.starting(index, service),
        }
    }

    fn starting(&self, index: usize, service: &Service) -> Progress {
        let name = service.name();
        let why = service.remark().unwrap_or("unknown why");
        match service.state() {
            _ if !service.is_wanted() => {
                Progress::Missed(format!("`{name}` has been stopped meanwhile"))
            }
            _ if service.has_settled() => Progress::Reached,
            State::Failed | State::Absent => {
                Progress::Missed(format!("`{name}` has failed: {why}"))
            }
            State::Backoff { ended: true, .. } => Progress::Missed(format!(
                "`{name}` has ended before it was {}: {why}; it is tried again",
                if service.config().ready == Ready::Started { "settled" } else { "ready" }
            )),
            State::Stopped if service.blocked() != Blocked::No => {
                Progress::Missed(format!("`{name}` requires {}", self.culprit(index)))
            }
            _ => Progress::Pending,
        }
    }

    /// Which service blocks this one, and why.
    fn culprit(&self, index: usize) -> String {
        let for_good = self.services[index].blocked() == Blocked::ForGood;
        let blocks = |service: &&Service| match for_good {
            true => service.has_failed() && !service.config().optional,
            false => service.has_ended(),
        };
        let required = self.links.closure(index, Direction::Outgoing);
        let culprit = required.into_iter().map(|index| &self.services[index]).find(blocks);
        let name = culprit.map_or("another", Service::name);
        let why = culprit.and_then(Service::remark).unwrap_or("unknown why");
        if for_good {
            format!("`{name}`, which has failed")
        } else {
            format!("`{name}`, which has ended: {why}; it is tried again")
        }
    }
}

fn stopping(service: &Service) -> Progress {
    if service.is_wanted() {
        Progress::Missed(format!("`{}` has been started again meanwhile", service.name()))
    } else if service.is_alive() {
        Progress::Pending
    } else {
        Progress::Reached
    }
}
