//! All services together: who may start, and who must stop, given what runs.
//!
//! Whenever something about a service has changed, it and its neighbours are looked at anew
//! (`touch`, `consider`): the cost of an event does not depend on how many services there are.

mod agenda;
mod command;
mod kernel;
mod links;
mod reload;

pub use self::command::{Goal, Progress, UnknownService};
pub use self::kernel::{Kernel, Probe, SpawnError, Target};
pub use self::reload::Changes;

use self::agenda::Agenda;
use self::links::{Links, Need};
use crate::config::Services;
use crate::service::{Blocked, Outcome, Service, State};
use indexmap::IndexMap;
use signal::child::Exited;
use signal::Pid;
use std::collections::HashMap;
use std::time::Instant;

/// How many services are started before anything else is looked at.
const AT_ONCE: usize = 32;

pub struct Supervisor<K> {
    pub kernel: K,
    services: IndexMap<String, Service>,
    links: Links,
    agenda: Agenda,
    /// Whose process is whose.
    processes: HashMap<Pid, String>,
    /// Services about which something has changed, for whoever waits for them.
    changed: Vec<String>,
    /// The exit code, if a service has failed without which there is nothing to do.
    fatal: Option<i32>,
}

impl<K: Kernel> Supervisor<K> {
    pub fn new(services: Services, kernel: K) -> Supervisor<K> {
        let services: IndexMap<_, _> = services
            .into_iter()
            .map(|(name, config)| (name.clone(), Service::new(&name, config)))
            .collect();
        let mut supervisor = Supervisor {
            kernel,
            links: Links::new(&services),
            services,
            agenda: Agenda::default(),
            processes: HashMap::new(),
            changed: Vec::new(),
            fatal: None,
        };
        supervisor.relink();
        supervisor
    }

    pub fn services(&self) -> impl Iterator<Item = &Service> {
        self.services.values()
    }

    pub fn service(&self, name: &str) -> Option<&Service> {
        self.services.get(name)
    }

    pub fn is_anything_alive(&self) -> bool {
        self.services.values().any(Service::is_alive)
    }

    pub fn fatal(&self) -> Option<i32> {
        self.fatal
    }

    /// About whom something has changed since this was last asked.
    pub fn take_changed(&mut self) -> Vec<String> {
        std::mem::take(&mut self.changed)
    }

    /// Takes the steps that are possible now: whatever has happened, this comes after it. `true`:
    /// there are more, which can wait until other things have been looked at.
    pub fn step(&mut self, now: Instant) -> bool {
        for index in self.agenda.due(now) {
            // That it has ended is told first, even if there is no delay.
            if self.services[index].has_ended() && self.agenda.has(index) {
                continue;
            }
            self.services[index].tick(&mut self.kernel, now);
            self.touch(index);
        }
        let mut starts = 0;
        let (mut gone, mut relink) = (Vec::new(), false);
        while starts < AT_ONCE {
            let Some(index) = self.agenda.pop() else { break };
            if self.services[index].has_left() {
                gone.push(self.services[index].name().to_owned());
                continue;
            }
            if self.consider(index, now, &mut starts) {
                // What starts next may require something else by now.
                relink = true;
                break;
            }
        }
        if self.links.cyclic && self.agenda.is_empty() {
            self.break_circle(now);
        }
        gone.iter().for_each(|name| drop(self.services.shift_remove(name)));
        if relink || !gone.is_empty() {
            self.changed.extend(gone);
            self.relink();
        }
        !self.agenda.is_empty()
    }

    /// When `step` has something to do, if nothing happens before.
    pub fn deadline(&self) -> Option<Instant> {
        self.agenda.deadline()
    }

    /// Whose process this is.
    pub fn name(&self, pid: Pid) -> Option<String> {
        self.processes.get(&pid).cloned()
    }

    /// A child has ended. `false`: it is none of the services.
    pub fn exited(&mut self, exited: &Exited, now: Instant) -> bool {
        let Some(name) = self.processes.remove(&exited.pid) else { return false };
        self.with(&name, |service, kernel| service.exited(exited, kernel, now));
        true
    }

    /// Something has happened to a service that it must know of.
    pub fn with<T>(
        &mut self,
        name: &str,
        event: impl FnOnce(&mut Service, &mut K) -> T,
    ) -> Option<T> {
        let (index, _, service) = self.services.get_full_mut(name)?;
        let result = event(service, &mut self.kernel);
        self.touch(index);
        Some(result)
    }

    /// Ends everything at once.
    pub fn kill_all(&mut self) {
        for index in 0..self.services.len() {
            self.services[index].kill(&mut self.kernel);
            self.touch(index);
        }
    }

    /// After a change of names or requirements.
    fn relink(&mut self) {
        self.links = Links::new(&self.services);
        for service in self.services.values_mut() {
            service.set_blocked(Blocked::No);
        }
        let services = &self.services;
        self.agenda = Agenda::new(services.len(), |index| services[index].deadline());
        self.want_required();
    }

    /// Something has changed about a service.
    fn touch(&mut self, index: usize) {
        let service = &self.services[index];
        for pid in service.pid().into_iter().chain(service.check()) {
            self.processes.entry(pid).or_insert_with(|| service.name().to_owned());
        }
        self.fatal = self.fatal.or(service.fatal());
        self.changed.push(service.name().to_owned());
        self.agenda.schedule(index, service.deadline());
        self.agenda.push(index);
        for (neighbour, _) in self.links.needs(index).chain(self.links.needed_by(index)) {
            self.agenda.push(neighbour);
        }
    }

    /// Takes the step of one service that is possible now. `true`: its requirements have changed.
    fn consider(&mut self, index: usize, now: Instant, starts: &mut usize) -> bool {
        let stopped = self.services[index].state() == State::Stopped;
        let needs = self.links.needs(index).filter(|_| stopped);
        let blocked = needs.map(|need| self.blocks(need)).max().unwrap_or_default();
        if self.services[index].set_blocked(blocked) {
            self.touch(index);
        }
        let service = &self.services[index];
        if service.is_to_stop() {
            return self.consider_stop(index, now);
        }
        if stopped && self.links.needs(index).all(|need| self.is_met(need)) {
            *starts += 1;
            self.services[index].start(&mut self.kernel, now);
            self.touch(index);
        }
        false
    }

    /// Whether what waits for this one does so in vain.
    fn blocks(&self, (other, need): (usize, Need)) -> Blocked {
        let other = &self.services[other];
        let for_good = other.has_failed() || other.blocked() == Blocked::ForGood;
        let for_now = other.has_ended() || other.blocked() == Blocked::ForNow;
        match need {
            Need::Hard if for_good && !other.config().optional => Blocked::ForGood,
            Need::Hard if for_now => Blocked::ForNow,
            _ => Blocked::No,
        }
    }

    fn is_met(&self, (other, need): (usize, Need)) -> bool {
        match need {
            Need::Hard => self.services[other].satisfies(),
            Need::Soft => !self.services[other].is_on_its_way(),
        }
    }

    fn consider_stop(&mut self, index: usize, now: Instant) -> bool {
        match self.services[index].state() {
            State::Stopping { .. } | State::Finishing { .. } => false,
            State::Preparing { .. } | State::Starting { .. } | State::Ready { .. } => {
                // What waits for it and has to stop itself comes first.
                let comes_first = |(other, _): (usize, Need)| {
                    self.services[other].is_to_stop() && self.services[other].is_alive()
                };
                if !self.links.needed_by(index).any(comes_first) {
                    self.services[index].stop(&mut self.kernel, now, Outcome::Success);
                    self.touch(index);
                }
                false
            }
            state => {
                let before = self.services[index].is_to_stop();
                let relink = self.services[index].rest();
                if state != State::Stopped || before != self.services[index].is_to_stop() {
                    self.touch(index);
                }
                relink
            }
        }
    }

    /// If each that has to stop waits for another, and nobody is stopping, all are told to.
    fn break_circle(&mut self, now: Instant) {
        let leaving: Vec<usize> = (0..self.services.len())
            .filter(|index| self.services[*index].is_to_stop() && self.services[*index].is_alive())
            .collect();
        let stopping = |index: &usize| {
            matches!(
                self.services[*index].state(),
                State::Stopping { .. } | State::Finishing { .. }
            )
        };
        if !leaving.iter().any(stopping) {
            for index in leaving {
                self.services[index].stop(&mut self.kernel, now, Outcome::Success);
                self.touch(index);
            }
        }
    }
}

#[cfg(test)]
mod tests;
