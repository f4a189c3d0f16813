//! Why a program could not be started: the system's error names neither it nor what was tried.

use super::prepare::Step;
use crate::config::Service;
use crate::supervisor::SpawnError;
use std::io;
use std::path::Path;

pub fn explain(service: &Service, words: &[String], error: &io::Error) -> SpawnError {
    if let Some((step, error)) = Step::of(error) {
        return classify(&error, of_step(step, service, &error));
    }
    if let Some(directory) = service.directory.as_deref().filter(|directory| !directory.is_dir()) {
        return SpawnError::Hopeless(format!("directory `{}`: {error}", directory.display()));
    }
    let text = format!("program `{}`: {error}", words[0]);
    match error.kind() {
        io::ErrorKind::NotFound if is_there(service, &words[0]) => SpawnError::Hopeless(format!(
            "program `{}`: it is there, but what its first line or the linker names is not",
            words[0]
        )),
        io::ErrorKind::NotFound => SpawnError::Absent(text),
        _ => match error.raw_os_error() {
            // These are about the starter, or the system.
            Some(libc::EMFILE | libc::ENFILE) => {
                classify(error, format!("the starter: {error}: raise `ulimit -n`"))
            }
            Some(libc::EAGAIN) => {
                let text =
                    "no more processes are allowed: raise `ulimit -u` or the cgroup's pids.max";
                classify(error, text.to_owned())
            }
            _ => classify(error, text),
        },
    }
}

/// A script or a program whose interpreter is missing fails as if it were missing itself.
fn is_there(service: &Service, program: &str) -> bool {
    let directory = service.directory.as_deref().unwrap_or(Path::new(""));
    program.contains('/') && directory.join(program).exists()
}

fn of_step(step: Step, service: &Service, error: &io::Error) -> String {
    match step {
        Step::Descriptor => format!(
            "`descriptors`: {error}: the starter was started without one of {:?}",
            service.descriptors
        ),
        Step::Nice => format!("`nice`: {error}: less than 0 is for root"),
        Step::Limit => format!("`nofile`, `core`: {error}: more than the hard limit is for root"),
        Step::Cgroup => format!("its cgroup: {error}"),
        Step::Identity => format!("`user`, `group`: {error}"),
    }
}

/// Whether it is worth another try.
pub fn classify(error: &io::Error, text: String) -> SpawnError {
    match error.raw_os_error() {
        Some(libc::EAGAIN | libc::ENOMEM | libc::EMFILE | libc::ENFILE | libc::ETXTBSY) => {
            SpawnError::Passing(text)
        }
        _ => SpawnError::Hopeless(text),
    }
}
