//! `timeout` of coreutils: runs a program with a limit of time.
//!
//! A self-pipe awaits all in one place: the program's end, its deadline, and signals that come
//! meanwhile, which are passed on to the program and what it has started.

use signal::{child, die_by, install, kill, kill_own_group, session, unblock, Handler, Pid};
use signal::{SelfPipe, Signal, SIGCHLD, SIGCONT, SIGHUP, SIGINT, SIGKILL, SIGQUIT, SIGTERM};
use std::ffi::{OsStr, OsString};
use std::io::ErrorKind;
use std::process::{exit, Command};
use std::time::{Duration, Instant};

const HELP: &str = "\
usage: timeout [OPTION]... DURATION COMMAND [ARGUMENT]...

Runs COMMAND and stops it after DURATION: a number with a suffix, s (seconds, the default), m, h or
d. 0 means never.

  -s, --signal=SIGNAL         what to send then (default TERM)
  -k, --kill-after=DURATION   send KILL too if it still runs so much later
      --foreground            leave COMMAND in this process group, where it can read from the
                              terminal; what it has started is then left alone
      --preserve-status       exit as COMMAND does even if the time is over
      --help                  this text

Exits with 124 if the time is over, 125 if timeout itself fails, 126 if COMMAND cannot be run, 127
if it is not found, 137 if it was killed by KILL; otherwise as COMMAND does.";

struct Options {
    signal: Signal,
    kill_after: Option<Duration>,
    foreground: bool,
    preserve_status: bool,
    limit: Option<Duration>,
    command: Vec<OsString>,
}

fn main() {
    let options = parse(std::env::args_os().skip(1)).unwrap_or_else(|error| fail(125, &error));
    let code = run(&options).unwrap_or_else(|error| fail(125, &error.to_string()));
    exit(code)
}

fn fail(code: i32, error: &str) -> ! {
    eprintln!("timeout: {error}");
    exit(code)
}

fn run(options: &Options) -> signal::Result<i32> {
    // The parent may have SIGCHLD ignored, which leaves no status, or blocked.
    install(SIGCHLD, Handler::Default)?;
    unblock(SIGCHLD);
    if !options.foreground {
        // Fails for the leader of a session, which has a group of its own already.
        let _ = session::new_group();
    }
    let set = SIGCHLD | SIGHUP | SIGINT | SIGQUIT | SIGTERM | options.signal;
    let pipe = SelfPipe::new(set.without(SIGKILL).without(signal::SIGSTOP))?;
    let pid = start(&options.command);
    let (mut deadline, mut kill_after) = (after(options.limit), options.kill_after);
    let (mut next, mut time_is_over) = (options.signal, false);
    let exited = loop {
        let left =
            deadline.map_or(Duration::MAX, |end| end.saturating_duration_since(Instant::now()));
        let signals = match pipe.wait_timeout(left)? {
            Some(signals) => signals,
            None => {
                (time_is_over, deadline) = (true, None);
                next.into()
            }
        };
        if signals.contains(SIGCHLD) {
            if let Some(exited) = child::reap(pid)? {
                break exited;
            }
        }
        for signal in signals.without(SIGCHLD) {
            if let Some(time) = kill_after.take() {
                (deadline, next) = (after(Some(time)), SIGKILL);
            }
            send(pid, signal, &pipe, options.foreground);
        }
    };
    Ok(match (exited.status.code(), exited.status.signal()) {
        (Some(code), _) if !time_is_over || options.preserve_status => code,
        (_, Some(SIGKILL)) if time_is_over => 128 + SIGKILL.as_raw(),
        (_, Some(signal)) if time_is_over && options.preserve_status => 128 + signal.as_raw(),
        (_, Some(signal)) if !time_is_over => die_like_it(signal),
        _ => 124,
    })
}

fn after(time: Option<Duration>) -> Option<Instant> {
    time.and_then(|time| Instant::now().checked_add(time))
}

fn start(command: &[OsString]) -> Pid {
    match Command::new(&command[0]).args(&command[1..]).spawn() {
        Ok(child) => Pid::from(&child),
        Err(error) => {
            let code = if error.kind() == ErrorKind::NotFound { 127 } else { 126 };
            fail(code, &format!("failed to run command {:?}: {error}", command[0]))
        }
    }
}

/// To the program, which may have left the group, and to the group.
fn send(pid: Pid, signal: Signal, pipe: &SelfPipe, foreground: bool) {
    let _ = kill(pid, signal);
    if foreground {
        return;
    }
    // Not to this process itself once more, which only SIGKILL ends too.
    let _ = pipe.remove(signal).and_then(|()| install(signal, Handler::Ignore));
    let _ = kill_own_group(signal);
    // If they have been stopped, nothing else would reach them.
    let _ = kill(pid, SIGCONT);
    let _ = kill_own_group(SIGCONT);
}

/// For a shell, which must see that its program was killed; but with one core file, not two.
fn die_like_it(signal: Signal) -> ! {
    let none = libc::rlimit { rlim_cur: 0, rlim_max: 0 };
    // SAFETY: a whole structure.
    unsafe { libc::setrlimit(libc::RLIMIT_CORE, &none) };
    die_by(signal)
}

fn parse(arguments: impl Iterator<Item = OsString>) -> Result<Options, String> {
    let mut options = Options {
        signal: SIGTERM,
        kill_after: None,
        foreground: false,
        preserve_status: false,
        limit: None,
        command: Vec::new(),
    };
    let mut arguments = arguments.peekable();
    let is_option = |argument: &OsString| argument.to_string_lossy().starts_with('-');
    while let Some(argument) = arguments.next_if(is_option) {
        let argument = argument.to_string_lossy().into_owned();
        // `--name=value`, `-nvalue`, or the value is the next argument.
        let (name, value) = match argument.split_once('=') {
            Some((name, value)) if name.starts_with("--") => (name, Some(value)),
            _ if argument.starts_with("--") || !argument.is_char_boundary(2) => {
                (&argument[..], None)
            }
            _ => (&argument[..2], Some(&argument[2..]).filter(|value| !value.is_empty())),
        };
        let mut value = || match value {
            Some(value) => Ok(value.to_owned()),
            None => text(arguments.next().as_deref(), &format!("{name} wants a value")),
        };
        match name {
            "-s" | "--signal" => {
                let name = value()?;
                options.signal = name.parse().map_err(|_| format!("invalid signal {name:?}"))?;
            }
            "-k" | "--kill-after" => options.kill_after = duration(&value()?)?,
            "--foreground" => options.foreground = true,
            "--preserve-status" => options.preserve_status = true,
            "--help" => {
                println!("{HELP}");
                exit(0)
            }
            "--" => break,
            _ => return Err(format!("unknown option {argument:?}; --help says more")),
        }
    }
    options.limit =
        duration(&text(arguments.next().as_deref(), "missing operand; --help says more")?)?;
    options.command = arguments.collect();
    if options.command.is_empty() {
        return Err("missing operand; --help says more".to_owned());
    }
    Ok(options)
}

fn text(argument: Option<&OsStr>, otherwise: &str) -> Result<String, String> {
    argument.map(|text| text.to_string_lossy().into_owned()).ok_or_else(|| otherwise.to_owned())
}

/// `None` for 0: no limit.
fn duration(text: &str) -> Result<Option<Duration>, String> {
    let (number, unit) = match text.char_indices().last() {
        Some((at, 's')) => (&text[..at], 1.0),
        Some((at, 'm')) => (&text[..at], 60.0),
        Some((at, 'h')) => (&text[..at], 3600.0),
        Some((at, 'd')) => (&text[..at], 86400.0),
        _ => (text, 1.0),
    };
    match number.parse::<f64>() {
        // Some seconds that nobody lives to see.
        Ok(number) if number >= 0.0 => {
            let seconds = (number * unit).min(1e15);
            Ok(Some(Duration::from_secs_f64(seconds)).filter(|time| *time != Duration::ZERO))
        }
        _ => Err(format!("invalid time interval {text:?}")),
    }
}
