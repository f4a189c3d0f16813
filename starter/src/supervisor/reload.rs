//! A new configuration for services that run: only what changed restarts.

use super::{Kernel, Supervisor};
use crate::config::Services;
use crate::service::{Change, Service};
use serde::{Deserialize, Serialize};

/// What a new configuration means, by names.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Changes {
    pub added: Vec<String>,
    pub removed: Vec<String>,
    /// These run, and start again.
    pub restarted: Vec<String>,
    /// These go on as they are, and are looked after in another way.
    pub changed: Vec<String>,
}

impl<K: Kernel> Supervisor<K> {
    pub fn reload(&mut self, services: Services) -> Changes {
        let mut changes = Changes::default();
        let mut old = std::mem::take(&mut self.services);
        for (name, config) in services {
            let service = match old.swap_remove(&name) {
                Some(mut service) => {
                    match service.change(&config) {
                        Change::None => {}
                        Change::Restart => changes.restarted.push(name.clone()),
                        Change::Supervision => changes.changed.push(name.clone()),
                    }
                    service.reconfigure(config);
                    service
                }
                None => {
                    changes.added.push(name.clone());
                    Service::new(&name, config)
                }
            };
            self.services.insert(name, service);
        }
        old.sort_keys();
        for (name, mut service) in old {
            if !service.is_leaving() {
                changes.removed.push(name.clone());
            }
            service.leave();
            self.services.insert(name, service);
        }
        // Whoever waits for one of them may have the answer by now.
        self.changed.extend(self.services.keys().cloned());
        self.relink();
        for (what, names) in [
            ("added", &changes.added),
            ("removed", &changes.removed),
            ("restarted", &changes.restarted),
            ("changed", &changes.changed),
        ] {
            names.iter().for_each(|name| tracing::info!(service = name, "{what}"));
        }
        changes
    }
}
