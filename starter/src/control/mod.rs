//! The control socket: requests and answers, each a line of JSON.

mod client;
mod connection;
mod directory;
mod server;
mod socket;

pub use self::client::{ask, follow};
pub use self::server::Server;

use crate::supervisor::Changes;
use indexmap::IndexSet;
use serde::{Deserialize, Serialize};
use std::path::PathBuf;

#[derive(Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "command", rename_all = "kebab-case", deny_unknown_fields)]
pub enum Request {
    /// Without names: of all. Here as below, a name that is repeated counts once.
    Status {
        #[serde(default)]
        names: IndexSet<String>,
    },
    Start {
        names: IndexSet<String>,
    },
    Stop {
        names: IndexSet<String>,
    },
    Restart {
        names: IndexSet<String>,
    },
    StopAll {},
    Reload {},
    Signal {
        name: String,
        signal: String,
    },
    Logs {
        name: String,
        lines: usize,
        #[serde(default)]
        follow: bool,
    },
}

#[derive(Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Answer {
    Services(Vec<Status>),
    /// It is done, for these services.
    Done(Vec<String>),
    Changes(Changes),
    /// What a service has written; with `follow` more of these come.
    Output(String),
    Error(String),
}

/// A service as `starter status` shows it.
#[derive(Debug, PartialEq, Serialize, Deserialize)]
pub struct Status {
    pub name: String,
    pub state: String,
    pub pid: Option<i32>,
    /// Seconds since it was started.
    pub running: Option<u64>,
    pub starts: u64,
    /// Starts after the first.
    pub restarts: u64,
    pub wanted: bool,
    /// How it last ended: one of the two.
    pub exit_code: Option<i32>,
    pub signal: Option<String>,
    /// Seconds until it is started again.
    pub next_start: Option<f64>,
    pub remark: Option<String>,
    /// What it last wrote.
    pub last_line: Option<String>,
}

impl Status {
    /// Whether the table shows the same for both, apart from the time.
    pub fn is_row_of(&self, other: &Status) -> bool {
        let row = |it: &Status| (it.pid, it.starts, it.state.clone(), it.remark.clone());
        self.name == other.name && row(self) == row(other)
    }

    /// Whether it does, or has done, what it is for.
    pub fn is_well(&self) -> bool {
        matches!(self.state.as_str(), "ready" | "reloading" | "done")
    }
}

/// Where the socket is if nobody says otherwise.
pub fn default_socket() -> PathBuf {
    match std::env::var_os("XDG_RUNTIME_DIR") {
        _ if nix::unistd::geteuid().is_root() => PathBuf::from("/run/starter.sock"),
        Some(directory) => PathBuf::from(directory).join("starter.sock"),
        None => std::env::temp_dir().join(format!("starter-{}.sock", nix::unistd::geteuid())),
    }
}
