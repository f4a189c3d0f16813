//! The keys of a service.

use super::parse::{Key, Parser, Value};
use super::value::{
    Amount, Command, Descriptors, Mode, Niceness, Period, Restarts, StopSignal, Text, Time,
};
use super::{Ready, Service};
use indexmap::IndexMap;
use serde::Deserialize;
use toml::Spanned;

/// All that there are, in the order in which they are explained.
pub const KEYS: [&str; 31] = [
    "command",
    "requires",
    "after",
    "optional",
    "autostart",
    "environment",
    "environment_file",
    "directory",
    "user",
    "group",
    "umask",
    "nice",
    "nofile",
    "core",
    "descriptors",
    "output",
    "before_start",
    "after_stop",
    "restart",
    "restart_delay",
    "restart_delay_max",
    "restart_limit",
    "restart_window",
    "on_failure",
    "ready",
    "ready_timeout",
    "health",
    "watchdog",
    "stop_signal",
    "stop_signal_to",
    "stop_timeout",
];

/// Takes one key over into the service.
pub fn key<'i>(
    parser: &mut Parser<'_>,
    service: &mut Service,
    name: &str,
    key: Key<'i>,
    value: Value<'i>,
) {
    let taker = Taker { parser, key: &key, value };
    match key.get_ref().as_ref() {
        "command" => taker.set(&mut service.command, |Command(command)| command),
        "before_start" => taker.set(&mut service.before_start, |Command(command)| command),
        "after_stop" => taker.set(&mut service.after_stop, |Command(command)| command),
        "requires" => taker.names(&mut service.requires, name),
        "after" => taker.names(&mut service.after, name),
        "environment" => taker.environment(service),
        "environment_file" => {
            taker.set(&mut service.environment_file, |Text(path)| Some(path.into()));
        }
        "optional" => taker.set(&mut service.optional, |value| value),
        "autostart" => taker.set(&mut service.autostart, |value| value),
        "directory" => taker.set(&mut service.directory, |Text(path)| Some(path.into())),
        "user" => taker.set(&mut service.user, |Text(user)| Some(user)),
        "group" => taker.set(&mut service.group, |Text(group)| Some(group)),
        "umask" => taker.set(&mut service.umask, |Mode(mode)| Some(mode)),
        "nice" => taker.set(&mut service.nice, |Niceness(nice)| Some(nice)),
        "nofile" => taker.set(&mut service.nofile, |Amount(number)| Some(number)),
        "core" => taker.set(&mut service.core, |Amount(size)| Some(size)),
        "descriptors" => taker.set(&mut service.descriptors, |Descriptors(fds)| fds),
        "output" => taker.output(service, name),
        "restart" => taker.set(&mut service.restart, |restart| restart),
        "restart_delay" => taker.set(&mut service.restart_delay, |Time(time)| time),
        "restart_delay_max" => taker.set(&mut service.restart_delay_max, |Time(time)| time),
        "restart_limit" => taker.set(&mut service.restart_limit, |Restarts(limit)| limit),
        "restart_window" => taker.set(&mut service.restart_window, |Time(time)| time),
        "on_failure" => taker.set(&mut service.on_failure, |value| value),
        "ready" => taker.set(&mut service.ready, |ready: Ready| ready),
        "ready_timeout" => taker.set(&mut service.ready_timeout, |Time(time)| time),
        "health" => taker.set(&mut service.health, Some),
        "watchdog" => taker.set(&mut service.watchdog, |Period(time)| Some(time)),
        "stop_signal" => taker.set(&mut service.stop_signal, |StopSignal(signal)| signal),
        "stop_signal_to" => taker.set(&mut service.stop_signal_to, |value| value),
        "stop_timeout" => taker.set(&mut service.stop_timeout, |Time(time)| time),
        other => {
            let keys = KEYS.join(", ");
            let message =
                format!("unknown key `{other}` in service `{name}`: a service has {keys}");
            taker.parser.problem(Some(key.span()), message);
        }
    }
}

struct Taker<'t, 'p, 'i> {
    parser: &'t mut Parser<'p>,
    key: &'t Key<'i>,
    value: Value<'i>,
}

impl<'i> Taker<'_, '_, 'i> {
    fn set<T, V: Deserialize<'i>>(self, target: &mut T, make: impl Fn(V) -> T) {
        if let Some(value) = self.parser.value(self.key, self.value) {
            *target = make(value);
        }
    }

    fn names(self, target: &mut Vec<String>, service: &str) {
        let names: Option<Vec<Spanned<String>>> = self.parser.value(self.key, self.value);
        for name in names.unwrap_or_default() {
            let place = self.parser.place(&name.span());
            let name = name.into_inner();
            let lines = &mut self.parser.parsed.lines.requires;
            lines.entry((service.to_owned(), name.clone())).or_insert(place);
            if !target.contains(&name) {
                target.push(name);
            }
        }
    }

    fn output(self, service: &mut Service, name: &str) {
        let place = self.parser.place(&self.key.span());
        self.parser.parsed.lines.output.insert(name.to_owned(), place);
        self.set(&mut service.output, |output| output);
    }

    fn environment(self, service: &mut Service) {
        let span = self.value.span();
        let environment: Option<IndexMap<String, String>> = self.parser.value(self.key, self.value);
        for (name, value) in environment.iter().flatten() {
            if name.is_empty() || name.contains(['=', '\0']) || value.contains('\0') {
                let message =
                    format!("`environment`: `{}` cannot be passed on", name.escape_default());
                self.parser.problem(Some(span.clone()), message);
            }
        }
        service.environment = environment.unwrap_or_default();
    }
}
