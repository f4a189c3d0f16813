//! supervisord's ini file.

mod expand;
mod program;

use self::program::Program;
use super::draft::{Draft, Imported};
use super::ini::{self, Entry};
use super::Source;
use std::path::{Path, PathBuf};

/// A section, from the file that has it.
struct Section {
    file: PathBuf,
    line: usize,
    /// `program:web`
    name: String,
    entries: Vec<Entry>,
}

pub fn import(source: &Source, imported: &mut Imported) {
    let mut sections = read(&source.path, &source.text, imported);
    let mut included = Vec::new();
    for section in &sections {
        if section.name == "include" {
            included.extend(include(section, imported));
        }
    }
    sections.extend(included);
    let mut shared = Draft::new("");
    let mut programs: Vec<Program> = Vec::new();
    for section in &sections {
        if section.name == "supervisord" {
            supervisord(section, &mut shared, imported);
        }
    }
    for section in sections {
        match section.name.split_once(':') {
            Some(("program", name)) => {
                let name = name.trim().to_owned();
                let here = source.path.parent().unwrap_or(Path::new(""));
                programs.push(Program::read(name, section, here, &shared, imported));
            }
            _ => other(&section, imported),
        }
    }
    order(&mut programs);
    for Program { drafts, file, line, .. } in programs {
        drafts.into_iter().for_each(|draft| imported.add(draft, &file, line));
    }
}

/// Sections of the same name are one, and the last value of a key counts.
fn read(path: &Path, text: &str, imported: &mut Imported) -> Vec<Section> {
    let ini = ini::supervisord(text);
    for line in ini.strange {
        imported.leave(path, line, "the line".into(), "is neither a section nor `key = value`");
    }
    let mut sections: Vec<Section> = Vec::new();
    for (name, line) in ini.sections {
        if !sections.iter().any(|section| section.name == name) {
            sections.push(Section { file: path.to_owned(), line, name, entries: Vec::new() });
        }
    }
    for entry in ini.entries {
        if let Some(section) = sections.iter_mut().find(|section| section.name == entry.section) {
            section.entries.retain(|other| other.key != entry.key);
            section.entries.push(entry);
        }
    }
    sections
}

fn include(section: &Section, imported: &mut Imported) -> Vec<Section> {
    let base = section.file.parent().unwrap_or(Path::new(""));
    let mut sections = Vec::new();
    for entry in section.entries.iter().filter(|entry| entry.key == "files") {
        let here = base.to_string_lossy();
        let patterns = entry.value.replace("%(here)s", if here.is_empty() { "." } else { &here });
        for pattern in patterns.split_whitespace() {
            let whole = base.join(pattern);
            let paths = glob::glob(&whole.to_string_lossy()).into_iter().flatten().flatten();
            for path in paths {
                match std::fs::read_to_string(&path) {
                    Ok(text) => sections.extend(read(&path, &text, imported)),
                    Err(error) => imported.leave(
                        &section.file,
                        entry.line,
                        "[include] files".into(),
                        format!("{}: {error}", path.display()),
                    ),
                }
            }
        }
    }
    sections
}

/// What the main section says for all programs.
fn supervisord(section: &Section, shared: &mut Draft, imported: &mut Imported) {
    for entry in &section.entries {
        let reason = match entry.key.as_str() {
            // So it is here, too.
            "nodaemon" if entry.value == "true" => continue,
            "environment" => match environment(&entry.value, shared) {
                Ok(()) => continue,
                Err(reason) => reason,
            },
            "umask" => {
                shared.set("umask", entry.value.clone());
                continue;
            }
            "logfile" => "use `starter run --log-file PATH`".to_owned(),
            "pidfile" => "use `starter run --pid-file PATH`".to_owned(),
            "nodaemon" => "use `starter run --daemon`".to_owned(),
            "user" => "start the starter as this user".to_owned(),
            "minfds" => "each service may have `nofile`".to_owned(),
            _ => "there is nothing like it".to_owned(),
        };
        let what = format!("[supervisord] {}", entry.key);
        imported.leave(&section.file, entry.line, what, reason);
    }
}

fn environment(text: &str, shared: &mut Draft) -> Result<(), String> {
    for (name, value) in program::environment(text)? {
        let value = expand::expand(value.as_str().unwrap_or_default(), &|_| None)?;
        shared.put("environment", name, value);
    }
    Ok(())
}

fn other(section: &Section, imported: &mut Imported) {
    let kind = section.name.split(':').next().unwrap_or_default();
    let reason = match kind {
        "supervisord" | "include" | "supervisorctl" => return,
        "unix_http_server" => "the starter has a socket of its own: `starter run --socket PATH`",
        "inet_http_server" => "the starter does not listen on the network",
        "rpcinterface" => "other programs ask the starter by `starter status --json`",
        "group" => "there are no groups: name their members, `starter restart a b`",
        "eventlistener" => "there are no events: the log has what happens",
        "fcgi-program" => "the starter opens no sockets for services",
        _ => "supervisord has no such section",
    };
    imported.leave(&section.file, section.line, format!("[{}]", section.name), reason);
}

/// Programs start after those of the next lower priority.
fn order(programs: &mut [Program]) {
    programs.sort_by_key(|program| program.priority);
    for index in 0..programs.len() {
        let before = programs[..index].iter().map(|program| program.priority);
        let Some(lower) = before.filter(|it| *it < programs[index].priority).max() else {
            continue;
        };
        let names: Vec<String> = programs[..index]
            .iter()
            .filter(|program| program.priority == lower)
            .flat_map(|program| program.drafts.iter().map(|draft| draft.name.clone()))
            .collect();
        for draft in &mut programs[index].drafts {
            names.iter().for_each(|name| draft.add("after", name));
        }
    }
}
