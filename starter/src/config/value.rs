//! What the values of a service may look like.

use super::Ready;
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

impl<'de> Deserialize<'de> for Ready {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Ready, D::Error> {
        #[derive(serde::Deserialize)]
        #[serde(deny_unknown_fields)]
        struct Table {
            port: Option<std::num::NonZeroU16>,
            file: Option<Text>,
        }
        struct Readies;
        impl<'de> Visitor<'de> for Readies {
            type Value = Ready;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("\"started\", \"notify\", { port = NUMBER } or { file = PATH }")
            }
            fn visit_str<E: Error>(self, text: &str) -> Result<Ready, E> {
                match text {
                    "started" => Ok(Ready::Started),
                    "notify" => Ok(Ready::Notify),
                    _ => Err(E::invalid_value(Unexpected::Str(text), &self)),
                }
            }
            fn visit_map<A: serde::de::MapAccess<'de>>(self, map: A) -> Result<Ready, A::Error> {
                let table = Table::deserialize(serde::de::value::MapAccessDeserializer::new(map))?;
                match (table.port, table.file) {
                    (Some(port), None) => Ok(Ready::Port(port.get())),
                    (None, Some(Text(file))) => Ok(Ready::File(file.into())),
                    _ => Err(A::Error::invalid_value(Unexpected::Map, &self)),
                }
            }
        }
        deserializer.deserialize_any(Readies)
    }
}
