//! What the supervisor asks of the operating system, behind an interface, so that its decisions are
//! tested without a process.

use crate::config::Service;
use signal::{Pid, Signal};

pub trait Kernel {
    /// Starts a service: the id of its process, which leads its session.
    fn spawn(&mut self, name: &str, service: &Service) -> Result<Pid, SpawnError>;

    /// Starts a command that belongs to a service, as the same user in the same place.
    fn run(&mut self, name: &str, service: &Service, command: &[String])
        -> Result<Pid, SpawnError>;

    /// Signals processes of a service. `false`: there is none left.
    fn signal(&mut self, name: &str, target: Target, signal: Signal) -> bool;

    /// Looks whether a service that cannot speak for itself is ready.
    fn probe(&mut self, name: &str, service: &Service) -> Probe;

    /// Whether somebody takes connections on this port.
    fn answers(&mut self, port: u16) -> bool;

    /// The process of a service has ended.
    fn ended(&mut self, name: &str);
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Target {
    /// All processes of a service whose own process, with this id, has not been reaped.
    Service(Pid),
    /// That process alone.
    Leader(Pid),
    /// What the process has left behind.
    LeftBy(Pid),
    /// The session's group of a command that was run for the service.
    Group(Pid),
}

#[derive(Clone, Debug, PartialEq)]
pub enum Probe {
    Ready,
    NotYet,
    /// Not ready, for a reason that somebody should know.
    Odd(String),
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
