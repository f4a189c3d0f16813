//! Reads the configuration again while services run. Files and users can be on machines that do not
//! answer: it happens in a thread, which the loop does not wait for.

use crate::accounts;
use crate::config::{self, Services};
use crate::log;
use polling::Poller;
use std::path::PathBuf;
use std::sync::mpsc::{self, Receiver, Sender};
use std::sync::Arc;

/// The services, or all that is wrong.
pub type Loaded = Result<Services, String>;

pub struct Loader {
    config: PathBuf,
    poller: Arc<Poller>,
    sender: Sender<Loaded>,
    receiver: Receiver<Loaded>,
    state: State,
}

#[derive(PartialEq)]
enum State {
    Idle,
    Loading,
    /// The files may have changed since it has begun.
    LoadingAndAgain,
}

pub fn load(config: &std::path::Path) -> Result<Services, config::Problems> {
    let mut services = config::load(config)?;
    accounts::look_up(&mut services);
    Ok(services)
}

impl Loader {
    pub fn new(config: PathBuf, poller: &Arc<Poller>) -> Loader {
        let (sender, receiver) = mpsc::channel();
        Loader { config, poller: Arc::clone(poller), sender, receiver, state: State::Idle }
    }

    /// Begins. The loop is woken when it is done.
    pub fn begin(&mut self) {
        if self.state != State::Idle {
            self.state = State::LoadingAndAgain;
            return;
        }
        let (config, sender) = (self.config.clone(), self.sender.clone());
        let poller = Arc::clone(&self.poller);
        let work = move || {
            let loaded = load(&config).map_err(|problems| problems.to_string());
            // Nobody is there any more: the starter ends.
            let _ = sender.send(loaded);
            let _ = poller.notify();
        };
        match log::spawn_quiet(work) {
            Ok(()) => self.state = State::Loading,
            Err(error) => drop(self.sender.send(Err(format!("a thread to read it: {error}")))),
        }
    }

    /// What has been read, once it has.
    pub fn take(&mut self) -> Option<Loaded> {
        let loaded = self.receiver.try_recv().ok()?;
        if std::mem::replace(&mut self.state, State::Idle) == State::LoadingAndAgain {
            self.begin();
            // It may have failed at once, and nobody would be woken for that.
            return self.take();
        }
        Some(loaded)
    }
}
