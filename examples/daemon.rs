//! A daemon that keeps a log: SIGHUP makes it open the file anew, as log rotation asks, and SIGTERM
//! ends it. Whoever starts it learns whether it runs.

use signal::session::{daemonize, Options};
use signal::{Errno, SelfPipe, SIGHUP, SIGTERM};
use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::{env, error::Error, process::ExitCode};

fn main() -> ExitCode {
    let folder = match (env::args_os().nth(1), env::args_os().len()) {
        (Some(folder), 2) if folder != "--help" => PathBuf::from(folder),
        _ => {
            println!("usage: daemon FOLDER    (for daemon.pid and daemon.log)");
            return ExitCode::SUCCESS;
        }
    };
    match run(&folder) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("daemon: {error}");
            ExitCode::FAILURE
        }
    }
}

/// An error comes back in the process that the person started, as long as the daemon is not ready.
fn run(folder: &Path) -> Result<(), Box<dyn Error>> {
    let options = Options::new().directory(folder).pid_file(folder.join("daemon.pid"));
    let daemon = daemonize(options)?;
    // From here on in the background. First all that can fail, then `ready`.
    match open() {
        Ok((pipe, log)) => {
            daemon.ready();
            Ok(serve(&pipe, log)?)
        }
        Err(error) => daemon.fail(Errno::try_from(error).unwrap_or(Errno::ECANCELED)),
    }
}

fn open() -> io::Result<(SelfPipe, File)> {
    Ok((SelfPipe::new(SIGHUP | SIGTERM)?, open_log()?))
}

fn open_log() -> io::Result<File> {
    OpenOptions::new().create(true).append(true).open("daemon.log")
}

fn serve(pipe: &SelfPipe, mut log: File) -> io::Result<()> {
    writeln!(log, "started")?;
    loop {
        let arrived = pipe.wait()?;
        if arrived.contains(SIGHUP) {
            log = open_log()?;
            writeln!(log, "reopened")?;
        }
        if arrived.contains(SIGTERM) {
            return writeln!(log, "stopped");
        }
    }
}
