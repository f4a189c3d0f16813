//! What people ask for.

use super::{status, EventLoop};
use crate::control::{Answer, Request};
use crate::process::Processes;
use crate::supervisor::{Goal, Supervisor, UnknownService};
use indexmap::IndexSet;
use std::time::Instant;

/// What follows a request at once.
enum Next {
    Answer(Answer),
    /// The answer comes when services have come so far.
    Wait(IndexSet<String>, Goal),
    WaitForReload,
    Follow(String, String),
}

impl EventLoop {
    /// The request of a client, and those that it has sent meanwhile.
    pub(super) fn obey(&mut self, id: usize, request: Request, now: Instant) {
        let mut next = Some(request);
        while let Some(request) = next {
            if !matches!(request, Request::Status { .. } | Request::Logs { .. }) {
                tracing::info!("asked for: {request:?}");
            }
            let placed = match self.carry_out(request, now) {
                Next::Answer(answer) => Err(answer),
                Next::Wait(names, goal) => {
                    self.server.wait_for_services(id, names, goal).map_err(too_many)
                }
                Next::WaitForReload => self.server.wait_for_reload(id).map_err(too_many),
                Next::Follow(name, first) => self.server.follow(id, name, first).map_err(too_many),
            };
            next = placed.err().and_then(|answer| self.server.answer(id, &answer, now));
        }
    }

    fn carry_out(&mut self, request: Request, now: Instant) -> Next {
        let ending = self.ends > 0;
        let (done, goal) = match request {
            Request::Status { names } => return Next::Answer(self.status(&names, now)),
            Request::Logs { name, lines, follow } => return self.logs(name, lines, follow),
            _ if ending => return Next::Answer(error("the starter is ending")),
            Request::Reload {} => {
                self.server.restore();
                self.loader.begin();
                return Next::WaitForReload;
            }
            Request::Signal { name, signal } => return Next::Answer(self.signal(&name, &signal)),
            Request::StopAll {} => {
                (Ok(self.supervisor.unwant_all().into_iter().collect()), Goal::Stopped)
            }
            Request::Start { names } => (self.each(&names, Supervisor::want), Goal::Running),
            Request::Stop { names } => (self.each(&names, Supervisor::unwant), Goal::Stopped),
            Request::Restart { names } => (self.each(&names, Supervisor::restart), Goal::Running),
        };
        match done {
            Ok(names) => Next::Wait(names, goal),
            Err(unknown) => Next::Answer(error(unknown)),
        }
    }

    /// For all names or, if one is unknown, for none.
    fn each(
        &mut self,
        names: &IndexSet<String>,
        order: impl Fn(&mut Supervisor<Processes>, &str) -> Result<Vec<String>, UnknownService>,
    ) -> Result<IndexSet<String>, UnknownService> {
        names.iter().try_for_each(|name| self.supervisor.check(name))?;
        let mut all = IndexSet::new();
        for name in names {
            all.extend(order(&mut self.supervisor, name)?);
        }
        Ok(all)
    }

    fn status(&self, names: &IndexSet<String>, now: Instant) -> Answer {
        let outputs = &self.supervisor.kernel.outputs;
        if names.is_empty() {
            let all = self.supervisor.services();
            return Answer::Services(all.map(|it| status::of(it, outputs, now)).collect());
        }
        let one = |name: &String| {
            let service = self.supervisor.service(name);
            let service = service.ok_or_else(|| UnknownService(name.clone()))?;
            Ok(status::of(service, outputs, now))
        };
        names
            .iter()
            .map(one)
            .collect::<Result<_, UnknownService>>()
            .map_or_else(error, Answer::Services)
    }

    fn logs(&self, name: String, lines: usize, follow: bool) -> Next {
        if self.supervisor.service(&name).is_none() {
            return Next::Answer(error(UnknownService(name)));
        }
        let recent = self.supervisor.kernel.outputs.recent(&name, lines);
        if follow {
            Next::Follow(name, recent)
        } else {
            Next::Answer(Answer::Output(recent))
        }
    }

    fn signal(&mut self, name: &str, signal: &str) -> Answer {
        let Ok(number) = signal.parse() else {
            return error(format!("no signal of this system is called `{signal}`"));
        };
        match self.supervisor.signal(name, number) {
            Ok(()) => Answer::Done(vec![name.to_owned()]),
            Err(why) => error(why),
        }
    }
}

fn error(why: impl ToString) -> Answer {
    Answer::Error(why.to_string())
}

fn too_many(why: &str) -> Answer {
    error(why)
}
