//! All services together: who may start, and who must stop, given what runs.

mod command;
mod kernel;
mod reload;

pub use self::command::{Goal, Progress, UnknownService};
pub use self::kernel::{Kernel, SpawnError, Target};

use crate::config::Services;
use crate::service::{Outcome, Service, State};
use indexmap::IndexMap;
use signal::child::Exited;
use signal::Pid;
use std::collections::{HashMap, HashSet};
use std::time::Instant;

pub struct Supervisor<K> {
    pub kernel: K,
    services: IndexMap<String, Service>,
    /// Whose process is whose.
    processes: HashMap<Pid, String>,
}

impl<K: Kernel> Supervisor<K> {
    pub fn new(services: Services, kernel: K) -> Supervisor<K> {
        let services =
            services.into_iter().map(|(name, config)| (name.clone(), Service::new(&name, config)));
        Supervisor { kernel, services: services.collect(), processes: HashMap::new() }
    }

    pub fn services(&self) -> impl Iterator<Item = &Service> {
        self.services.values()
    }

    pub fn is_anything_alive(&self) -> bool {
        self.services.values().any(Service::is_alive)
    }

    /// Takes every step that is possible now: whatever has happened, this comes after it.
    pub fn step(&mut self, now: Instant) {
        let Supervisor { services, kernel, .. } = self;
        services.values_mut().for_each(|service| service.tick(kernel, now));
        while self.stop_some(now) | self.start_some(now) {}
        self.services.retain(|_, service| !(service.removed && service.state == State::Stopped));
    }

    /// When `step` has something to do, if nothing happens before.
    pub fn deadline(&self) -> Option<Instant> {
        self.services.values().filter_map(Service::deadline).min()
    }

    /// Whose process this is.
    pub fn name(&self, pid: Pid) -> Option<String> {
        self.processes.get(&pid).cloned()
    }

    /// A child has ended. `false`: it is none of the services.
    pub fn exited(&mut self, exited: &Exited, now: Instant) -> bool {
        let name = self.processes.remove(&exited.pid);
        let Some(service) = name.and_then(|name| self.services.get_mut(&name)) else {
            return false;
        };
        service.exited(exited, &mut self.kernel, now);
        true
    }

    /// A service says that it is ready.
    pub fn ready(&mut self, name: &str, now: Instant) {
        if let Some(service) = self.services.get_mut(name) {
            service.ready(now);
        }
    }

    /// A service says how it is.
    pub fn remark(&mut self, name: &str, remark: &str) {
        if let Some(service) = self.services.get_mut(name) {
            service.remark = Some(remark.to_owned());
        }
    }

    /// Ends everything at once.
    pub fn kill_all(&mut self) {
        let Supervisor { services, kernel, .. } = self;
        services.values_mut().for_each(|service| service.kill(kernel));
    }

    /// Whether anything has changed.
    fn start_some(&mut self, now: Instant) -> bool {
        let mut changed = false;
        // An add-on that waits in vain is as good as one that has failed.
        let optional = |name: &&str| {
            self.services[*name].config.optional && !self.services[*name].is_to_stop()
        };
        let given_up: HashSet<String> =
            self.blocked().into_iter().filter(optional).map(str::to_owned).collect();
        for index in 0..self.services.len() {
            let service = &self.services[index];
            let may_start = service.state == State::Stopped && !service.is_to_stop();
            // What does not exist cannot be waited for: a reload has checked that it is on its way
            // out.
            let satisfied = |name: &String| {
                given_up.contains(name) || self.services.get(name).is_none_or(Service::satisfies)
            };
            if may_start && service.config.requires.iter().all(satisfied) {
                let service = &mut self.services[index];
                service.start(&mut self.kernel, now);
                if let Some(pid) = service.pid() {
                    self.processes.insert(pid, service.name.clone());
                }
                changed = true;
            }
        }
        changed
    }

    /// Whether anything has changed.
    fn stop_some(&mut self, now: Instant) -> bool {
        let leaving =
            || self.services.values().filter(|service| service.is_to_stop() && service.is_alive());
        // Those that are required by what still has to stop itself.
        let mut needed: HashSet<String> =
            leaving().flat_map(|service| service.config.requires.clone()).collect();
        // A reload can have turned requirements round under what runs: then each waits for another,
        // and nobody is stopping.
        if leaving().all(|service| {
            needed.contains(&service.name) && !matches!(service.state, State::Stopping { .. })
        }) {
            needed.clear();
        }
        let mut changed = false;
        for service in self.services.values_mut().filter(|service| service.is_to_stop()) {
            match service.state {
                State::Stopping { .. } => {}
                State::Starting { .. } | State::Ready { .. } => {
                    if !needed.contains(&service.name) {
                        service.stop(&mut self.kernel, now, Outcome::Success);
                        changed = true;
                    }
                }
                State::Stopped => {
                    if let Some(next) = service.next.take() {
                        service.config = next;
                    }
                    changed |= std::mem::take(&mut service.again);
                }
                _ => {
                    service.state = State::Stopped;
                    changed = true;
                }
            }
        }
        changed
    }
}

#[cfg(test)]
mod tests;
