//! A new configuration for services that run: only what changed restarts.

use super::{Kernel, Supervisor};
use crate::config::{self, Restart, Services};
use crate::service::{Service, State};

impl<K: Kernel> Supervisor<K> {
    pub fn reload(&mut self, services: Services) {
        let mut old = std::mem::take(&mut self.services);
        for (name, config) in services {
            let service = match old.shift_remove(&name) {
                Some(mut service) => {
                    change(&mut service, config);
                    service
                }
                None => {
                    tracing::info!(service = name, "added");
                    Service::new(&name, config)
                }
            };
            self.services.insert(name, service);
        }
        for (name, mut service) in old {
            tracing::info!(service = name, "removed");
            (service.wanted, service.again, service.removed) = (false, false, true);
            self.services.insert(name, service);
        }
    }
}

fn change(service: &mut Service, config: config::Service) {
    let current = service.next.as_ref().unwrap_or(&service.config);
    let restarts = needs_restart(current, &config);
    // One that was on its way out has come back.
    if std::mem::take(&mut service.removed) {
        service.wanted = true;
        service.again = service.is_alive();
    }
    if *current == config {
        return;
    }
    tracing::info!(service = service.name, "changed");
    if service.is_alive() && (restarts || service.next.is_some()) {
        service.again |= service.wanted;
        service.next = Some(config);
    } else {
        service.config = config;
        service.failures = 0;
        // What has done its work does it again only if that has changed.
        let done = service.state == State::Done && service.config.restart != Restart::Always;
        if !service.is_alive() && (restarts || !done) {
            service.state = State::Stopped;
        }
    }
}

/// The rest is about how the starter looks after it: that changes while it runs.
fn needs_restart(old: &config::Service, new: &config::Service) -> bool {
    let process = |service: &config::Service| {
        let config::Service { command, environment, directory, user, ready, .. } = service.clone();
        (command, environment, directory, user, ready)
    };
    process(old) != process(new)
}
