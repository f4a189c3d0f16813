//! What is asked of a running starter.

use super::table::{self, table};
use super::{print, Control, Result};
use crate::control::{self, Answer, Request, Status};
use std::io::{self, ErrorKind, IsTerminal, Write};
use std::time::Duration;

/// The cursor into the corner, and everything after it away.
const CLEAR: &str = "\x1b[H\x1b[2J";

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
    order(control, &Request::Start { names: names.into_iter().collect() })
}

pub fn stop(control: &Control, names: Vec<String>) -> Result<()> {
    order(control, &Request::Stop { names: names.into_iter().collect() })
}

pub fn restart(control: &Control, names: Vec<String>) -> Result<()> {
    order(control, &Request::Restart { names: names.into_iter().collect() })
}

pub fn stop_all(control: &Control) -> Result<()> {
    order(control, &Request::StopAll {})
}

pub fn signal(control: &Control, name: String, signal: String) -> Result<()> {
    order(control, &Request::Signal { name, signal })
}

fn services(control: &Control, names: &[String]) -> Result<Vec<Status>> {
    let names = names.iter().cloned().collect();
    match control::ask(&control.path(), &Request::Status { names })? {
        Answer::Services(services) => Ok(services),
        other => unexpected(other),
    }
}

pub fn status(control: &Control, names: Vec<String>, json: bool) -> Result<i32> {
    let services = services(control, &names)?;
    if json {
        print(&(serde_json::to_string_pretty(&services)? + "\n"))?;
    } else {
        print(&table(&services))?;
    }
    let well = services.iter().all(Status::is_well);
    Ok(if !names.is_empty() && !well { NOT_RUNNING } else { 0 })
}

/// Until nobody reads it or nobody answers.
pub fn watch(control: &Control, names: Vec<String>) -> Result<()> {
    let terminal = io::stdout().is_terminal();
    let mut before = Vec::new();
    loop {
        let now = services(control, &names)?;
        let mut lines = table::lines(&now);
        let same_names =
            now.iter().map(|it| &it.name).eq(before.iter().map(|it: &Status| &it.name));
        let changed: Vec<bool> =
            now.iter().map(|status| !before.iter().any(|other| status.is_row_of(other))).collect();
        if same_names && !terminal {
            let mut changed = std::iter::once(false).chain(changed.iter().copied());
            lines.retain(|_| changed.next() == Some(true));
        }
        if !same_names || changed.contains(&true) {
            let clear = if terminal { CLEAR } else { "" };
            if !show(&format!("{clear}{}", lines.concat()))? {
                return Ok(());
            }
        }
        before = now;
        std::thread::sleep(Duration::from_secs(1));
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
