//! The command line.

use std::fmt::Display;
use std::str::FromStr;
use std::time::Duration;

pub const HELP: &str = "\
The concurrent echo server of Stevens' UNP, chapter 5: one process for each connection.

usage: echo_server [--port PORT] [--grace SECONDS] [--max-children COUNT]
       echo_server --demo

  --port PORT           listen on 127.0.0.1:PORT; 0 takes a free one (default 9877)
  --grace SECONDS       how long children may finish after SIGTERM or SIGINT (default 10)
  --max-children COUNT  serve so many clients at once, let others wait (default 256)
  --demo                start a server, drive 200 clients through it while signals rain on it, check all
  --help                this text

SIGTERM, SIGINT   stop accepting, let the children finish, then SIGTERM and SIGKILL them
SIGINT again      end at once
SIGHUP            log the counts
";

pub enum Command {
    Serve(Options),
    Demo,
    Help,
}

pub struct Options {
    pub port: u16,
    pub grace: Duration,
    pub max_children: usize,
}

/// What the arguments ask for, or what is wrong with them.
pub fn parse(mut arguments: impl Iterator<Item = String>) -> Result<Command, String> {
    let mut options = Options { port: 9877, grace: Duration::from_secs(10), max_children: 256 };
    let mut demo = false;
    let mut others = false;
    while let Some(argument) = arguments.next() {
        let (name, value) = match argument.split_once('=') {
            Some((name, value)) => (name, Some(value.to_owned())),
            None => (argument.as_str(), None),
        };
        match (name, &value) {
            ("-h" | "--help", None) => return Ok(Command::Help),
            ("--demo", None) => {
                demo = true;
                continue;
            }
            ("--port" | "--grace" | "--max-children", _) => others = true,
            _ => return Err(format!("unknown argument {argument:?}")),
        }
        let value = value.or_else(|| arguments.next()).ok_or(format!("{name} wants a value"))?;
        match name {
            "--port" => options.port = number(name, &value, 0, u16::MAX)?,
            "--max-children" => options.max_children = number(name, &value, 1, 1_000_000)?,
            // Longer than eleven days is a slip of the finger.
            _ => options.grace = Duration::from_secs_f64(number(name, &value, 0.0, 1_000_000.0)?),
        }
    }
    match (demo, others) {
        (true, true) => Err("--demo takes no other options".to_owned()),
        (true, false) => Ok(Command::Demo),
        _ => Ok(Command::Serve(options)),
    }
}

fn number<T: FromStr + PartialOrd + Display>(
    name: &str,
    value: &str,
    least: T,
    most: T,
) -> Result<T, String> {
    match value.parse() {
        Ok(number) if least <= number && number <= most => Ok(number),
        _ => Err(format!("{name} wants a number from {least} to {most}, not {value:?}")),
    }
}
