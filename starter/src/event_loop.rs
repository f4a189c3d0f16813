//! The loop: signals, requests and words of services come in, one `poll` waits for all of them.

use crate::config;
use crate::control::{Answer, Listening, Request, Server, Status};
use crate::notify::Message;
use crate::process::Processes;
use crate::report;
use crate::service::{Service, State};
use crate::supervisor::{Goal, Supervisor, UnknownService};
use nix::errno::Errno;
use nix::poll::{poll, PollFd, PollFlags, PollTimeout};
use signal::{child, SelfPipe, Signal, SIGCHLD, SIGHUP, SIGUSR1};
use std::os::fd::AsFd;
use std::path::PathBuf;
use std::time::{Duration, Instant};

pub struct EventLoop {
    pub signals: SelfPipe,
    pub server: Server,
    pub supervisor: Supervisor<Processes>,
    pub config: PathBuf,
    /// How often somebody has asked for the end.
    pub ends: u32,
}

enum Source {
    Signals,
    Control(Listening),
    Service(String),
}

impl EventLoop {
    /// Until somebody has asked for the end and nothing runs any more.
    pub fn run(&mut self) -> std::io::Result<()> {
        loop {
            let now = Instant::now();
            self.supervisor.step(now);
            let supervisor = &self.supervisor;
            self.server.step(now, |names, goal| supervisor.progress(names, goal));
            if self.ends > 0 && !self.supervisor.is_anything_alive() {
                return Ok(());
            }
            for (source, events) in self.wait()? {
                self.handle(source, events);
            }
        }
    }

    /// Sleeps until something has happened or is due.
    fn wait(&self) -> std::io::Result<Vec<(Source, PollFlags)>> {
        let mut sources = Vec::new();
        let mut entries = Vec::new();
        for (name, fd) in self.supervisor.kernel.listening() {
            sources.push(Source::Service(name.to_owned()));
            entries.push(PollFd::new(fd, PollFlags::POLLIN));
        }
        for (whom, fd, interest) in self.server.listening() {
            sources.push(Source::Control(whom));
            entries.push(PollFd::new(fd, interest));
        }
        sources.push(Source::Signals);
        entries.push(PollFd::new(self.signals.as_fd(), PollFlags::POLLIN));
        match poll(&mut entries, self.timeout()) {
            Ok(_) | Err(Errno::EINTR) => {}
            Err(error) => return Err(error.into()),
        }
        let events = entries.iter().map(|entry| entry.revents().unwrap_or(PollFlags::empty()));
        Ok(sources.into_iter().zip(events).filter(|(_, events)| !events.is_empty()).collect())
    }

    fn timeout(&self) -> PollTimeout {
        let deadline = self.supervisor.deadline().into_iter().chain(self.server.deadline()).min();
        deadline.map_or(PollTimeout::NONE, |deadline| {
            // Rounded up: one that wakes early would spin.
            let left =
                deadline.saturating_duration_since(Instant::now()) + Duration::from_nanos(999_999);
            PollTimeout::try_from(left).unwrap_or(PollTimeout::MAX)
        })
    }

    fn handle(&mut self, source: Source, events: PollFlags) {
        let now = Instant::now();
        match source {
            Source::Service(name) => self.hear(&name, now),
            Source::Control(whom) => {
                if let Some((id, request)) = self.server.handle(whom, events, now) {
                    self.obey(id, request, now);
                }
            }
            Source::Signals => {
                self.signals.pending().into_iter().for_each(|signal| self.on_signal(signal, now));
            }
        }
    }

    fn hear(&mut self, name: &str, now: Instant) {
        for message in self.supervisor.kernel.hear(name) {
            match message {
                Message::Ready => self.supervisor.ready(name, now),
                Message::Status(text) => self.supervisor.remark(name, &text),
            }
        }
    }

    fn on_signal(&mut self, signal: Signal, now: Instant) {
        match signal {
            SIGCHLD => self.reap(now),
            SIGHUP => self.reload(),
            SIGUSR1 => self.log_status(now),
            _ => self.end(signal),
        }
    }

    fn reap(&mut self, now: Instant) {
        for exited in child::reap_any() {
            match exited {
                Ok(exited) => {
                    // What it said after `poll` had looked at it comes first.
                    if let Some(name) = self.supervisor.name(exited.pid) {
                        self.hear(&name, now);
                    }
                    if !self.supervisor.exited(&exited, now) {
                        report::orphan(&exited);
                    }
                }
                Err(error) => tracing::error!("reaping: {error}"),
            }
        }
    }

    fn reload(&mut self) {
        match config::load(&self.config) {
            _ if self.ends > 0 => {}
            Ok(services) => {
                tracing::info!("reload");
                self.supervisor.reload(services);
            }
            Err(problems) => {
                for line in problems.to_string().lines() {
                    tracing::error!("reload: {line}");
                }
                tracing::error!("reload: everything stays as it was");
            }
        }
    }

    fn log_status(&self, now: Instant) {
        for service in self.supervisor.services() {
            let status = status(service, now);
            tracing::info!(service = status.name, pid = status.pid, state = status.state, "status");
        }
    }

    /// The first time all services are stopped, the second time killed.
    fn end(&mut self, signal: Signal) {
        self.ends += 1;
        if self.ends == 1 {
            tracing::info!("{signal}: stopping all services");
            self.supervisor.unwant_all();
        } else {
            tracing::warn!("{signal}, again: killing all services");
            self.supervisor.kill_all();
        }
    }

    fn obey(&mut self, id: u64, request: Request, now: Instant) {
        tracing::info!("asked for: {request:?}");
        let (done, goal) = match request {
            Request::Status => {
                let services =
                    self.supervisor.services().map(|service| status(service, now)).collect();
                return self.server.answer(id, &Answer::Services(services), now);
            }
            _ if self.ends > 0 => {
                return self.server.answer(
                    id,
                    &Answer::Error("the starter is ending".to_owned()),
                    now,
                );
            }
            Request::StopAll => (Ok(self.supervisor.unwant_all()), Goal::Stopped),
            Request::Start { names } => (self.each(&names, Supervisor::want), Goal::Running),
            Request::Stop { names } => (self.each(&names, Supervisor::unwant), Goal::Stopped),
            Request::Restart { names } => (self.each(&names, Supervisor::restart), Goal::Running),
        };
        match done {
            Ok(names) => self.server.wait(id, names, goal),
            Err(error) => self.server.answer(id, &Answer::Error(error.to_string()), now),
        }
    }

    /// For all names or, if one is unknown, for none.
    fn each(
        &mut self,
        names: &[String],
        order: impl Fn(&mut Supervisor<Processes>, &str) -> Result<Vec<String>, UnknownService>,
    ) -> Result<Vec<String>, UnknownService> {
        names.iter().try_for_each(|name| self.supervisor.check(name))?;
        let mut all: Vec<String> = Vec::new();
        for name in names {
            for name in order(&mut self.supervisor, name)? {
                if !all.contains(&name) {
                    all.push(name);
                }
            }
        }
        Ok(all)
    }
}

fn status(service: &Service, now: Instant) -> Status {
    let state = match service.state {
        State::Stopped if service.wanted => "waiting",
        State::Stopped => "stopped",
        State::Starting { .. } => "starting",
        State::Ready { .. } => "ready",
        State::Stopping { .. } => "stopping",
        State::Backoff { .. } => "backing off",
        State::Done => "done",
        State::Failed => "failed",
        State::Absent => "absent",
    };
    Status {
        name: service.name.clone(),
        state: state.to_owned(),
        pid: service.pid().map(|pid| pid.as_raw()),
        running: service.is_alive().then(|| service.ran(now).as_secs()),
        starts: service.starts,
        remark: service.remark.clone(),
    }
}
