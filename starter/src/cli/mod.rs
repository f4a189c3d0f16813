//! The command line.

mod ask;
mod help;
mod table;

use crate::config;
use crate::control;
use crate::graph;
use crate::run;
use clap::{Args, Parser, Subcommand};
use std::error::Error;
use std::io::Write;
use std::path::{Path, PathBuf};

/// Starts services in the order of their dependencies, each in a session of its own, keeps them
/// running, and logs how each one ends.
#[derive(Parser)]
#[command(version, after_long_help = help::CONFIGURATION, max_term_width = 100)]
pub struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Checks a configuration: prints the names in the order in which they start, or all that is
    /// wrong, with lines
    Check { file: PathBuf },
    /// Prints who requires whom, for Graphviz: starter graph FILE | dot -Tsvg
    Graph { file: PathBuf },
    /// Starts the services of a configuration and looks after them until SIGTERM or SIGINT
    Run(run::Options),
    /// Shows services of the running starter: all, or those named, and then exits with 3 if one of
    /// them does not run
    Status {
        /// Services
        #[arg(value_name = "NAME")]
        names: Vec<String>,
        #[command(flatten)]
        control: Control,
        /// As JSON
        #[arg(long)]
        json: bool,
    },
    /// Shows what a service has last written
    Logs {
        name: String,
        #[command(flatten)]
        control: Control,
        /// Goes on showing what it writes
        #[arg(short, long)]
        follow: bool,
        /// How many lines
        #[arg(short = 'n', long, value_name = "N", default_value_t = 10)]
        lines: usize,
    },
    /// Starts services and what they require, and waits until they are ready
    Start(Named),
    /// Stops services and what requires them, and waits until they have ended
    Stop(Named),
    /// Stops services and what requires them, starts all that again, and waits until it is ready
    Restart(Named),
    /// Stops all services; the starter goes on (SIGTERM ends it too)
    StopAll(Control),
    /// Reads the configuration again, and shows what changes, or what is wrong
    Reload(Control),
    /// Sends a signal to a service
    Signal {
        name: String,
        /// By name or number: HUP, SIGHUP, 1
        #[arg(value_name = "SIG")]
        signal: String,
        #[command(flatten)]
        control: Control,
    },
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
    /// Returns the exit code.
    pub fn run(self) -> Result<i32> {
        match self.command {
            Command::Check { file } => check(&file),
            Command::Graph { file } => print(&graph::dot(&config::load(&file)?)),
            Command::Run(options) => return run::run(options),
            Command::Status { names, control, json } => {
                return ask::status(&control, names, json);
            }
            Command::Logs { name, control, follow, lines } => {
                ask::logs(&control, name, lines, follow)
            }
            Command::Start(Named { names, control }) => ask::start(&control, names),
            Command::Stop(Named { names, control }) => ask::stop(&control, names),
            Command::Restart(Named { names, control }) => ask::restart(&control, names),
            Command::StopAll(control) => ask::stop_all(&control),
            Command::Reload(control) => ask::reload(&control),
            Command::Signal { name, signal, control } => ask::signal(&control, name, signal),
        }
        .map(|()| 0)
    }
}

fn print(text: &str) -> Result<()> {
    Ok(std::io::stdout().write_all(text.as_bytes())?)
}

fn check(file: &Path) -> Result<()> {
    let services = config::load(file)?;
    print(&graph::start_order(&services).iter().map(|name| format!("{name}\n")).collect::<String>())
}
