//! What is asked of a running starter.

use super::table::table;
use super::{print, Control, Result};
use crate::control::{self, Answer, Request, Status};
use std::io::{self, ErrorKind, Write};

/// As for `systemctl status`.
const NOT_RUNNING: i32 = 3;

fn order(control: &Control, request: &Request) -> Result<()> {
    match control::ask(&control.path(), request)? {
        Answer::Done(names) => {
            print(&names.iter().map(|name| format!("{name}\n")).collect::<String>())
        }
        other => unexpected(other),
    }
}

fn unexpected<T>(answer: Answer) -> Result<T> {
    match answer {
        Answer::Error(error) => Err(error.into()),
        _ => Err("an answer to another question".into()),
    }
}

pub fn start(control: &Control, names: Vec<String>) -> Result<()> {
    order(control, &Request::Start { names })
}

pub fn stop(control: &Control, names: Vec<String>) -> Result<()> {
    order(control, &Request::Stop { names })
}

pub fn restart(control: &Control, names: Vec<String>) -> Result<()> {
    order(control, &Request::Restart { names })
}

pub fn stop_all(control: &Control) -> Result<()> {
    order(control, &Request::StopAll {})
}

pub fn signal(control: &Control, name: String, signal: String) -> Result<()> {
    order(control, &Request::Signal { name, signal })
}

pub fn status(control: &Control, names: Vec<String>, json: bool) -> Result<i32> {
    let named = !names.is_empty();
    match control::ask(&control.path(), &Request::Status { names })? {
        Answer::Services(services) => {
            if json {
                print(&(serde_json::to_string_pretty(&services)? + "\n"))?;
            } else {
                print(&table(&services))?;
            }
            let well = services.iter().all(Status::is_well);
            Ok(if named && !well { NOT_RUNNING } else { 0 })
        }
        other => unexpected(other),
    }
}

pub fn reload(control: &Control) -> Result<()> {
    match control::ask(&control.path(), &Request::Reload {})? {
        Answer::Changes(changes) => {
            let mut text = String::new();
            for (what, names) in [
                ("added", &changes.added),
                ("removed", &changes.removed),
                ("restarted", &changes.restarted),
                ("changed", &changes.changed),
            ] {
                names.iter().for_each(|name| text.push_str(&format!("{what} {name}\n")));
            }
            print(if text.is_empty() { "nothing changes\n" } else { &text })
        }
        other => unexpected(other),
    }
}

pub fn logs(control: &Control, name: String, lines: usize, follow: bool) -> Result<()> {
    let mut failed = None;
    let request = Request::Logs { name, lines, follow };
    control::follow(&control.path(), &request, |answer| match answer {
        Answer::Output(text) => show(&text).map(|shown| shown && follow),
        other => {
            failed = Some(other);
            Ok(false)
        }
    })?;
    failed.map_or(Ok(()), unexpected)
}

/// `false`: nobody reads it any more.
fn show(text: &str) -> io::Result<bool> {
    let mut out = io::stdout();
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        Err(error) if error.kind() == ErrorKind::BrokenPipe => Ok(false),
        result => result.map(|()| true),
    }
}
