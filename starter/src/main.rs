//! Starts the services of a configuration in the order of their dependencies, each in a session of
//! its own, keeps them running, and logs how each one ends. `starter --help` tells the rest.

mod accounts;
mod cli;
mod config;
mod control;
mod event_loop;
mod graph;
mod import;
mod loader;
mod log;
mod notify;
mod output;
#[cfg(test)]
mod place;
mod platform;
mod ports;
mod process;
mod ready;
mod report;
mod run;
mod service;
mod supervisor;
#[cfg(feature = "top")]
mod top;
mod watched;

use clap::Parser;
use std::process::ExitCode;

fn main() -> ExitCode {
    match cli::Cli::parse().run() {
        Ok(code) => ExitCode::from(code as u8),
        Err(error) => {
            use std::io::Write;
            // With nowhere to say it, the exit code says it alone.
            let _ = writeln!(std::io::stderr(), "{}", error.to_string().trim_end());
            ExitCode::FAILURE
        }
    }
}
