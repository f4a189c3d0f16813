//! From text to services: every key is looked at, whatever is wrong with the others.

use super::keys;
use super::problem::Place;
use super::{Problem, Ready, Service, Services};
use indexmap::IndexMap;
use serde::Deserialize;
use std::borrow::Cow;
use std::ops::Range;
use std::path::PathBuf;
use std::rc::Rc;
use toml::de::{DeTable, DeValue, ValueDeserializer};
use toml::Spanned;

#[derive(Default)]
pub struct Parsed {
    pub services: Services,
    pub lines: Lines,
    pub problems: Vec<Problem>,
}

/// Where things stand.
#[derive(Default)]
pub struct Lines {
    /// The header of each service.
    pub service: IndexMap<String, Place>,
    /// Each name in a list `requires` or `after`: by service and required service.
    pub requires: IndexMap<(String, String), Place>,
    /// The key `output` of each service that has it.
    pub output: IndexMap<String, Place>,
}

/// Adds what `text` says. Returns what it includes.
pub fn parse(text: &str, file: &Rc<PathBuf>, parsed: &mut Parsed) -> Vec<(String, Place)> {
    let (document, errors) = DeTable::parse_recoverable(text);
    let newlines = text.match_indices('\n').map(|(at, _)| at).collect();
    let mut parser = Parser { file: Rc::clone(file), newlines, parsed };
    for error in &errors {
        let mut message = error.message().to_owned();
        if let Some(key) = error.span().filter(|_| message == "duplicate key") {
            message = format!("duplicate key `{}`", text.get(key).unwrap_or_default());
        }
        parser.problem(error.span(), message);
        // The rest of the line is guesswork.
        parser.parsed.problems.dedup_by(|a, b| a.place.is_some() && a.place == b.place);
    }
    let mut include = Vec::new();
    for (key, value) in document.into_inner() {
        match (key.get_ref().as_ref(), value.get_ref()) {
            ("service", DeValue::Table(_)) => parser.services(value),
            ("service", _) => {
                parser.problem(Some(value.span()), "`service` must be a table: [service.NAME]");
            }
            ("include", _) => {
                let place = parser.place(&key.span());
                let patterns: Option<Vec<String>> = parser.value(&key, value);
                let patterns = patterns.unwrap_or_default().into_iter();
                include.extend(patterns.map(|pattern| (pattern, place.clone())));
            }
            (other, _) => {
                let message = format!(
                    "unknown key `{other}`: there are only `include` and tables [service.NAME]"
                );
                parser.problem(Some(key.span()), message);
            }
        }
    }
    include
}

pub struct Parser<'p> {
    file: Rc<PathBuf>,
    /// Where they are: to count them anew for each key would take forever for a long file.
    newlines: Vec<usize>,
    pub parsed: &'p mut Parsed,
}

pub type Key<'i> = Spanned<Cow<'i, str>>;
pub type Value<'i> = Spanned<DeValue<'i>>;

impl<'i> Parser<'_> {
    pub fn place(&self, span: &Range<usize>) -> Place {
        let line = 1 + self.newlines.partition_point(|newline| *newline < span.start);
        Place { file: Rc::clone(&self.file), line: Some(line) }
    }

    pub fn problem(&mut self, span: Option<Range<usize>>, message: impl Into<String>) {
        let place = span.map(|span| self.place(&span));
        let place = place.unwrap_or(Place { file: Rc::clone(&self.file), line: None });
        // A message of several lines would not fit behind a line number.
        let message = message.into().trim_end().replace('\n', ", ");
        self.parsed.problems.push(Problem { place: Some(place), message });
    }

    fn services(&mut self, table: Value<'i>) {
        let DeValue::Table(table) = table.into_inner() else { return };
        for (name, value) in table {
            let (span, name) = (name.span(), name.into_inner().into_owned());
            if let Some(Place { file, line }) = self.parsed.lines.service.get(&name) {
                let line = line.unwrap_or_default();
                let message = format!("service `{name}` is in {}:{line} already", file.display());
                self.problem(Some(span), message);
                continue;
            }
            self.parsed.lines.service.insert(name.clone(), self.place(&span));
            if !is_name(&name) {
                let message =
                    format!("`{name}` is no name of a service: that is at most 64 letters, digits, `-`, `_`, `.` and `@`, not `.` first");
                self.problem(Some(span), message);
            } else if let DeValue::Table(table) = value.into_inner() {
                let service = self.service(&name, span, table);
                self.parsed.services.insert(name, service);
            } else {
                self.problem(Some(span), format!("`{name}` must be a table: [service.{name}]"));
            }
        }
    }

    fn service(&mut self, name: &str, span: Range<usize>, table: DeTable<'i>) -> Service {
        let mut service = Service::default();
        let (mut has_command, mut has_delay) = (false, false);
        for (key, value) in table {
            has_command |= key.get_ref() == "command";
            has_delay |= key.get_ref() == "restart_delay";
            keys::key(self, &mut service, name, key, value);
        }
        if !has_command {
            self.problem(Some(span.clone()), format!("service `{name}` has no `command`"));
        }
        if has_delay && service.restart_delay > service.restart_delay_max {
            let message =
                format!("service `{name}`: `restart_delay` is longer than `restart_delay_max`");
            self.problem(Some(span.clone()), message);
        }
        let takes_time = service.ready != Ready::Started || !service.before_start.is_empty();
        if takes_time && service.ready_timeout.is_zero() {
            let message =
                format!("service `{name}`: a `ready_timeout` of 0 leaves no time to become ready");
            self.problem(Some(span), message);
        }
        service
    }

    pub fn value<T: Deserialize<'i>>(&mut self, key: &Key<'i>, value: Value<'i>) -> Option<T> {
        let span = value.span();
        match T::deserialize(ValueDeserializer::from(value)) {
            Ok(value) => Some(value),
            Err(error) => {
                let message = for_people(error.message());
                let message = format!("`{}`: {message}", key.get_ref());
                self.problem(Some(error.span().unwrap_or(span)), message);
                None
            }
        }
    }
}

/// What the deserializer calls its types.
fn for_people(message: &str) -> String {
    let mut message = message.to_owned();
    for (theirs, ours) in [
        ("expected a sequence", "expected a list: [\"a\", \"b\"]"),
        ("expected a boolean", "expected true or false"),
        ("expected a string", "expected a text in quotes"),
        ("expected a map", "expected a table: { name = \"value\" }"),
    ] {
        message = message.replace(theirs, ours);
    }
    message
}

/// Names go into file names and log lines.
fn is_name(name: &str) -> bool {
    let fits = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.@".contains(&byte);
    !name.is_empty() && name.len() <= 64 && !name.starts_with('.') && name.bytes().all(fits)
}
