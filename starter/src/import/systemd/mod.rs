//! Units of systemd: services.

mod account;
mod command;
mod keys;
mod reasons;
mod running;
mod specifier;
mod time;

use self::keys::Keys;
use super::draft::{Draft, Imported};
use super::ini;
use super::Source;
use std::path::{Path, PathBuf};

/// A service with what it says of others.
struct Unit {
    draft: Draft,
    file: PathBuf,
    line: usize,
    /// Those that are to start after it.
    before: Vec<String>,
}

/// The kinds of units that there are.
const KINDS: [&str; 10] = [
    "service",
    "socket",
    "timer",
    "target",
    "mount",
    "automount",
    "path",
    "slice",
    "scope",
    "swap",
];

pub fn is_unit(path: &Path) -> bool {
    path.extension().is_some_and(|extension| KINDS.iter().any(|kind| extension == *kind))
}

/// `redis@.service` for `redis@main.service`.
pub fn template(path: &Path) -> PathBuf {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    match (name.split_once('@'), is_unit(path)) {
        (Some((prefix, rest)), true) => {
            let kind = rest.rsplit('.').next().unwrap_or_default();
            path.with_file_name(format!("{prefix}@.{kind}"))
        }
        _ => path.to_owned(),
    }
}

/// `web` for `/lib/systemd/system/web.service`.
fn name(path: &Path) -> String {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    name.trim_end_matches(".service").to_owned()
}

pub fn import(sources: &[Source], imported: &mut Imported) {
    let known: Vec<String> = sources.iter().map(|source| name(&source.path)).collect();
    let mut units: Vec<Unit> =
        sources.iter().filter_map(|source| unit(source, &known, imported)).collect();
    let pairs: Vec<(String, String)> = units
        .iter()
        .flat_map(|unit| unit.before.iter().map(|later| (later.clone(), unit.draft.name.clone())))
        .collect();
    for (later, earlier) in pairs {
        if let Some(unit) = units.iter_mut().find(|unit| unit.draft.name == later) {
            unit.draft.add("after", &earlier);
        }
    }
    units.into_iter().for_each(|unit| imported.add(unit.draft, &unit.file, unit.line));
}

fn unit(source: &Source, known: &[String], imported: &mut Imported) -> Option<Unit> {
    let name = name(&source.path);
    let ini = ini::systemd(&source.text);
    for line in ini.strange {
        imported.leave(
            &source.path,
            line,
            "the line".into(),
            "is neither a section nor `Key=value`",
        );
    }
    let line = match ini.sections.iter().find(|(section, _)| section == "Service") {
        Some((_, line)) => *line,
        None => {
            let reason = "only services can be imported: this has no section [Service]";
            imported.leave(&source.path, 1, format!("`{name}`"), reason);
            return None;
        }
    };
    let mut draft = Draft::new(&name);
    let mut keys = Keys::new(&source.path, &name, ini.entries, imported);
    draft.comment = keys.last("Unit", "Description").map(|it| it.value);
    let has_command = command::take(&mut keys, &mut draft);
    running::take(&mut keys, &mut draft);
    account::take(&mut keys, &mut draft);
    let before = others(&mut keys, &mut draft, known);
    keys.leave_the_rest();
    if !has_command {
        imported.leave(
            &source.path,
            line,
            "[Service]".into(),
            "has no command that can be run here",
        );
        return None;
    }
    Some(Unit { draft, file: source.path.clone(), line, before })
}

/// What it says of other units. Returns those that start after it.
fn others(keys: &mut Keys<'_>, draft: &mut Draft, known: &[String]) -> Vec<String> {
    let mut before = Vec::new();
    for key in ["Requires", "BindsTo", "Requisite", "Wants", "After", "Before", "PartOf"] {
        for entry in keys.all("Unit", key) {
            for unit in entry.value.split_whitespace() {
                let name = unit.trim_end_matches(".service");
                if !known.iter().any(|other| other == name) {
                    keys.leave(
                        &entry,
                        format!("`{unit}` is none of the services imported with it"),
                    );
                    continue;
                }
                match key {
                    "Wants" => keys.leave(&entry, format!(
                        "`{unit}` is not started by it: set `autostart` there, or `requires` here"
                    )),
                    "PartOf" => keys.leave(&entry, format!(
                        "it does not stop with `{unit}`, unless it `requires` that and starts after it"
                    )),
                    // What is required comes first anyway.
                    "After" if draft.lists("requires", name) => {}
                    "After" => draft.add("after", name),
                    "Before" if draft.lists("requires", name) => {
                        keys.leave(&entry, format!("`{unit}` is required, and so comes first"));
                    }
                    "Before" => before.push(name.to_owned()),
                    // A service is restarted with those that it requires.
                    _ => draft.add("requires", name),
                }
            }
        }
    }
    before
}
