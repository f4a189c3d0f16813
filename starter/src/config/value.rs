//! What the values of a service may look like.

mod tables;

use serde::de::{Deserialize, Deserializer, Error, Unexpected, Visitor};
use std::fmt;
use std::time::Duration;

/// Seconds, whole or not; or a text with a unit: `"250ms"`, `"5s"`, `"2min"`, `"1h"`.
pub struct Time(pub Duration);

/// A day: nobody waits longer, and no sum of times overflows.
const LONGEST: f64 = 86_400.0;

impl<'de> Deserialize<'de> for Time {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Time, D::Error> {
        struct Times;
        impl Visitor<'_> for Times {
            type Value = Time;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(
                    "a time: seconds from 0 to 86400, or a text like \"250ms\", \"5s\", \"2min\", \"1h\"",
                )
            }
            fn visit_i64<E: Error>(self, seconds: i64) -> Result<Time, E> {
                seconds_to_time(seconds as f64)
                    .ok_or_else(|| E::invalid_value(Unexpected::Signed(seconds), &self))
            }
            fn visit_f64<E: Error>(self, seconds: f64) -> Result<Time, E> {
                seconds_to_time(seconds)
                    .ok_or_else(|| E::invalid_value(Unexpected::Float(seconds), &self))
            }
            fn visit_str<E: Error>(self, text: &str) -> Result<Time, E> {
                text_to_time(text).ok_or_else(|| E::invalid_value(Unexpected::Str(text), &self))
            }
        }
        deserializer.deserialize_any(Times)
    }
}

/// A time after which something happens again.
pub struct Period(pub Duration);

impl<'de> Deserialize<'de> for Period {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Period, D::Error> {
        match Time::deserialize(deserializer)? {
            Time(time) if time.is_zero() => {
                Err(D::Error::custom("must be longer than 0: leave the key out"))
            }
            Time(time) => Ok(Period(time)),
        }
    }
}

fn seconds_to_time(seconds: f64) -> Option<Time> {
    (0.0..=LONGEST).contains(&seconds).then(|| Time(Duration::from_secs_f64(seconds)))
}

fn text_to_time(text: &str) -> Option<Time> {
    const UNITS: [(&str, f64); 5] =
        [("ms", 0.001), ("min", 60.0), ("m", 60.0), ("s", 1.0), ("h", 3600.0)];
    let (number, unit) =
        UNITS.iter().find_map(|(name, unit)| Some((text.strip_suffix(name)?, unit)))?;
    let number = number.trim_end();
    let digits = number.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.');
    number.parse::<f64>().ok().filter(|_| digits).and_then(|number| seconds_to_time(number * unit))
}

/// A number, or a word in its place.
struct NumberOr<F> {
    expected: &'static str,
    make: F,
}

enum Word<'a> {
    Number(i64),
    Text(&'a str),
}

impl<T, F: Fn(Word<'_>) -> Option<T>> Visitor<'_> for NumberOr<F> {
    type Value = T;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.expected)
    }
    fn visit_i64<E: Error>(self, number: i64) -> Result<T, E> {
        (self.make)(Word::Number(number))
            .ok_or_else(|| E::invalid_value(Unexpected::Signed(number), &self))
    }
    fn visit_str<E: Error>(self, text: &str) -> Result<T, E> {
        (self.make)(Word::Text(text)).ok_or_else(|| E::invalid_value(Unexpected::Str(text), &self))
    }
}

/// A type of a value that is a number or a word, with what is expected and how it is made.
macro_rules! number_or_word {
    ($(#[$meta:meta])* $name:ident($type:ty), $expected:literal, $make:expr) => {
        $(#[$meta])*
        pub struct $name(pub $type);

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<$name, D::Error> {
                let make: fn(Word<'_>) -> Option<$type> = $make;
                deserializer.deserialize_any(NumberOr { expected: $expected, make }).map($name)
            }
        }
    };
}

number_or_word!(
    /// How many restarts.
    Restarts(Option<u32>),
    "a number from 0 to 4294967295, or \"none\" for no limit",
    |word| match word {
        Word::Number(number) => u32::try_from(number).ok().map(Some),
        Word::Text(text) => (text == "none").then_some(None),
    }
);

number_or_word!(
    /// A TCP port.
    Port(u16),
    "a port from 1 to 65535",
    |word| match word {
        Word::Number(number) => u16::try_from(number).ok().filter(|port| *port != 0),
        Word::Text(_) => None,
    }
);

number_or_word!(
    /// A limit of the system.
    Amount(u64),
    "a number, or \"unlimited\"",
    |word| match word {
        Word::Number(number) => u64::try_from(number).ok(),
        Word::Text(text) => (text == "unlimited").then_some(u64::MAX),
    }
);

number_or_word!(
    /// A positive number.
    Times(u32),
    "a number from 1",
    |word| match word {
        Word::Number(number) => u32::try_from(number).ok().filter(|times| *times != 0),
        Word::Text(_) => None,
    }
);

number_or_word!(Niceness(i32), "a number from -20 (first) to 19 (last)", |word| match word {
    Word::Number(number) => i32::try_from(number).ok().filter(|it| (-20..=19).contains(it)),
    Word::Text(_) => None,
});

number_or_word!(
    /// A umask.
    Mode(u32),
    "a text of octal digits, \"027\", or a number 0o027",
    |word| match word {
        Word::Number(number) => u32::try_from(number).ok().filter(|mode| *mode <= 0o777),
        Word::Text(text) => u32::from_str_radix(text, 8).ok().filter(|mode| *mode <= 0o777),
    }
);

number_or_word!(
    /// Bytes.
    Size(u64),
    "a size: bytes, or a text like \"100kB\", \"10MB\", \"1GB\"",
    |word| match word {
        Word::Number(number) => u64::try_from(number).ok().filter(|size| *size != 0),
        Word::Text(text) => text_to_size(text).filter(|size| *size != 0),
    }
);

fn text_to_size(text: &str) -> Option<u64> {
    const UNITS: [(&str, u64); 3] = [("kB", 1_000), ("MB", 1_000_000), ("GB", 1_000_000_000)];
    let (number, unit) =
        UNITS.iter().find_map(|(name, unit)| Some((text.strip_suffix(name)?, *unit)))?;
    number.trim_end().parse::<u64>().ok()?.checked_mul(unit)
}

/// A path or name for the system: not empty, and without a zero byte.
pub struct Text(pub String);

impl<'de> Deserialize<'de> for Text {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Text, D::Error> {
        let text = String::deserialize(deserializer)?;
        match text.as_str() {
            "" => Err(D::Error::custom("must not be empty: leave the key out")),
            text if text.contains('\0') => Err(D::Error::custom("a zero byte cannot be passed on")),
            _ => Ok(Text(text)),
        }
    }
}

/// A program and its arguments.
pub struct Command(pub Vec<String>);

impl<'de> Deserialize<'de> for Command {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Command, D::Error> {
        let command = Vec::<String>::deserialize(deserializer)?;
        if command.first().is_none_or(|program| program.is_empty()) {
            return Err(D::Error::custom("the program is missing"));
        }
        if command.iter().any(|word| word.contains('\0')) {
            return Err(D::Error::custom("a zero byte cannot be passed on"));
        }
        Ok(Command(command))
    }
}

/// Descriptors that a service is to get under their numbers.
pub struct Descriptors(pub Vec<i32>);

impl<'de> Deserialize<'de> for Descriptors {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Descriptors, D::Error> {
        let numbers = Vec::<i32>::deserialize(deserializer)?;
        match numbers.iter().find(|number| **number <= crate::process::NOTIFY_FD) {
            Some(number) => Err(D::Error::custom(format!(
                "{number} is taken: descriptors from 4 on, that the starter was started with"
            ))),
            None => Ok(Descriptors(numbers)),
        }
    }
}

/// A signal by name or number, as the platform has them; not one that only suspends.
pub struct StopSignal(pub signal::Signal);

impl<'de> Deserialize<'de> for StopSignal {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<StopSignal, D::Error> {
        let text = String::deserialize(deserializer)?;
        let unknown = || D::Error::custom(format!("no signal of this system is called `{text}`"));
        let signal: signal::Signal = text.parse().map_err(|_| unknown())?;
        if signal.default_effect() == signal::DefaultEffect::Stop {
            return Err(D::Error::custom(format!(
                "{signal} suspends a service and does not end it"
            )));
        }
        Ok(StopSignal(signal))
    }
}
