//! `nohup` of coreutils: runs a program that survives the end of the terminal.
//!
//! What is ignored stays ignored through `exec`: that is all, except that files take the place of
//! the terminal, which will be gone.

use signal::{install, Handler, SIGHUP};
use std::env::{args_os, var_os};
use std::fs::{File, OpenOptions};
use std::io::{self, ErrorKind};
use std::os::unix::fs::OpenOptionsExt;
use std::os::unix::io::{AsFd, AsRawFd};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{exit, Command};

const HELP: &str = "\
usage: nohup COMMAND [ARGUMENT]...

Runs COMMAND with SIGHUP ignored. If standard input is a terminal, COMMAND cannot read it; if
standard output is one, it is appended to nohup.out here, or in the home directory; if standard
error is one, it goes where standard output goes.

Exits with 125 if nohup itself fails, 126 if COMMAND cannot be run, 127 if it is not found;
otherwise as COMMAND does.";

fn main() {
    let mut arguments: Vec<_> = args_os().skip(1).collect();
    match arguments.first().map(|argument| argument.to_string_lossy().into_owned()) {
        None => fail(125, "missing operand; --help says more"),
        Some(option) if option == "--help" => {
            println!("{HELP}");
            return;
        }
        Some(option) if option == "--" => drop(arguments.remove(0)),
        Some(option) if option.starts_with('-') => {
            fail(125, &format!("unknown option {option:?}; --help says more"))
        }
        Some(_) => {}
    }
    if arguments.is_empty() {
        fail(125, "missing operand; --help says more");
    }
    let mut command = Command::new(&arguments[0]);
    command.args(&arguments[1..]);
    redirect(&mut command).unwrap_or_else(|error| fail(125, &error));
    install(SIGHUP, Handler::Ignore).unwrap_or_else(|error| fail(125, &error.to_string()));
    let error = command.exec();
    let code = if error.kind() == ErrorKind::NotFound { 127 } else { 126 };
    fail(code, &format!("failed to run command {:?}: {error}", arguments[0]))
}

fn fail(code: i32, error: &str) -> ! {
    eprintln!("nohup: {error}");
    exit(code)
}

fn redirect(command: &mut Command) -> Result<(), String> {
    let words = |what: &str| {
        let what = what.to_owned();
        move |error: io::Error| format!("{what}: {error}")
    };
    let [input, output, errors] =
        [is_terminal(&io::stdin()), is_terminal(&io::stdout()), is_terminal(&io::stderr())];
    let mut done = Vec::new();
    if input {
        // For writing: a program that reads from it gets an error and not an end.
        let null = OpenOptions::new().write(true).open("/dev/null");
        command.stdin(null.map_err(words("/dev/null"))?);
        done.push("ignoring input".to_owned());
    }
    let mut file = None;
    if output {
        let (path, out) = nohup_out()?;
        done.push(format!("appending output to '{}'", path.display()));
        command.stdout(out.try_clone().map_err(words("standard output"))?);
        file = Some(out);
    }
    if errors {
        if !output {
            done.push("redirecting stderr to stdout".to_owned());
            let stdout = io::stdout().as_fd().try_clone_to_owned();
            file = Some(File::from(stdout.map_err(words("standard output"))?));
        }
        command.stderr(file.expect("one of the two"));
    }
    if !done.is_empty() {
        eprintln!("nohup: {}", done.join(" and "));
    }
    Ok(())
}

/// For its owner alone.
fn nohup_out() -> Result<(PathBuf, File), String> {
    let open = |path: &Path| {
        OpenOptions::new()
            .append(true)
            .create(true)
            .mode(0o600)
            .open(path)
            .map_err(|error| format!("failed to open '{}': {error}", path.display()))
    };
    let here = PathBuf::from("nohup.out");
    match (open(&here), var_os("HOME")) {
        (Ok(file), _) => Ok((here, file)),
        (Err(error), None) => Err(error),
        (Err(_), Some(home)) => {
            let there = Path::new(&home).join("nohup.out");
            open(&there).map(|file| (there, file))
        }
    }
}

fn is_terminal(fd: &impl AsRawFd) -> bool {
    // SAFETY: takes a plain value.
    unsafe { libc::isatty(fd.as_raw_fd()) == 1 }
}
