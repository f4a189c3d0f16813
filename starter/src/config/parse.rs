//! From text to services: every key is looked at, whatever is wrong with the others.

use super::value::{StopSignal, Text, Time};
use super::{Problem, Ready, Service, Services};
use indexmap::IndexMap;
use serde::Deserialize;
use std::borrow::Cow;
use std::ops::Range;
use toml::de::{DeTable, DeValue, ValueDeserializer};
use toml::Spanned;

const KEYS: &str = "command, requires, optional, environment, directory, user, restart, restart_delay, \
                    restart_delay_max, restart_limit, ready, ready_timeout, stop_signal, stop_timeout";

pub struct Parsed {
    pub services: Services,
    pub lines: Lines,
    pub problems: Vec<Problem>,
}

/// Where things stand in the file.
#[derive(Default)]
pub struct Lines {
    /// Of the header of each service.
    pub service: IndexMap<String, usize>,
    /// Of each name in a list `requires`: by service and required service.
    pub requires: IndexMap<(String, String), usize>,
}

pub fn parse(text: &str) -> Parsed {
    let (document, errors) = DeTable::parse_recoverable(text);
    let parsed =
        Parsed { services: Services::new(), lines: Lines::default(), problems: Vec::new() };
    let mut parser =
        Parser { newlines: text.match_indices('\n').map(|(at, _)| at).collect(), parsed };
    for error in &errors {
        parser.problem(error.span(), error.message());
        // The rest of the line is guesswork.
        parser.parsed.problems.dedup_by_key(|problem| problem.line);
    }
    for (key, value) in document.into_inner() {
        match (key.get_ref().as_ref(), value.get_ref()) {
            ("service", DeValue::Table(_)) => parser.services(value),
            ("service", _) => {
                parser.problem(Some(value.span()), "`service` must be a table: [service.NAME]");
            }
            (other, _) => {
                let message =
                    format!("unknown key `{other}`: there are only tables [service.NAME]");
                parser.problem(Some(key.span()), message);
            }
        }
    }
    if errors.is_empty() && parser.parsed.lines.service.is_empty() {
        parser.problem(
            None,
            "no services: a service is a table [service.NAME] with at least a `command`",
        );
    }
    parser.parsed
}

struct Parser {
    /// Where they are: to count them anew for each key would take forever for a long file.
    newlines: Vec<usize>,
    parsed: Parsed,
}

type Key<'i> = Spanned<Cow<'i, str>>;
type Value<'i> = Spanned<DeValue<'i>>;

impl<'i> Parser {
    fn line(&self, span: &Range<usize>) -> usize {
        1 + self.newlines.partition_point(|newline| *newline < span.start)
    }

    fn problem(&mut self, span: Option<Range<usize>>, message: impl Into<String>) {
        let line = span.map(|span| self.line(&span));
        // A message of several lines would not fit behind a line number.
        let message = message.into().trim_end().replace('\n', ", ");
        self.parsed.problems.push(Problem { line, message });
    }

    fn services(&mut self, table: Value<'i>) {
        let DeValue::Table(table) = table.into_inner() else { return };
        for (name, value) in table {
            let (span, name) = (name.span(), name.into_inner().into_owned());
            let line = self.line(&span);
            self.parsed.lines.service.insert(name.clone(), line);
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
            self.key(&mut service, name, key, value);
        }
        if !has_command {
            self.problem(Some(span.clone()), format!("service `{name}` has no `command`"));
        }
        if has_delay && service.restart_delay > service.restart_delay_max {
            let message =
                format!("service `{name}`: `restart_delay` is longer than `restart_delay_max`");
            self.problem(Some(span.clone()), message);
        }
        if service.ready != Ready::Started && service.ready_timeout.is_zero() {
            let message =
                format!("service `{name}`: a `ready_timeout` of 0 leaves no time to become ready");
            self.problem(Some(span), message);
        }
        service
    }

    fn key(&mut self, service: &mut Service, name: &str, key: Key<'i>, value: Value<'i>) {
        match key.get_ref().as_ref() {
            "command" => self.command(service, &key, value),
            "requires" => self.requires(service, name, &key, value),
            "environment" => self.environment(service, &key, value),
            "optional" => self.set(&mut service.optional, &key, value),
            "directory" => {
                self.set_with(&mut service.directory, &key, value, |Text(path)| Some(path.into()));
            }
            "user" => self.set_with(&mut service.user, &key, value, |Text(user)| Some(user)),
            "restart" => self.set(&mut service.restart, &key, value),
            "restart_delay" => {
                self.set_with(&mut service.restart_delay, &key, value, |Time(time)| time);
            }
            "restart_delay_max" => {
                self.set_with(&mut service.restart_delay_max, &key, value, |Time(time)| time);
            }
            "restart_limit" => self.set(&mut service.restart_limit, &key, value),
            "ready" => self.set(&mut service.ready, &key, value),
            "ready_timeout" => {
                self.set_with(&mut service.ready_timeout, &key, value, |Time(time)| time);
            }
            "stop_signal" => {
                self.set_with(&mut service.stop_signal, &key, value, |StopSignal(signal)| signal);
            }
            "stop_timeout" => {
                self.set_with(&mut service.stop_timeout, &key, value, |Time(time)| time);
            }
            other => {
                let message =
                    format!("unknown key `{other}` in service `{name}`: a service has {KEYS}");
                self.problem(Some(key.span()), message);
            }
        }
    }

    fn value<T: Deserialize<'i>>(&mut self, key: &Key<'i>, value: Value<'i>) -> Option<T> {
        let span = value.span();
        match T::deserialize(ValueDeserializer::from(value)) {
            Ok(value) => Some(value),
            Err(error) => {
                let message = error
                    .message()
                    .replace("expected a sequence", "expected a list: [\"a\", \"b\"]");
                let message = format!("`{}`: {message}", key.get_ref());
                self.problem(Some(error.span().unwrap_or(span)), message);
                None
            }
        }
    }

    fn set<T: Deserialize<'i>>(&mut self, target: &mut T, key: &Key<'i>, value: Value<'i>) {
        self.set_with(target, key, value, |value| value);
    }

    fn set_with<T, V>(
        &mut self,
        target: &mut T,
        key: &Key<'i>,
        value: Value<'i>,
        make: impl Fn(V) -> T,
    ) where
        V: Deserialize<'i>,
    {
        if let Some(value) = self.value(key, value) {
            *target = make(value);
        }
    }

    fn command(&mut self, service: &mut Service, key: &Key<'i>, value: Value<'i>) {
        let span = value.span();
        let Some(command) = self.value::<Vec<String>>(key, value) else { return };
        if command.first().is_none_or(|program| program.is_empty()) {
            self.problem(Some(span.clone()), "`command`: the program is missing");
        }
        if command.iter().any(|word| word.contains('\0')) {
            self.problem(Some(span), "`command`: a zero byte cannot be passed on");
        }
        service.command = command;
    }

    fn requires(&mut self, service: &mut Service, name: &str, key: &Key<'i>, value: Value<'i>) {
        for required in self.value::<Vec<Spanned<String>>>(key, value).unwrap_or_default() {
            let line = self.line(&required.span());
            let required = required.into_inner();
            self.parsed.lines.requires.insert((name.to_owned(), required.clone()), line);
            if !service.requires.contains(&required) {
                service.requires.push(required);
            }
        }
    }

    fn environment(&mut self, service: &mut Service, key: &Key<'i>, value: Value<'i>) {
        let span = value.span();
        let Some(environment) = self.value::<IndexMap<String, String>>(key, value) else { return };
        for (name, value) in &environment {
            if name.is_empty() || name.contains(['=', '\0']) || value.contains('\0') {
                let message =
                    format!("`environment`: `{}` cannot be passed on", name.escape_default());
                self.problem(Some(span.clone()), message);
            }
        }
        service.environment = environment;
    }
}

/// Names go into file names and log lines.
fn is_name(name: &str) -> bool {
    let fits = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.@".contains(&byte);
    !name.is_empty() && name.len() <= 64 && !name.starts_with('.') && name.bytes().all(fits)
}
