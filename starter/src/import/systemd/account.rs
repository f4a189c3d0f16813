//! As whom, where and with what a service runs.

use super::keys::Keys;
use super::time;
use crate::import::draft::Draft;
use crate::import::ini::Entry;
use crate::import::literal;
use std::path::Path;
use toml::{Table, Value};

pub fn take(keys: &mut Keys<'_>, draft: &mut Draft) {
    for (theirs, ours) in [("User", "user"), ("Group", "group")] {
        if let Some(entry) = keys.service(theirs) {
            draft.set(ours, literal(&entry.value));
        }
    }
    directory(keys, draft);
    environment(keys, draft);
    for (theirs, ours) in [("LimitNOFILE", "nofile"), ("LimitCORE", "core")] {
        if let Some(entry) = keys.service(theirs) {
            match time::limit(&entry.value) {
                Ok(limit) => draft.set(ours, limit),
                Err(reason) => keys.leave(&entry, reason),
            }
            if entry.value.contains(':') {
                keys.leave(
                    &entry,
                    "there is one limit and no second, harder one: the first is taken",
                );
            }
        }
    }
    if let Some(entry) = keys.service("UMask") {
        draft.set("umask", entry.value);
    }
    let nice = keys
        .parse("Nice", |text| text.parse::<i64>().map_err(|_| format!("`{text}` is no number")));
    if let Some(nice) = nice {
        draft.set("nice", nice);
    }
    output(keys, draft);
}

fn directory(keys: &mut Keys<'_>, draft: &mut Draft) {
    let directory = match keys.service("WorkingDirectory") {
        Some(entry) if entry.value.starts_with('~') => {
            keys.leave(&entry, "`~`: write the directory; HOME is set");
            "/".to_owned()
        }
        Some(entry) => {
            if entry.value.starts_with('-') {
                keys.leave(&entry, "`-`: the directory must be there");
            }
            literal(entry.value.trim_start_matches('-'))
        }
        // Without a key, it is the root there and the configuration's directory here.
        None => "/".to_owned(),
    };
    draft.set("directory", directory);
}

fn environment(keys: &mut Keys<'_>, draft: &mut Draft) {
    let values = keys.all("Service", "Environment");
    for entry in &values {
        match shell_words::split(&entry.value) {
            Ok(pairs) => {
                for pair in pairs {
                    match pair.split_once('=') {
                        Some((name, value)) => {
                            draft.put("environment", name.to_owned(), literal(value));
                        }
                        None => keys.leave(entry, format!("`{pair}` is no NAME=VALUE")),
                    }
                }
            }
            Err(error) => keys.leave(entry, error.to_string()),
        }
    }
    let mut taken = false;
    for entry in keys.all("Service", "EnvironmentFile") {
        let path = entry.value.trim_start_matches('-');
        let there = Path::new(path).exists();
        if entry.value.starts_with('-') && !there {
            keys.leave(&entry, format!("{path} is not there, and a file that is named must be"));
        } else if taken {
            keys.leave(&entry, "there may be one file: put the others into it");
        } else {
            draft.set("environment_file", path);
            taken = true;
            if !values.is_empty() {
                keys.leave(
                    &entry,
                    "`environment` comes before the file here, and after it in systemd",
                );
            }
        }
    }
}

fn output(keys: &mut Keys<'_>, draft: &mut Draft) {
    let entry = keys.service("StandardOutput");
    let other = keys.service("StandardError");
    if let Some(entry) = &entry {
        match target(&entry.value) {
            Some(output) => draft.set("output", output),
            None => keys.leave(entry, "it goes to the log: `output` says where else it can go"),
        }
    }
    let same = |other: &Entry| {
        other.value == "inherit" || Some(&other.value) == entry.as_ref().map(|entry| &entry.value)
    };
    if let Some(other) = other.filter(|other| !same(other)) {
        let journal = entry.is_none() && ["journal", "syslog"].contains(&other.value.as_str());
        if !journal {
            keys.leave(&other, "it goes where standard output goes");
        }
    }
}

fn target(value: &str) -> Option<Value> {
    let path = ["file:", "append:", "truncate:"].iter().find_map(|kind| value.strip_prefix(*kind));
    match (value, path) {
        (_, Some(path)) => {
            Some(Table::from_iter([("file".to_owned(), Value::from(literal(path)))]).into())
        }
        ("journal" | "syslog" | "journal+console" | "inherit", _) => Some("log".into()),
        ("null", _) => Some("nowhere".into()),
        _ => None,
    }
}
