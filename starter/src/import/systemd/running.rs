//! How a service becomes ready, is restarted and stopped.

use super::keys::Keys;
use super::time;
use crate::import::draft::{seconds, Draft};
use toml::Value;

/// What holds in systemd without a key.
const TIMEOUT: f64 = 90.0;
const RESTART_DELAY: f64 = 0.1;
const START_LIMIT: f64 = 5.0;
const START_INTERVAL: f64 = 10.0;

pub fn take(keys: &mut Keys<'_>, draft: &mut Draft) {
    let oneshot = keys.peek("Service", "Type") == Some("oneshot");
    let both = timeout(keys, "TimeoutSec");
    let start = timeout(keys, "TimeoutStartSec").or(both).unwrap_or(TIMEOUT);
    if kind(keys, draft) {
        draft.set("ready_timeout", seconds(start));
    }
    let stop = timeout(keys, "TimeoutStopSec").or(both).unwrap_or(TIMEOUT);
    draft.set("stop_timeout", seconds(stop));
    restart(keys, draft, oneshot);
    stopping(keys, draft);
    if let Some(watchdog) = keys.parse("WatchdogSec", |text| time::seconds(text, false)) {
        if watchdog > 0.0 {
            draft.set("watchdog", seconds(watchdog));
        }
    }
}

fn timeout(keys: &mut Keys<'_>, key: &str) -> Option<f64> {
    let entry = keys.service(key)?;
    match time::seconds(&entry.value, true) {
        Ok(time) => {
            if time == time::LONGEST {
                keys.leave(&entry, "no time is longer than a day");
            }
            Some(time)
        }
        Err(reason) => {
            keys.leave(&entry, reason);
            None
        }
    }
}

/// Returns whether it says itself when it is ready.
fn kind(keys: &mut Keys<'_>, draft: &mut Draft) -> bool {
    let remains = keys.service("RemainAfterExit").is_some_and(|it| time::is_true(&it.value));
    let Some(entry) = keys.service("Type") else { return false };
    let reason = match entry.value.as_str() {
        "simple" | "exec" | "idle" => return false,
        "notify" => {
            draft.set("ready", "notify");
            return true;
        }
        "notify-reload" => {
            draft.set("ready", "notify");
            keys.leave(&entry, "to reload it: starter signal NAME HUP");
            return true;
        }
        "oneshot" if remains => "what requires it does not wait for its end: make it the `before_start` of that, if it must",
        "oneshot" => "what requires it does not wait for its end, after which it is `done` and not inactive",
        "forking" => {
            draft.set("autostart", false);
            "a service must stay in the foreground: change its command, and take out `autostart = false`"
        }
        "dbus" => "nobody looks at the bus: it counts as ready when it has been started",
        _ => "systemd has no such type",
    };
    keys.leave(&entry, reason);
    false
}

fn restart(keys: &mut Keys<'_>, draft: &mut Draft, oneshot: bool) {
    let entry = keys.service("Restart");
    let word = match entry.as_ref().map_or("no", |entry| entry.value.as_str()) {
        "no" => "never",
        "always" if oneshot => "on-failure",
        "on-failure" => "on-failure",
        "always" => "always",
        "on-success" => "always",
        _ => "on-failure",
    };
    if let Some(entry) =
        entry.filter(|it| !["no", "on-failure", "always"].contains(&it.value.as_str()))
    {
        keys.leave(&entry, format!("`{}`: what comes nearest is \"{word}\"", entry.value));
    }
    let delay = keys.parse("RestartSec", |text| time::seconds(text, false));
    let longest = keys.parse("RestartMaxDelaySec", |text| time::seconds(text, false));
    let interval = limit(keys, "StartLimitIntervalSec", "StartLimitInterval", START_INTERVAL);
    let burst = limit(keys, "StartLimitBurst", "StartLimitBurst", START_LIMIT);
    if word == "never" {
        draft.set("restart", word);
        return;
    }
    let delay = delay.unwrap_or(RESTART_DELAY);
    draft.set("restart", word);
    draft.set("restart_delay", seconds(delay));
    draft.set("restart_delay_max", seconds(longest.unwrap_or(delay).max(delay)));
    // With that many starts, more time has passed than counts.
    let never = interval == 0.0 || burst == 0.0 || delay * burst > interval;
    draft.set("restart_limit", if never { Value::from("none") } else { Value::from(burst as i64) });
}

/// It has moved from one section to the other, and one has changed its name.
fn limit(keys: &mut Keys<'_>, key: &str, old: &str, otherwise: f64) -> f64 {
    let mut value = otherwise;
    for (section, key) in [("Service", old), ("Unit", old), ("Unit", key)] {
        if let Some(entry) = keys.last(section, key) {
            match time::seconds(&entry.value, false) {
                Ok(number) => value = number,
                Err(reason) => keys.leave(&entry, reason),
            }
        }
    }
    value
}

fn stopping(keys: &mut Keys<'_>, draft: &mut Draft) {
    let signal = keys.parse("KillSignal", |text| {
        let signal = text.parse::<signal::Signal>();
        signal.map_err(|_| format!("`{text}` is no signal of this system"))
    });
    if let Some(signal) = signal {
        draft.set("stop_signal", signal.to_string());
    }
    let Some(entry) = keys.service("KillMode") else { return };
    match entry.value.as_str() {
        "control-group" => {}
        "mixed" => draft.set("stop_signal_to", "leader"),
        "process" | "none" => {
            draft.set("stop_signal_to", "leader");
            keys.leave(
                &entry,
                "what a service leaves behind is always killed: \"leader\" gets the signal first",
            );
        }
        _ => keys.leave(&entry, "systemd has no such mode"),
    }
}
