//! Values that are a word or a table.

use super::{Command, Port, Size, Text, Time, Times};
use crate::config::{Health, Output, Ready, Test};
use serde::de::value::MapAccessDeserializer;
use serde::de::{Deserialize, Deserializer, Error, MapAccess, Unexpected, Visitor};
use std::fmt;
use std::time::Duration;

impl<'de> Deserialize<'de> for Ready {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Ready, D::Error> {
        #[derive(serde::Deserialize)]
        #[serde(deny_unknown_fields)]
        struct Table {
            after: Option<Time>,
            port: Option<Port>,
            file: Option<Text>,
            exec: Option<Command>,
        }
        struct Readies;
        impl<'de> Visitor<'de> for Readies {
            type Value = Ready;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("\"started\", \"notify\", { after = SECONDS }, { port = NUMBER }, { file = PATH } or { exec = COMMAND }")
            }
            fn visit_str<E: Error>(self, text: &str) -> Result<Ready, E> {
                match text {
                    "started" => Ok(Ready::Started),
                    "notify" => Ok(Ready::Notify),
                    _ => Err(E::invalid_value(Unexpected::Str(text), &self)),
                }
            }
            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Ready, A::Error> {
                match Table::deserialize(MapAccessDeserializer::new(map))? {
                    Table { after: Some(Time(time)), port: None, file: None, exec: None } => {
                        Ok(Ready::After(time))
                    }
                    Table { port: Some(Port(port)), after: None, file: None, exec: None } => {
                        Ok(Ready::Port(port))
                    }
                    Table { file: Some(Text(file)), after: None, port: None, exec: None } => {
                        Ok(Ready::File(file.into()))
                    }
                    Table { exec: Some(Command(exec)), after: None, port: None, file: None } => {
                        Ok(Ready::Exec(exec))
                    }
                    _ => Err(A::Error::invalid_value(Unexpected::Map, &self)),
                }
            }
        }
        deserializer.deserialize_any(Readies)
    }
}

impl<'de> Deserialize<'de> for Health {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Health, D::Error> {
        #[derive(serde::Deserialize)]
        #[serde(deny_unknown_fields)]
        struct Table {
            exec: Option<Command>,
            port: Option<Port>,
            every: Option<Time>,
            failures: Option<Times>,
        }
        let Table { exec, port, every, failures } = Table::deserialize(deserializer)?;
        let test = match (exec, port) {
            (Some(Command(exec)), None) => Test::Exec(exec),
            (None, Some(Port(port))) => Test::Port(port),
            _ => return Err(D::Error::custom("exactly one of `exec` and `port` is needed")),
        };
        let every = every.map_or(Duration::from_secs(30), |Time(time)| time);
        if every.is_zero() {
            return Err(D::Error::custom("`every` must be longer than 0"));
        }
        Ok(Health { test, every, failures: failures.map_or(3, |Times(failures)| failures) })
    }
}

impl<'de> Deserialize<'de> for Output {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Output, D::Error> {
        #[derive(serde::Deserialize)]
        #[serde(deny_unknown_fields)]
        struct Table {
            file: Text,
            size: Option<Size>,
            count: Option<u32>,
        }
        struct Outputs;
        impl<'de> Visitor<'de> for Outputs {
            type Value = Output;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("\"log\", \"inherit\", \"nowhere\" or { file = PATH, size = \"10MB\", count = 5 }")
            }
            fn visit_str<E: Error>(self, text: &str) -> Result<Output, E> {
                match text {
                    "log" => Ok(Output::Log),
                    "inherit" => Ok(Output::Inherit),
                    "nowhere" => Ok(Output::Nowhere),
                    _ => Err(E::invalid_value(Unexpected::Str(text), &self)),
                }
            }
            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Output, A::Error> {
                let table = Table::deserialize(MapAccessDeserializer::new(map))?;
                Ok(Output::File {
                    path: table.file.0.into(),
                    size: table.size.map_or(10_000_000, |Size(size)| size),
                    count: table.count.unwrap_or(5),
                })
            }
        }
        deserializer.deserialize_any(Outputs)
    }
}
