//! The control socket: one request and one answer, each a line of JSON, for each connection.

mod client;
mod connection;
mod directory;
mod server;

pub use self::client::ask;
pub use self::server::{Listening, Server};

use serde::{Deserialize, Serialize};
use std::path::PathBuf;

#[derive(Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "command", rename_all = "kebab-case", deny_unknown_fields)]
pub enum Request {
    Status,
    Start { names: Vec<String> },
    Stop { names: Vec<String> },
    Restart { names: Vec<String> },
    StopAll,
}

#[derive(Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Answer {
    Services(Vec<Status>),
    /// It is done, for these services.
    Done(Vec<String>),
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
    pub remark: Option<String>,
}

/// Where the socket is if nobody says otherwise.
pub fn default_socket() -> PathBuf {
    match std::env::var_os("XDG_RUNTIME_DIR") {
        _ if nix::unistd::geteuid().is_root() => PathBuf::from("/run/starter.sock"),
        Some(directory) => PathBuf::from(directory).join("starter.sock"),
        None => std::env::temp_dir().join(format!("starter-{}.sock", nix::unistd::geteuid())),
    }
}
