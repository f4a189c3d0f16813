//! What the supervisor asks of the operating system, behind an interface, so that its decisions are
//! tested without a process.

use crate::config::Service;
use signal::{Pid, Signal};

pub trait Kernel {
    /// Starts a service: the id of its process, which leads its session.
    fn spawn(&mut self, name: &str, service: &Service) -> Result<Pid, SpawnError>;

    /// Signals every process of a service. `false`: there is none left.
    fn signal(&mut self, target: Target, signal: Signal) -> bool;

    /// Looks whether a service that cannot speak for itself is ready.
    fn is_ready(&mut self, name: &str, service: &Service) -> bool;

    /// The process of a service has ended.
    fn ended(&mut self, name: &str);
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Target {
    /// A service whose process, with this id, has not been reaped.
    Service(Pid),
    /// What the process has left behind in its session's group.
    LeftBy(Pid),
}

/// Why a service could not be started.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum SpawnError {
    /// The program is not installed.
    #[error("{0}")]
    Absent(String),
    /// It will fail again in the same way.
    #[error("{0}")]
    Hopeless(String),
    /// It may work later.
    #[error("{0}")]
    Passing(String),
}
