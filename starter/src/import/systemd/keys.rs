//! The keys of a unit, each taken once; what nobody takes is left out.

use super::reasons::reason;
use super::specifier::Specifiers;
use crate::import::draft::Imported;
use crate::import::ini::Entry;
use std::path::Path;

pub struct Keys<'a> {
    file: &'a Path,
    entries: Vec<Entry>,
    specifiers: Specifiers,
    imported: &'a mut Imported,
}

impl<'a> Keys<'a> {
    pub fn new(
        file: &'a Path,
        name: &str,
        entries: Vec<Entry>,
        imported: &'a mut Imported,
    ) -> Keys<'a> {
        let user = entries.iter().rfind(|entry| entry.key == "User");
        let specifiers = Specifiers::new(name, user.map(|entry| entry.value.as_str()));
        Keys { file, entries, specifiers, imported }
    }

    /// The value that counts, which somebody else takes.
    pub fn peek(&self, section: &str, key: &str) -> Option<&str> {
        let is = |entry: &&Entry| entry.section == section && entry.key == key;
        self.entries.iter().rfind(is).map(|entry| entry.value.as_str())
    }

    /// All values of a key since it was last set to nothing.
    pub fn all(&mut self, section: &str, key: &str) -> Vec<Entry> {
        let (taken, rest) = std::mem::take(&mut self.entries)
            .into_iter()
            .partition::<Vec<_>, _>(|it| it.section == section && it.key == key);
        self.entries = rest;
        let from = taken.iter().rposition(|entry| entry.value.is_empty()).map_or(0, |at| at + 1);
        let mut values = Vec::new();
        for mut entry in taken.into_iter().skip(from) {
            match self.specifiers.expand(&entry.value) {
                Ok(value) => {
                    entry.value = value;
                    values.push(entry);
                }
                Err(reason) => self.leave(&entry, reason),
            }
        }
        values
    }

    /// The value that counts where a key has one.
    pub fn last(&mut self, section: &str, key: &str) -> Option<Entry> {
        self.all(section, key).pop()
    }

    pub fn service(&mut self, key: &str) -> Option<Entry> {
        self.last("Service", key)
    }

    /// A value that must be understood.
    pub fn parse<T>(
        &mut self,
        key: &str,
        parse: impl FnOnce(&str) -> Result<T, String>,
    ) -> Option<T> {
        let entry = self.service(key)?;
        match parse(&entry.value) {
            Ok(value) => Some(value),
            Err(reason) => {
                self.leave(&entry, reason);
                None
            }
        }
    }

    pub fn leave(&mut self, entry: &Entry, reason: impl Into<String>) {
        let what = format!("[{}] {}", entry.section, entry.key);
        self.imported.leave(self.file, entry.line, what, reason);
    }

    /// Keys that are left out for the same reason come in one line.
    pub fn leave_the_rest(mut self) {
        let mut groups: Vec<(Entry, &str)> = Vec::new();
        for entry in std::mem::take(&mut self.entries) {
            let Some(reason) = reason(&entry.section, &entry.key) else { continue };
            if entry.section.starts_with("X-") || entry.value.is_empty() {
                continue;
            }
            let same = |(first, other): &&mut (Entry, &str)| {
                *other == reason && first.section == entry.section
            };
            match groups.iter_mut().find(same) {
                Some((first, _)) if first.key.split(", ").any(|key| key == entry.key) => {}
                Some((first, _)) => first.key = format!("{}, {}", first.key, entry.key),
                None => groups.push((entry, reason)),
            }
        }
        groups.into_iter().for_each(|(entry, reason)| self.leave(&entry, reason));
    }
}
