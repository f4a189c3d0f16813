//! `starter run`: everything that comes before the loop.

use crate::cli::Control;
use crate::config::Services;
use crate::control::Server;
use crate::event_loop::EventLoop;
use crate::loader::{self, Loader};
use crate::log::{self, Log};
use crate::platform;
use crate::process::{open_descriptors, Limits, Processes};
use crate::supervisor::Supervisor;
use crate::watched::{Source, Watched};
use clap::Args;
use polling::Poller;
use signal::session::{self, daemonize, PidFile, Step};
use signal::{
    Errno, Handler, SelfPipe, SIGCHLD, SIGHUP, SIGINT, SIGPIPE, SIGQUIT, SIGTERM, SIGUSR1, SIGUSR2,
    SIGXFSZ,
};
use std::error::Error;
use std::fs::File;
use std::io::Write;
use std::os::fd::{AsFd, RawFd};
use std::path::PathBuf;
use std::sync::Arc;

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
    /// A file for the log, in place of standard error; SIGUSR2 opens it again
    #[arg(long, value_name = "PATH")]
    log_file: Option<PathBuf>,
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

/// What is there before anything else is opened.
struct Inherited {
    /// Has the lowest number that is free: the one that services find their own descriptor under,
    /// or that is taken already.
    placeholder: File,
    limits: Limits,
    descriptors: Vec<RawFd>,
}

impl Inherited {
    fn take() -> Result<Inherited> {
        // Whoever started this may have ignored or blocked what it lives by.
        session::reset_signals();
        // A log that cannot be written is no reason to die.
        signal::install(SIGPIPE, Handler::Ignore)?;
        signal::install(SIGXFSZ, Handler::Ignore)?;
        // Services get what they ask for, and not what somebody has forgotten to close.
        let descriptors = open_descriptors();
        close_fds::set_fds_cloexec(3, &[]);
        let placeholder = File::open("/dev/null")?;
        Ok(Inherited { placeholder, limits: Limits::raise()?, descriptors })
    }
}

/// Returns the exit code.
pub fn run(mut options: Options) -> Result<i32> {
    let inherited = Inherited::take()?;
    let services = loader::load(&options.file)?;
    // To mean the same to services, which work somewhere else.
    options.control.make_absolute()?;
    if options.daemon {
        return run_in_background(options, services, inherited);
    }
    let pid_file = options.pid_file.take().map(PidFile::create).transpose()?;
    let log = log::init(options.log.unwrap_or(Log::Stderr), options.log_file.take())?;
    serve(set_up(&options, services, inherited)?, pid_file, log)
}

fn run_in_background(
    mut options: Options,
    services: Services,
    inherited: Inherited,
) -> Result<i32> {
    // They are to mean the same from the directory `/`.
    options.file = std::path::absolute(&options.file)?;
    options.log_file = options.log_file.map(std::path::absolute).transpose()?;
    let log = options.log.unwrap_or(match options.log_file {
        Some(_) => Log::Stderr,
        None => Log::Syslog,
    });
    // For whoever waits for the outcome: a number alone would not say what is wrong.
    let caller = File::from(std::io::stderr().as_fd().try_clone_to_owned()?);
    let mut background = session::Options::new();
    if let Some(path) = &options.pid_file {
        background = background.pid_file(path);
    }
    if log != Log::Syslog && options.log_file.is_none() {
        // Its log goes where it went.
        background = background.keep_standard_descriptors();
    }
    let daemon = daemonize(background).map_err(explain)?;
    let log = log::init(log, options.log_file.take());
    let made = match &log {
        Ok(_) => set_up(&options, services, inherited),
        Err(error) => Err(error.to_string().into()),
    };
    match made {
        Ok(event_loop) => {
            daemon.ready();
            drop(caller);
            serve(event_loop, None, log?)
        }
        Err(error) => {
            tracing::error!("{error}");
            let _ = writeln!(&caller, "{error}");
            drop(log);
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

fn set_up(options: &Options, services: Services, inherited: Inherited) -> Result<EventLoop> {
    if options.shared_group {
        // What happens there stays there: the script that started it is in the old group. If it
        // leads one, this fails.
        let _ = session::new_session();
    }
    if options.reap_orphans {
        platform::adopt_orphans()?;
    }
    let poller = Arc::new(Poller::new()?);
    let heard = [SIGCHLD, SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGUSR1, SIGUSR2];
    let signals = Watched::new(&poller, SelfPipe::new(heard)?, Source::Signals)?;
    let server = Server::bind(&poller, &options.control.path())?;
    let Inherited { placeholder, limits, descriptors } = inherited;
    let directory = server.directory().to_owned();
    let shared = options.shared_group;
    let processes = Processes::new(&poller, directory, shared, limits, descriptors, placeholder);
    let supervisor = Supervisor::new(services, processes);
    let loader = Loader::new(options.file.clone(), &poller);
    Ok(EventLoop { poller, signals, server, supervisor, loader, ends: 0 })
}

fn serve(mut event_loop: EventLoop, _pid_file: Option<PidFile>, _log: log::Guard) -> Result<i32> {
    tracing::info!(pid = std::process::id(), "starter {}", env!("CARGO_PKG_VERSION"));
    let ended = event_loop.run();
    if let Err(error) = &ended {
        tracing::error!("{error}");
        event_loop.supervisor.kill_all();
    }
    tracing::info!("ended");
    Ok(ended?)
}
