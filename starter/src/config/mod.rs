//! The configuration: what a file says, checked as a whole.

mod parse;
mod problem;
mod value;

pub use self::parse::Lines;
pub use self::problem::{Problem, Problems};

use indexmap::IndexMap;
use signal::{Signal, SIGTERM};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// The services by name, in the order of the file.
pub type Services = IndexMap<String, Service>;

/// One table `[service.NAME]`.
#[derive(Clone, Debug, PartialEq)]
pub struct Service {
    /// The program and its arguments: at least one.
    pub command: Vec<String>,
    pub requires: Vec<String>,
    pub optional: bool,
    pub environment: IndexMap<String, String>,
    pub directory: Option<PathBuf>,
    pub user: Option<String>,
    pub restart: Restart,
    /// Before the first restart; each further one in a row waits twice as long.
    pub restart_delay: Duration,
    pub restart_delay_max: Duration,
    /// How many restarts in a row are tried.
    pub restart_limit: u32,
    pub ready: Ready,
    pub ready_timeout: Duration,
    pub stop_signal: Signal,
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

/// What makes a service ready.
#[derive(Clone, Debug, Default, PartialEq)]
pub enum Ready {
    /// That it was started.
    #[default]
    Started,
    /// That it says so, on a descriptor or a socket.
    Notify,
    /// That something listens on this TCP port of this machine.
    Port(u16),
    /// That this file appears or is written anew.
    File(PathBuf),
}

impl Default for Service {
    fn default() -> Service {
        Service {
            command: Vec::new(),
            requires: Vec::new(),
            optional: false,
            environment: IndexMap::new(),
            directory: None,
            user: None,
            restart: Restart::default(),
            restart_delay: Duration::from_millis(500),
            restart_delay_max: Duration::from_secs(60),
            restart_limit: 10,
            ready: Ready::default(),
            ready_timeout: Duration::from_secs(60),
            stop_signal: SIGTERM,
            stop_timeout: Duration::from_secs(10),
        }
    }
}

/// Reads a file. All that is wrong with it is reported at once.
pub fn load(path: &Path) -> Result<Services, Problems> {
    let unreadable =
        |error: std::io::Error| vec![Problem { line: None, message: error.to_string() }];
    let read = || {
        let directory = std::path::absolute(path).map_err(unreadable)?;
        let mut services = parse(&std::fs::read_to_string(path).map_err(unreadable)?)?;
        services
            .values_mut()
            .for_each(|service| service.locate(directory.parent().unwrap_or(Path::new("/"))));
        Ok(services)
    };
    read().map_err(|problems| Problems::new(path, problems))
}

impl Service {
    /// Paths are taken from the directory of the file, the file that means readiness from the
    /// service's.
    fn locate(&mut self, base: &Path) {
        let directory = base.join(self.directory.take().unwrap_or_default());
        if let Ready::File(file) = &mut self.ready {
            *file = directory.join(&*file);
        }
        self.directory = Some(directory);
    }
}

fn parse(text: &str) -> Result<Services, Vec<Problem>> {
    let parse::Parsed { services, lines, mut problems } = parse::parse(text);
    problems.extend(crate::graph::problems(&services, &lines));
    if problems.is_empty() {
        return Ok(services);
    }
    problems.sort_by_key(|problem| problem.line);
    Err(problems)
}

#[cfg(test)]
mod tests;
