//! Process 1 of a container: starts one program, passes every signal on to it, reaps the orphans
//! that the kernel gives to process 1, and exits as the program does.
//!
//! Without it the program would be process 1 itself: deaf to each signal that it does not catch,
//! with zombies for children.

use signal::child::reap_any;
use signal::{die_by, kill, session, CommandExt, Pid, SelfPipe, SignalSet, SIGCHLD, SIGPIPE};
use std::ffi::OsString;
use std::io::{self, ErrorKind};
use std::process::{exit, Command};

const HELP: &str = "\
usage: init COMMAND [ARGUMENT]...

Runs COMMAND, passes all signals on to it, and reaps what becomes an orphan. COMMAND is in a process
group of its own, and in the foreground if there is a terminal. Exits as COMMAND does, with 128 and
the number of the signal that killed it; 125 if init itself fails, 126 if COMMAND cannot be run, 127
if it is not found.";

fn main() {
    let arguments: Vec<_> = std::env::args_os().skip(1).collect();
    match arguments.first() {
        None => fail(125, "missing operand; --help says more"),
        Some(option) if option == "--help" => println!("{HELP}"),
        Some(_) => {
            let error = run(&arguments).unwrap_err();
            fail(125, &error.to_string())
        }
    }
}

fn fail(code: i32, error: &str) -> ! {
    eprintln!("init: {error}");
    exit(code)
}

/// Returns only when it fails.
fn run(command: &[OsString]) -> signal::Result<std::convert::Infallible> {
    // Who started the container may have left something ignored or blocked.
    session::reset_signals();
    // First, so that no signal comes too early. SIGPIPE is about this process's own output.
    let pipe = SelfPipe::new(SignalSet::asynchronous().without(SIGPIPE))?;
    let child = start(command);
    loop {
        for signal in pipe.wait()? {
            if signal != SIGCHLD {
                // It may have ended just now.
                let _ = kill(child, signal);
                continue;
            }
            for exited in reap_any() {
                let exited = exited?;
                if exited.pid == child {
                    end(exited.status)
                }
            }
        }
    }
}

fn start(command: &[OsString]) -> Pid {
    let mut program = Command::new(&command[0]);
    program.args(&command[1..]).new_group().reset_signals();
    if session::foreground(io::stdin()).is_ok() {
        program.foreground();
    }
    match program.spawn_with_signals_blocked() {
        Ok(child) => Pid::from(&child),
        Err(error) => {
            let code = if error.kind() == ErrorKind::NotFound { 127 } else { 126 };
            fail(code, &format!("failed to run command {:?}: {error}", command[0]))
        }
    }
}

fn end(status: signal::child::Status) -> ! {
    match (status.code(), status.signal()) {
        // Process 1 cannot die by it, and exits with 128 and its number.
        (None, Some(signal)) => die_by(signal),
        (code, _) => exit(code.unwrap_or(125)),
    }
}
