//! `starter run`: everything that comes before the loop.

use crate::cli::Control;
use crate::config::{self, Services};
use crate::control::Server;
use crate::event_loop::EventLoop;
use crate::log::{self, Log};
use crate::platform;
use crate::process::Processes;
use crate::supervisor::Supervisor;
use clap::Args;
use signal::session::{self, daemonize, PidFile, Step};
use signal::{Errno, SelfPipe, SIGCHLD, SIGHUP, SIGINT, SIGTERM, SIGUSR1};
use std::error::Error;
use std::fs::File;
use std::io::Write;
use std::os::fd::AsFd;
use std::path::PathBuf;

#[derive(Args)]
pub struct Options {
    /// The configuration; `starter --help` explains it
    file: PathBuf,
    #[command(flatten)]
    control: Control,
    /// Goes into the background once the services are being started; the exit code tells whether
    /// that worked
    #[arg(long)]
    daemon: bool,
    /// A file for the process id, locked as long as the starter runs
    #[arg(long, value_name = "PATH")]
    pid_file: Option<PathBuf>,
    /// Where the log goes [default: stderr, with --daemon syslog]
    #[arg(long, value_enum, value_name = "WHERE")]
    log: Option<Log>,
    /// Reaps processes whose parents have died, too, and logs them: as the first process of a
    /// container, and on Linux for all processes below the starter
    #[arg(long)]
    reap_orphans: bool,
    /// Leaves all services in one process group with the starter, which makes itself the leader of
    /// it: what one of them sends to its group reaches all the others. This is how things went
    /// wrong in 2001; to be seen, not to be used
    #[arg(long)]
    shared_group: bool,
}

type Result<T> = std::result::Result<T, Box<dyn Error>>;

pub fn run(mut options: Options) -> Result<()> {
    // The lowest number that is free: the one that services find their own descriptor under, or
    // that is taken already.
    let placeholder = File::open("/dev/null")?;
    // Whoever started this may have ignored it, and then no child would have a status.
    signal::install(SIGCHLD, signal::Handler::Default)?;
    let services = config::load(&options.file)?;
    // To mean the same to services, which work somewhere else.
    options.control.make_absolute()?;
    if options.daemon {
        return run_in_background(options, services, placeholder);
    }
    let pid_file = options.pid_file.take().map(PidFile::create).transpose()?;
    log::init(options.log.unwrap_or(Log::Stderr));
    serve(set_up(&options, services, placeholder)?, pid_file)
}

fn run_in_background(mut options: Options, services: Services, placeholder: File) -> Result<()> {
    // It is to mean the same from the directory `/`.
    options.file = std::path::absolute(&options.file)?;
    // For whoever waits for the outcome: a number alone would not say what is wrong.
    let caller = File::from(std::io::stderr().as_fd().try_clone_to_owned()?);
    let mut background = session::Options::new();
    if let Some(path) = &options.pid_file {
        background = background.pid_file(path);
    }
    if options.log.is_some_and(|log| log != Log::Syslog) {
        // Its log, and what the services say, go where they went.
        background = background.keep_standard_descriptors();
    }
    let daemon = daemonize(background).map_err(explain)?;
    log::init(options.log.unwrap_or(Log::Syslog));
    match set_up(&options, services, placeholder) {
        Ok(event_loop) => {
            daemon.ready();
            drop(caller);
            serve(event_loop, None)
        }
        Err(error) => {
            tracing::error!("{error}");
            let _ = writeln!(&caller, "{error}");
            daemon.fail(Errno::ECANCELED)
        }
    }
}

fn explain(error: session::Error) -> Box<dyn Error> {
    match error.step() {
        // It has written why, by `caller`.
        Step::Program => "cannot go into the background: see above".into(),
        _ => error.into(),
    }
}

fn set_up(options: &Options, services: Services, placeholder: File) -> Result<EventLoop> {
    if options.shared_group {
        // What happens there stays there: the script that started it is in the old group. If it
        // leads one, this fails.
        let _ = session::new_session();
    }
    if options.reap_orphans {
        platform::adopt_orphans()?;
    }
    let signals = SelfPipe::new([SIGCHLD, SIGHUP, SIGINT, SIGTERM, SIGUSR1])?;
    let server = Server::bind(&options.control.path())?;
    let processes =
        Processes::new(server.directory().to_owned(), options.shared_group, placeholder);
    let supervisor = Supervisor::new(services, processes);
    Ok(EventLoop { signals, server, supervisor, config: options.file.clone(), ends: 0 })
}

fn serve(mut event_loop: EventLoop, _pid_file: Option<PidFile>) -> Result<()> {
    tracing::info!(pid = std::process::id(), "starter {}", env!("CARGO_PKG_VERSION"));
    let ended = event_loop.run();
    if let Err(error) = &ended {
        tracing::error!("{error}");
        event_loop.supervisor.kill_all();
    }
    tracing::info!("ended");
    Ok(ended?)
}
