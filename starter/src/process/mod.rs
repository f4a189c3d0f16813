//! Services as processes: started, signalled, looked at.

mod cgroup;
mod explain;
mod launch;
mod prepare;

pub use self::prepare::{open_descriptors, Limits, NOTIFY_FD};

use self::cgroup::Cgroups;
use self::explain::{classify, explain};
use self::launch::Launcher;
use crate::config::{Ready, Service};
use crate::notify::{Message, Notifier};
use crate::output::Outputs;
use crate::ports::{self, Port};
use crate::ready;
use crate::supervisor::{Kernel, Probe, SpawnError, Target};
use polling::Poller;
use signal::{Pid, Signal};
use std::collections::HashMap;
use std::fs::File;
use std::io;
use std::os::fd::RawFd;
use std::path::PathBuf;
use std::sync::Arc;

pub struct Processes {
    /// Services share the starter's process group, as all did in 2001.
    pub shared_group: bool,
    pub outputs: Outputs,
    poller: Arc<Poller>,
    /// Where the sockets are on which services say that they are ready.
    notify_directory: PathBuf,
    next: usize,
    notifiers: HashMap<usize, (String, Notifier)>,
    /// By name, the number of its notifier.
    speakers: HashMap<String, usize>,
    /// What there was before a service was started.
    before: HashMap<String, Before>,
    running: HashMap<String, Pid>,
    cgroups: Option<Cgroups>,
    limits: Limits,
    /// Those that services may ask for.
    inherited: Vec<RawFd>,
    /// /dev/null, so that nothing else gets the number `NOTIFY_FD`, if it was free.
    placeholder: File,
    launcher: Launcher,
}

enum Before {
    /// The state of the file that it will make.
    File(ready::Stamp),
    /// Who held the port that it will take.
    Port(Port),
}

impl Processes {
    /// `placeholder` was opened before anything else.
    pub fn new(
        poller: &Arc<Poller>,
        notify_directory: PathBuf,
        shared_group: bool,
        limits: Limits,
        inherited: Vec<RawFd>,
        placeholder: File,
    ) -> Processes {
        Processes {
            shared_group,
            outputs: Outputs::new(poller),
            poller: Arc::clone(poller),
            notify_directory,
            next: 1,
            notifiers: HashMap::new(),
            speakers: HashMap::new(),
            before: HashMap::new(),
            running: HashMap::new(),
            cgroups: if shared_group { None } else { Cgroups::find() },
            limits,
            inherited,
            placeholder,
            launcher: Launcher::new(),
        }
    }

    /// What a service has said of itself.
    pub fn hear(&mut self, id: usize) -> Option<(String, Vec<Message>)> {
        let (name, notifier) = self.notifiers.get_mut(&id)?;
        Some((name.clone(), notifier.hear()))
    }

    /// What a service has said that is about to be reaped.
    pub fn hear_last(&mut self, name: &str) -> Vec<Message> {
        let notifier = self.speakers.get(name).and_then(|id| self.notifiers.get_mut(id));
        notifier.map(|(_, notifier)| notifier.hear_last()).unwrap_or_default()
    }

    fn spawn_with(
        &mut self,
        name: &str,
        service: &Service,
        words: &[String],
        main: bool,
    ) -> Result<Pid, SpawnError> {
        let mut steps =
            self.prepare(name, service, words, main).map_err(|error| self.own(&error))?;
        let owner = steps.owner();
        let output = self.outputs.connect(name, service);
        let (output, writer) = output.map_err(|error| self.own(&error))?;
        steps.output = writer;
        let mut notifier = None;
        let mut started = Ok(());
        if main && service.notifies() {
            let directory = &self.notify_directory;
            let command = &mut steps.command;
            let made = Notifier::new(&self.poller, self.next, directory, owner, command);
            match made {
                Ok(made) => {
                    steps.inside.notify = made.service_end();
                    notifier = Some(made);
                }
                Err(error) => started = Err(self.own(&error)),
            }
        }
        let child = started.and_then(|()| {
            let child = steps.start(&mut self.launcher, &self.placeholder);
            child.map_err(|error| explain(service, words, &error))
        });
        match child {
            Ok(pid) => {
                if let Some(mut notifier) = notifier {
                    notifier.started();
                    self.speakers.insert(name.to_owned(), self.next);
                    self.notifiers.insert(self.next, (name.to_owned(), notifier));
                    self.next += 1;
                }
                Ok(pid)
            }
            Err(error) => {
                output.into_iter().for_each(|id| self.outputs.disconnect(id));
                Err(error)
            }
        }
    }

    /// An error of the starter's own, not of the service.
    fn own(&self, error: &io::Error) -> SpawnError {
        let text = match error.raw_os_error() {
            Some(libc::EMFILE) => format!(
                "the starter has all {} descriptors in use that it may have: raise `ulimit -n`",
                self.limits.allowed()
            ),
            Some(libc::ENFILE) => "the system has no descriptors left (fs.file-max)".to_owned(),
            _ => error.to_string(),
        };
        classify(error, text)
    }
}

impl Kernel for Processes {
    fn spawn(&mut self, name: &str, service: &Service) -> Result<Pid, SpawnError> {
        let before = match &service.ready {
            Ready::File(file) => Some(Before::File(ready::stamp(file))),
            Ready::Port(port) => Some(Before::Port(ports::look(*port))),
            _ => None,
        };
        before.map(|before| self.before.insert(name.to_owned(), before));
        let started = self.spawn_with(name, service, &service.command, true);
        match started {
            Ok(pid) => drop(self.running.insert(name.to_owned(), pid)),
            Err(_) => self.ended(name),
        }
        started
    }

    fn run(
        &mut self,
        name: &str,
        service: &Service,
        command: &[String],
    ) -> Result<Pid, SpawnError> {
        self.spawn_with(name, service, command, false)
    }

    fn signal(&mut self, name: &str, target: Target, signal: Signal) -> bool {
        let rest = match (&self.cgroups, target) {
            (Some(cgroups), Target::Service(pid) | Target::LeftBy(pid)) => {
                cgroups.signal(name, pid, signal)
            }
            _ => None,
        };
        match (target, self.shared_group) {
            (Target::Service(pid), true) | (Target::Leader(pid), _) => {
                signal::kill(pid, signal).is_ok()
            }
            // Who belonged to it cannot be told.
            (Target::LeftBy(_), true) => false,
            (Target::Service(pid), false) | (Target::Group(pid), _) => {
                signal::kill_group(pid, signal).is_ok()
            }
            (Target::LeftBy(pid), false) => {
                let group = signal::kill_group(pid, signal).is_ok();
                // Zombies count in a group, not in a cgroup.
                rest.unwrap_or(group)
            }
        }
    }

    fn probe(&mut self, name: &str, service: &Service) -> Probe {
        match (&service.ready, self.before.get(name)) {
            (Ready::Port(port), before) => {
                let none = Port::default();
                let before = match before {
                    Some(Before::Port(before)) => before,
                    _ => &none,
                };
                ports::probe(*port, before, self.running.get(name).copied())
            }
            (Ready::File(file), Some(Before::File(before))) => {
                let there = *before != ready::stamp(file) && file.exists();
                if there {
                    Probe::Ready
                } else {
                    Probe::NotYet
                }
            }
            _ => Probe::NotYet,
        }
    }

    fn answers(&mut self, port: u16) -> bool {
        ready::is_listening(port)
    }

    fn ended(&mut self, name: &str) {
        if let Some(id) = self.speakers.remove(name) {
            self.notifiers.remove(&id);
        }
        self.before.remove(name);
        self.running.remove(name);
    }
}
