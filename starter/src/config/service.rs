//! One table `[service.NAME]`.

use crate::accounts::Account;
use indexmap::IndexMap;
use signal::{Signal, SIGTERM};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// What `starter --help` says of each key.
#[derive(Clone, Debug, PartialEq)]
pub struct Service {
    /// The program and its arguments: at least one.
    pub command: Vec<String>,
    pub before_start: Vec<String>,
    pub after_stop: Vec<String>,
    pub requires: Vec<String>,
    pub after: Vec<String>,
    pub optional: bool,
    pub autostart: bool,
    pub environment: IndexMap<String, String>,
    pub environment_file: Option<PathBuf>,
    pub directory: Option<PathBuf>,
    pub user: Option<String>,
    pub group: Option<String>,
    /// Whom `user` and `group` mean, once that has been looked up.
    pub account: Option<Account>,
    pub umask: Option<u32>,
    pub nice: Option<i32>,
    pub nofile: Option<u64>,
    pub core: Option<u64>,
    pub descriptors: Vec<i32>,
    pub output: Output,
    pub restart: Restart,
    /// Before the first restart; each further one in a row waits twice as long.
    pub restart_delay: Duration,
    pub restart_delay_max: Duration,
    /// How many restarts in a row are tried. `None`: any number.
    pub restart_limit: Option<u32>,
    /// Having run for so long, and been ready, a service has run well.
    pub restart_window: Duration,
    pub on_failure: OnFailure,
    pub ready: Ready,
    pub ready_timeout: Duration,
    pub health: Option<Health>,
    pub watchdog: Option<Duration>,
    pub stop_signal: Signal,
    pub stop_signal_to: StopSignalTo,
    pub stop_timeout: Duration,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Restart {
    Never,
    #[default]
    OnFailure,
    Always,
}

/// What the starter does when it has given up a service.
#[derive(Clone, Copy, Debug, Default, PartialEq, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum OnFailure {
    #[default]
    Nothing,
    /// It stops the others and ends with this one's exit code.
    Exit,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum StopSignalTo {
    Leader,
    #[default]
    Group,
}

/// Where standard output and error go.
#[derive(Clone, Debug, Default, PartialEq)]
pub enum Output {
    /// To the starter's log, each line with the name before it.
    #[default]
    Log,
    /// To where the starter's own go.
    Inherit,
    Nowhere,
    File {
        path: PathBuf,
        /// Bytes; a file that has become larger is renamed to `.1`.
        size: u64,
        /// How many such files are kept.
        count: u32,
    },
}

/// What makes a service ready.
#[derive(Clone, Debug, Default, PartialEq)]
pub enum Ready {
    /// That it was started.
    #[default]
    Started,
    /// That it has run for so long.
    After(Duration),
    /// That it says so, on a descriptor or a socket.
    Notify,
    /// That it listens on this TCP port of this machine.
    Port(u16),
    /// That this file appears or is written anew.
    File(PathBuf),
    /// That this command succeeds.
    Exec(Vec<String>),
}

/// How it is found out whether a service still does its work.
#[derive(Clone, Debug, PartialEq)]
pub struct Health {
    pub test: Test,
    pub every: Duration,
    /// So many failures in a row mean that it does not.
    pub failures: u32,
}

#[derive(Clone, Debug, PartialEq)]
pub enum Test {
    Exec(Vec<String>),
    Port(u16),
}

impl Default for Service {
    fn default() -> Service {
        Service {
            command: Vec::new(),
            before_start: Vec::new(),
            after_stop: Vec::new(),
            requires: Vec::new(),
            after: Vec::new(),
            optional: false,
            autostart: true,
            environment: IndexMap::new(),
            environment_file: None,
            directory: None,
            user: None,
            group: None,
            account: None,
            umask: None,
            nice: None,
            nofile: None,
            core: None,
            descriptors: Vec::new(),
            output: Output::default(),
            restart: Restart::default(),
            restart_delay: Duration::from_millis(500),
            restart_delay_max: Duration::from_secs(60),
            restart_limit: Some(10),
            restart_window: Duration::from_secs(60),
            on_failure: OnFailure::default(),
            ready: Ready::default(),
            ready_timeout: Duration::from_secs(60),
            health: None,
            watchdog: None,
            stop_signal: SIGTERM,
            stop_signal_to: StopSignalTo::default(),
            stop_timeout: Duration::from_secs(10),
        }
    }
}

impl Service {
    /// Paths are taken from the directory of the file, those of what the service makes from the
    /// service's own.
    pub fn locate(&mut self, base: &Path) {
        let directory = base.join(self.directory.take().unwrap_or_default());
        if let Ready::File(file) = &mut self.ready {
            *file = directory.join(&*file);
        }
        if let Output::File { path, .. } = &mut self.output {
            *path = base.join(&*path);
        }
        self.directory = Some(directory);
    }

    /// Whether it has something to say on the descriptor or the socket.
    pub fn notifies(&self) -> bool {
        self.ready == Ready::Notify || self.watchdog.is_some()
    }
}
