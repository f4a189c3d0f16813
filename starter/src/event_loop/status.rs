//! What is shown of a service.

use crate::control::Status;
use crate::output::Outputs;
use crate::report;
use crate::service::{Activity, Service, State};
use std::time::Instant;

pub fn of(service: &Service, outputs: &Outputs, now: Instant) -> Status {
    let state = match (service.state(), service.activity()) {
        (State::Stopped, _) if service.is_wanted() => "waiting",
        (State::Stopped, _) => "stopped",
        (State::Preparing { .. }, _) => "preparing",
        (State::Starting { .. }, _) => "starting",
        (State::Ready { .. }, Some(Activity::Reloading)) => "reloading",
        (State::Ready { .. }, Some(Activity::Stopping)) => "stopping",
        (State::Ready { .. }, None) => "ready",
        (State::Stopping { .. }, _) => "stopping",
        (State::Finishing { .. }, _) => "finishing",
        (State::Backoff { .. }, _) => "backing off",
        (State::Done, _) => "done",
        (State::Failed, _) => "failed",
        (State::Absent, _) => "absent",
    };
    let last = service.last_exit();
    let next_start = service.next_start().map(|at| at.saturating_duration_since(now));
    Status {
        name: service.name().to_owned(),
        state: state.to_owned(),
        pid: service.pid().map(|pid| pid.as_raw()),
        running: service.is_alive().then(|| service.ran(now).as_secs()),
        starts: service.starts(),
        restarts: service.starts().saturating_sub(1),
        wanted: service.is_wanted(),
        exit_code: last.and_then(|status| status.code()),
        signal: last.and_then(|status| status.signal()).map(|signal| signal.to_string()),
        next_start: next_start.map(report::seconds),
        remark: service.remark().map(str::to_owned),
        last_line: outputs.last_line(service.name()),
    }
}
