//! The loop: signals, requests and words of services come in; one place waits for all of them.

mod requests;
mod status;

use crate::control::Server;
use crate::loader::Loader;
use crate::log;
use crate::notify::Message;
use crate::output::Heard;
use crate::process::Processes;
use crate::report;
use crate::service::Activity;
use crate::supervisor::{Changes, Supervisor};
use crate::watched::{Source, Watched};
use polling::{Events, Poller};
use signal::{child, SelfPipe, Signal, SIGCHLD, SIGHUP, SIGUSR1, SIGUSR2};
use std::io::{self, ErrorKind};
use std::sync::Arc;
use std::time::{Duration, Instant};

pub struct EventLoop {
    pub poller: Arc<Poller>,
    pub signals: Watched<SelfPipe>,
    pub server: Server,
    pub supervisor: Supervisor<Processes>,
    pub loader: Loader,
    /// How often somebody has asked for the end.
    pub ends: u32,
}

impl EventLoop {
    /// Until somebody has asked for the end and nothing runs any more. Returns the exit code.
    pub fn run(&mut self) -> io::Result<i32> {
        let mut events = Events::new();
        loop {
            let now = Instant::now();
            if let Some(code) = self.supervisor.fatal().filter(|_| self.ends == 0) {
                self.end(&format!("a service has failed that ends the starter, with {code}"));
            }
            let mut more = self.supervisor.step(now);
            self.supervisor.kernel.outputs.step(now);
            more |= self.tell(now);
            if self.ends > 0 && !self.supervisor.is_anything_alive() {
                return Ok(self.supervisor.fatal().unwrap_or(0));
            }
            self.wait(&mut events, more)?;
            for event in events.iter() {
                self.handle(Source::from_key(event.key), event.writable);
            }
            if let Some(loaded) = self.loader.take() {
                self.reload(loaded, Instant::now());
            }
        }
    }

    /// Tells those who wait. `true`: they have asked for more.
    fn tell(&mut self, now: Instant) -> bool {
        let changed = self.supervisor.take_changed();
        for name in &changed {
            if self.supervisor.service(name).is_none() {
                self.supervisor.kernel.outputs.forget(name);
                self.server.forget(name, now);
            }
        }
        let supervisor = &self.supervisor;
        let progress = |name: &str, goal| supervisor.progress(name, goal);
        let requests = self.server.step(now, &changed, progress);
        let more = !requests.is_empty() || self.ends == 0 && self.supervisor.fatal().is_some();
        for (id, request) in requests {
            self.obey(id, request, now);
        }
        more
    }

    /// Sleeps until something has happened or is due.
    fn wait(&self, events: &mut Events, more: bool) -> io::Result<()> {
        let deadlines = [
            self.supervisor.deadline(),
            self.supervisor.kernel.outputs.deadline(),
            self.server.deadline(),
        ];
        let deadline = deadlines.into_iter().flatten().min();
        let left = deadline.map(|deadline| deadline.saturating_duration_since(Instant::now()));
        events.clear();
        match self.poller.wait(events, if more { Some(Duration::ZERO) } else { left }) {
            Err(error) if error.kind() != ErrorKind::Interrupted => Err(error),
            _ => Ok(()),
        }
    }

    fn handle(&mut self, source: Source, writable: bool) {
        let now = Instant::now();
        // Something may have ended what the event was about.
        match source {
            Source::Signals => {
                let signals = self.signals.get().pending();
                signals.into_iter().for_each(|signal| self.on_signal(signal, now));
            }
            Source::Newcomers => self.server.accept(now),
            Source::Socket => self.server.restore(),
            Source::Connection(id) => {
                if let Some(request) = self.server.handle(id, writable, now) {
                    self.obey(id, request, now);
                }
            }
            Source::Notifier(id) => {
                if let Some((name, messages)) = self.supervisor.kernel.hear(id) {
                    self.heed(&name, messages, now);
                }
            }
            Source::Output(id) => {
                let heard = self.supervisor.kernel.outputs.hear(id, now);
                heard.into_iter().for_each(|heard| self.pass_on(heard));
            }
        }
    }

    fn pass_on(&mut self, Heard { name, text }: Heard) {
        self.server.hear(&name, &text);
    }

    fn heed(&mut self, name: &str, messages: Vec<Message>, now: Instant) {
        for message in messages {
            self.supervisor.with(name, |service, kernel| match message {
                Message::Ready => service.ready(now),
                Message::Status(text) => service.set_remark(&text),
                Message::Reloading => service.says(Activity::Reloading),
                Message::Stopping => service.says(Activity::Stopping),
                Message::Watchdog(lives) => service.alive(lives, kernel, now),
                Message::Extend(time) => service.extend(time, now),
            });
        }
    }

    fn on_signal(&mut self, signal: Signal, now: Instant) {
        match signal {
            SIGCHLD => self.reap(now),
            SIGHUP => {
                self.server.restore();
                self.loader.begin();
            }
            SIGUSR1 => self.log_status(now),
            SIGUSR2 => {
                log::reopen();
                self.supervisor.kernel.outputs.reopen();
                tracing::info!("the log has been opened again");
            }
            _ => self.end(&signal.to_string()),
        }
    }

    fn reap(&mut self, now: Instant) {
        for exited in child::reap_any() {
            match exited {
                Ok(exited) => {
                    // What it said before comes first.
                    if let Some(name) = self.supervisor.name(exited.pid) {
                        let messages = self.supervisor.kernel.hear_last(&name);
                        self.heed(&name, messages, now);
                        let heard = self.supervisor.kernel.outputs.drain(&name, now);
                        heard.into_iter().for_each(|heard| self.pass_on(heard));
                    }
                    if !self.supervisor.exited(&exited, now) {
                        report::orphan(&exited);
                    }
                }
                Err(error) => tracing::error!("reaping: {error}"),
            }
        }
    }

    fn reload(&mut self, loaded: Result<crate::config::Services, String>, now: Instant) {
        let outcome: Result<Changes, String> = match loaded {
            _ if self.ends > 0 => Err("the starter is ending".to_owned()),
            Ok(services) => {
                tracing::info!("reload");
                Ok(self.supervisor.reload(services))
            }
            Err(problems) => {
                for line in problems.lines() {
                    tracing::error!("reload: {line}");
                }
                tracing::error!("reload: everything stays as it was");
                Err(problems)
            }
        };
        for (id, request) in self.server.reloaded(&outcome, now) {
            self.obey(id, request, now);
        }
    }

    fn log_status(&self, now: Instant) {
        for service in self.supervisor.services() {
            let status = status::of(service, &self.supervisor.kernel.outputs, now);
            tracing::info!(service = status.name, pid = status.pid, state = status.state, "status");
        }
    }

    /// The first time all services are stopped, the second time killed.
    fn end(&mut self, why: &str) {
        self.ends += 1;
        if self.ends == 1 {
            tracing::info!("{why}: stopping all services");
            self.supervisor.unwant_all();
        } else {
            tracing::warn!("{why}, again: killing all services");
            self.supervisor.kill_all();
        }
    }
}
