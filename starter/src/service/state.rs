//! What a service is doing, and what it is meant to do.

use signal::Pid;
use std::time::Instant;

#[derive(Clone, Copy, Debug, PartialEq)]
pub enum State {
    /// Not running. If it is wanted, it waits for what it requires.
    Stopped,
    /// Its command `before_start` runs.
    Preparing {
        pid: Pid,
    },
    /// Running, not ready yet.
    Starting {
        pid: Pid,
    },
    Ready {
        pid: Pid,
    },
    /// Told to stop, or cleaned up after. `leader`: its own process has not ended yet.
    Stopping {
        pid: Pid,
        leader: bool,
        kill_at: Option<Instant>,
        outcome: Outcome,
    },
    /// Its command `after_stop` runs.
    Finishing {
        pid: Pid,
        kill_at: Option<Instant>,
        outcome: Outcome,
    },
    /// Waits before it is started again. `ended`: it had run; otherwise it could not be started.
    Backoff {
        until: Instant,
        ended: bool,
    },
    /// Ended with success, as it may.
    Done,
    /// Given up.
    Failed,
    /// Optional, and not installed.
    Absent,
}

/// Whether something that it requires keeps a service from starting.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Blocked {
    #[default]
    No,
    /// That has ended, and is tried again.
    ForNow,
    /// That has failed, and nobody starts it again unasked.
    ForGood,
}

/// How a run ended.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Outcome {
    Success,
    Failure,
}

/// What a service is meant to do.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Intent {
    Run,
    /// To stop and then to start again.
    Restart,
    Stop,
    /// To stop and then to be forgotten.
    Leave,
}

/// What a service says of itself, beyond being ready.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Activity {
    Reloading,
    Stopping,
}

impl State {
    /// The process to reap, if there is one.
    pub fn pid(self) -> Option<Pid> {
        match self {
            State::Preparing { pid }
            | State::Starting { pid }
            | State::Ready { pid }
            | State::Stopping { pid, leader: true, .. }
            | State::Finishing { pid, .. } => Some(pid),
            _ => None,
        }
    }

    /// Whether anything of it runs.
    pub fn is_alive(self) -> bool {
        self.pid().is_some() || matches!(self, State::Stopping { .. })
    }
}
