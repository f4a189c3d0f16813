//! What an import comes to: services, and what could not be said.

use crate::config;
use std::fmt;
use std::path::{Path, PathBuf};
use toml::Value;

/// What the configuration takes.
const LONGEST_NAME: usize = 64;

#[derive(Default)]
pub struct Imported {
    pub services: Vec<Draft>,
    pub left: Vec<Left>,
}

/// A service in the making.
pub struct Draft {
    pub name: String,
    /// What it is, for people.
    pub comment: Option<String>,
    keys: Vec<(&'static str, Value)>,
}

/// Something that our file has no words for.
pub struct Left {
    pub file: PathBuf,
    pub line: usize,
    /// `[section] key`
    pub what: String,
    /// Why, or what comes nearest.
    pub reason: String,
}

impl Draft {
    pub fn new(name: impl Into<String>) -> Draft {
        Draft { name: name.into(), comment: None, keys: Vec::new() }
    }

    pub fn set(&mut self, key: &'static str, value: impl Into<Value>) {
        self.keys.retain(|(other, _)| *other != key);
        self.keys.push((key, value.into()));
    }

    pub fn lists(&self, key: &str, element: &str) -> bool {
        let list = self.keys.iter().find(|(other, _)| *other == key);
        list.and_then(|(_, list)| list.as_array())
            .is_some_and(|list| list.iter().any(|it| it.as_str() == Some(element)))
    }

    /// Takes over what another has.
    pub fn inherit(&mut self, other: &Draft) {
        self.keys.extend(other.keys.iter().cloned());
    }

    /// Adds an element to a table.
    pub fn put(&mut self, key: &'static str, name: String, value: String) {
        match self.keys.iter_mut().find(|(other, _)| *other == key) {
            Some((_, Value::Table(table))) => drop(table.insert(name, value.into())),
            _ => self.set(key, toml::Table::from_iter([(name, Value::from(value))])),
        }
    }

    /// Adds an element to a list.
    pub fn add(&mut self, key: &'static str, element: &str) {
        if self.lists(key, element) {
            return;
        }
        match self.keys.iter_mut().find(|(other, _)| *other == key) {
            Some((_, Value::Array(list))) => list.push(element.into()),
            _ => self.set(key, vec![element]),
        }
    }
}

/// Seconds, without a point where they are whole.
pub fn seconds(seconds: f64) -> Value {
    if seconds.fract() == 0.0 {
        Value::from(seconds as i64)
    } else {
        Value::from(seconds)
    }
}

impl Imported {
    pub fn leave(&mut self, file: &Path, line: usize, what: String, reason: impl Into<String>) {
        self.left.push(Left { file: file.to_owned(), line, what, reason: reason.into() });
    }

    /// Adds a service under a name that is allowed and that no other has.
    pub fn add(&mut self, mut draft: Draft, file: &Path, line: usize) {
        let fits = |char: char| char.is_ascii_alphanumeric() || "-_.@".contains(char);
        let mut name: String =
            draft.name.chars().map(|it| if fits(it) { it } else { '-' }).collect();
        name.truncate(LONGEST_NAME);
        if name.is_empty() || name.starts_with('.') {
            name = format!("service{name}").chars().take(LONGEST_NAME).collect();
        }
        let wanted = name.clone();
        let mut number = 2;
        while self.services.iter().any(|other| other.name == name) {
            let end = format!("-{number}");
            let cut = wanted.len().min(LONGEST_NAME - end.len());
            name = format!("{}{end}", &wanted[..cut]);
            number += 1;
        }
        if name != draft.name {
            let reason = format!("the service is called `{name}` here");
            self.leave(file, line, format!("the name `{}`", draft.name), reason);
        }
        draft.name = name;
        self.services.push(draft);
    }

    pub fn finish(&mut self) {
        let order = |key: &str| config::KEYS.iter().position(|other| *other == key);
        for draft in &mut self.services {
            draft.keys.sort_by_key(|(key, _)| order(key));
        }
        self.left.sort_by(|a, b| (&a.file, a.line).cmp(&(&b.file, b.line)));
    }
}

/// The file, as TOML.
impl fmt::Display for Imported {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, draft) in self.services.iter().enumerate() {
            f.write_str(if index == 0 { "" } else { "\n" })?;
            for line in draft.comment.iter().flat_map(|comment| comment.lines()) {
                writeln!(f, "# {line}")?;
            }
            let bare = draft.name.chars().all(|it| it.is_ascii_alphanumeric() || "-_".contains(it));
            let quote = if bare { "" } else { "\"" };
            writeln!(f, "[service.{quote}{}{quote}]", draft.name)?;
            for (key, value) in &draft.keys {
                writeln!(f, "{key} = {value}")?;
            }
        }
        Ok(())
    }
}

impl fmt::Display for Left {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}: {}: {}", self.file.display(), self.line, self.what, self.reason)
    }
}
