//! The environment of a service, and `${NAME}` in its values.

use super::parse::Lines;
use super::problem::Place;
use super::{Health, Output, Problem, Ready, Service, Test};
use indexmap::IndexMap;
use std::path::{Path, PathBuf};
use std::rc::Rc;

/// Set for a service when it is started: not for the starter to replace.
const SET_LATER: [&str; 3] = ["NOTIFY_FD", "NOTIFY_SOCKET", "WATCHDOG_USEC"];

/// Reads the file with variables, and replaces variables in values.
pub fn complete(
    name: &str,
    service: &mut Service,
    base: &Path,
    lines: &Lines,
    problems: &mut Vec<Problem>,
) {
    let mut environment = IndexMap::new();
    if let Some(file) = &service.environment_file {
        let path = base.join(file);
        if let Err(problem) = read(&path, &mut environment) {
            problems.push(problem);
        }
    }
    let own = std::mem::take(&mut service.environment);
    let mut unknown = Vec::new();
    for (key, mut value) in own {
        expand(&mut value, name, &environment, &mut unknown);
        environment.insert(key, value);
    }
    for text in values(service) {
        expand(text, name, &environment, &mut unknown);
    }
    for path in paths(service) {
        let mut text = path.to_string_lossy().into_owned();
        expand(&mut text, name, &environment, &mut unknown);
        *path = text.into();
    }
    service.environment = environment;
    unknown.dedup();
    for variable in unknown {
        let message = format!(
            "service `{name}`: `${{{variable}}}` is not set: set it, or write `${{{variable}:-default}}`, or `$${{{variable}}}` to leave it to the program"
        );
        problems.push(Problem { place: lines.service.get(name).cloned(), message });
    }
}

fn read(path: &Path, environment: &mut IndexMap<String, String>) -> Result<(), Problem> {
    let place = |line| Some(Place { file: Rc::new(path.to_owned()), line });
    let problem = |error: dotenvy::Error| match error {
        dotenvy::Error::LineParse(text, _) => {
            let whole = std::fs::read_to_string(path).unwrap_or_default();
            // Of a value alone, if that is where it went wrong.
            let line = whole.lines().position(|line| line.ends_with(text.trim_end()));
            let message = format!(
                "`{}` is no NAME=VALUE: a value with spaces or quotes needs quotes around it",
                text.trim_end().escape_debug()
            );
            Problem { place: place(line.map(|line| line + 1)), message }
        }
        error => Problem { place: place(None), message: error.to_string() },
    };
    for entry in dotenvy::from_path_iter(path).map_err(problem)? {
        let (key, value) = entry.map_err(problem)?;
        environment.insert(key, value);
    }
    Ok(())
}

fn values(service: &mut Service) -> impl Iterator<Item = &mut String> {
    let ready = match &mut service.ready {
        Ready::Exec(command) => command.as_mut_slice(),
        _ => &mut [],
    };
    let health = match &mut service.health {
        Some(Health { test: Test::Exec(command), .. }) => command.as_mut_slice(),
        _ => &mut [],
    };
    let commands = [&mut service.command, &mut service.before_start, &mut service.after_stop];
    commands
        .into_iter()
        .flatten()
        .chain(ready)
        .chain(health)
        .chain(&mut service.user)
        .chain(&mut service.group)
}

fn paths(service: &mut Service) -> impl Iterator<Item = &mut PathBuf> {
    let output = match &mut service.output {
        Output::File { path, .. } => Some(path),
        _ => None,
    };
    let ready = match &mut service.ready {
        Ready::File(path) => Some(path),
        _ => None,
    };
    output.into_iter().chain(ready).chain(&mut service.directory)
}

/// Replaces `${NAME}` and `${NAME:-default}`; `$${` becomes `${`. Everything else that begins with a
/// dollar is left to the program.
fn expand(
    text: &mut String,
    service: &str,
    environment: &IndexMap<String, String>,
    unknown: &mut Vec<String>,
) {
    if !text.contains("${") {
        return;
    }
    let (mut result, mut rest) = (String::new(), text.as_str());
    while let Some(at) = rest.find("${") {
        result.push_str(&rest[..at]);
        let inner = &rest[at + 2..];
        if result.ends_with('$') {
            result.pop();
            result.push_str("${");
            rest = inner;
            continue;
        }
        match variable(inner) {
            Some((name, default, length)) if !SET_LATER.contains(&name) => {
                let value = match name {
                    "SERVICE" => Some(service.to_owned()),
                    _ => environment.get(name).cloned().or_else(|| std::env::var(name).ok()),
                };
                match value.or(default.map(str::to_owned)) {
                    Some(value) => result.push_str(&value),
                    None => unknown.push(name.to_owned()),
                }
                rest = &inner[length..];
            }
            _ => {
                result.push_str("${");
                rest = inner;
            }
        }
    }
    result.push_str(rest);
    *text = result;
}

/// The name, the default, and how long both are with the closing brace.
fn variable(text: &str) -> Option<(&str, Option<&str>, usize)> {
    let end = text.find('}')?;
    let (name, default) = match text[..end].split_once(":-") {
        Some((name, default)) => (name, Some(default)),
        None => (&text[..end], None),
    };
    let is_name = name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
        && !name.is_empty()
        && !name.as_bytes()[0].is_ascii_digit();
    is_name.then_some((name, default, end + 1))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn variables_are_replaced_and_the_shells_own_are_not() {
        let environment = IndexMap::from([("PORT".to_owned(), "80".to_owned())]);
        for (before, after) in [
            ("${PORT}", "80"),
            ("a${PORT}b${PORT}", "a80b80"),
            ("${NO_SUCH:-x y}", "x y"),
            ("${PORT:-81}", "80"),
            ("$PORT $$ $! ${x%.c} ${", "$PORT $$ $! ${x%.c} ${"),
            ("$${PORT}", "${PORT}"),
            ("${NOTIFY_FD}", "${NOTIFY_FD}"),
            ("${SERVICE}.sock", "web.sock"),
        ] {
            let (mut text, mut unknown) = (before.to_owned(), Vec::new());
            expand(&mut text, "web", &environment, &mut unknown);
            assert_eq!((text.as_str(), unknown.len()), (after, 0), "{before}");
        }
        let mut unknown = Vec::new();
        expand(&mut "${NO_SUCH_NAME}".to_owned(), "web", &environment, &mut unknown);
        assert_eq!(unknown, ["NO_SUCH_NAME"]);
    }
}
