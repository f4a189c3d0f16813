//! The command line.

use crate::config;
use crate::control::{self, Answer, Request, Status};
use crate::graph;
use crate::run;
use clap::{Args, Parser, Subcommand};
use std::error::Error;
use std::io::Write;
use std::path::{Path, PathBuf};

/// Starts services in the order of their dependencies, each in a session of its own, keeps them
/// running, and logs how each one ends.
#[derive(Parser)]
#[command(version, after_long_help = CONFIGURATION, max_term_width = 100)]
pub struct Cli {
    #[command(subcommand)]
    command: Command,
}

const CONFIGURATION: &str = "\
THE CONFIGURATION is a TOML file with one table for each service. Only `command` is needed; the values shown are
what holds without the key, or an example where that is nothing.

  [service.web]                     letters, digits, - _ . @
  command = [\"webd\", \"-p\", \"80\"]    the program, found by PATH unless it has a /, and its arguments. It must stay
                                    in the foreground
  requires = []                     names of services that must be ready first
  optional = false                  whether the others may start if its program is not installed, or it has failed
  environment = {}                  added to the starter's own: { LANG = \"C\" }
  directory = \".\"                   where it works; relative paths are taken from the configuration's directory
  user = \"www\"                      who it runs as: user, groups, HOME; not set: as the starter
  restart = \"on-failure\"            or \"never\", \"always\"
  restart_delay = 0.5               seconds before the first restart, twice as long before each further one (or \"500ms\",
                                    \"5s\", \"2min\", \"1h\")
  restart_delay_max = 60            but no longer than this; having run as long as this, it starts from the first again
  restart_limit = 10                restarts in a row, then it has failed
  ready = \"started\"                 ready as soon as it has been started, or
          \"notify\"                  when it says so: a line to the descriptor whose number is in NOTIFY_FD, or READY=1
                                    to the socket NOTIFY_SOCKET, as for systemd
          { port = 80 }             when something listens on this TCP port of localhost
          { file = \"web.sock\" }     when this file (from `directory`) appears or is written anew
  ready_timeout = 60                seconds; then it counts as failed
  stop_signal = \"SIGTERM\"           sent to all processes of its session's group
  stop_timeout = 10                 seconds; then they are killed

A WALK-THROUGH
  starter check server.toml         is it right, and in which order will they start?
  starter run server.toml           starts all; Ctrl-C stops all
  starter status                    what runs (from another terminal)
  starter restart web               stops it and what requires it, and starts all that again

SIGNALS to a running starter
  SIGTERM, SIGINT                   stops all services in reverse order and exits with 0; again: kills them
  SIGHUP                            reads the configuration again; only services that changed restart
  SIGUSR1                           logs the state of each service

EXIT CODES: 0 it is done, 1 it is not (standard error says why), 2 the command line is wrong.";

#[derive(Subcommand)]
enum Command {
    /// Checks a configuration: prints the names in the order in which they start, or all that is
    /// wrong, with lines
    Check { file: PathBuf },
    /// Prints who requires whom, for Graphviz: starter graph FILE | dot -Tsvg
    Graph { file: PathBuf },
    /// Starts the services of a configuration and looks after them until SIGTERM or SIGINT
    Run(run::Options),
    /// Shows all services of the running starter
    Status {
        #[command(flatten)]
        control: Control,
        /// As JSON
        #[arg(long)]
        json: bool,
    },
    /// Starts services and what they require, and waits until they are ready
    Start(Named),
    /// Stops services and what requires them, and waits until they have ended
    Stop(Named),
    /// Stops services and what requires them, starts all that again, and waits until it is ready
    Restart(Named),
    /// Stops all services; the starter goes on (SIGTERM ends it too)
    StopAll(Control),
}

#[derive(Args)]
pub struct Control {
    /// The control socket of the starter
    /// [default: /run/starter.sock for root, otherwise starter.sock in $XDG_RUNTIME_DIR, or starter-UID.sock in the directory for temporary files]
    #[arg(long, env = "STARTER_SOCKET", value_name = "PATH")]
    socket: Option<PathBuf>,
}

#[derive(Args)]
struct Named {
    /// Services
    #[arg(required = true, value_name = "NAME")]
    names: Vec<String>,
    #[command(flatten)]
    control: Control,
}

type Result<T> = std::result::Result<T, Box<dyn Error>>;

impl Control {
    pub fn path(&self) -> PathBuf {
        self.socket.clone().unwrap_or_else(control::default_socket)
    }

    /// For somebody who is going to work somewhere else.
    pub fn make_absolute(&mut self) -> std::io::Result<()> {
        self.socket = Some(std::path::absolute(self.path())?);
        Ok(())
    }
}

impl Cli {
    pub fn run(self) -> Result<()> {
        match self.command {
            Command::Check { file } => check(&file),
            Command::Graph { file } => print(&graph::dot(&config::load(&file)?)),
            Command::Run(options) => run::run(options),
            Command::Status { control, json } => status(&control, json),
            Command::Start(Named { names, control }) => order(&control, &Request::Start { names }),
            Command::Stop(Named { names, control }) => order(&control, &Request::Stop { names }),
            Command::Restart(Named { names, control }) => {
                order(&control, &Request::Restart { names })
            }
            Command::StopAll(control) => order(&control, &Request::StopAll),
        }
    }
}

fn print(text: &str) -> Result<()> {
    Ok(std::io::stdout().write_all(text.as_bytes())?)
}

fn check(file: &Path) -> Result<()> {
    let services = config::load(file)?;
    print(&graph::start_order(&services).iter().map(|name| format!("{name}\n")).collect::<String>())
}

fn order(control: &Control, request: &Request) -> Result<()> {
    match control::ask(&control.path(), request)? {
        Answer::Done(names) => {
            print(&names.iter().map(|name| format!("{name}\n")).collect::<String>())
        }
        Answer::Error(error) => Err(error.into()),
        Answer::Services(_) => Err("an answer to another question".into()),
    }
}

fn status(control: &Control, json: bool) -> Result<()> {
    match control::ask(&control.path(), &Request::Status)? {
        Answer::Services(services) if json => {
            print(&(serde_json::to_string_pretty(&services)? + "\n"))
        }
        Answer::Services(services) => print(&table(&services)),
        Answer::Error(error) => Err(error.into()),
        Answer::Done(_) => Err("an answer to another question".into()),
    }
}

fn table(services: &[Status]) -> String {
    let width = services.iter().map(|service| service.name.len()).max().unwrap_or(0).max(4);
    let mut text = format!(
        "{:width$}  {:11}  {:>8}  {:>9}  {:>6}  REMARK\n",
        "NAME", "STATE", "PID", "RUNNING", "STARTS"
    );
    for service in services {
        let Status { name, state, starts, .. } = service;
        let pid = service.pid.map_or_else(|| "-".to_owned(), |pid| pid.to_string());
        let running = service.running.map_or_else(|| "-".to_owned(), duration);
        let remark = service.remark.as_deref().unwrap_or("");
        let line =
            format!("{name:width$}  {state:11}  {pid:>8}  {running:>9}  {starts:>6}  {remark}");
        text.push_str(line.trim_end());
        text.push('\n');
    }
    text
}

/// Two units will do: `4d 3h`, `59s`.
fn duration(seconds: u64) -> String {
    match seconds {
        0..60 => format!("{seconds}s"),
        60..3600 => format!("{}m {}s", seconds / 60, seconds % 60),
        3600..86400 => format!("{}h {}m", seconds / 3600, seconds / 60 % 60),
        _ => format!("{}d {}h", seconds / 86400, seconds / 3600 % 24),
    }
}
