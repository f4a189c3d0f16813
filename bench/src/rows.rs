//! The rows of the table: what each compares, and what it must reach.

mod processes;
mod signals;

use crate::builds::Cost;
use crate::report::Unit;

/// One row, before it is measured.
pub struct Spec {
    pub id: &'static str,
    pub title: &'static str,
    pub unit: Unit,
    pub source: Source,
    /// Peers, each with the contestant that stands for it. If empty: every peer that is a
    /// contestant under its own name.
    pub cells: &'static [(&'static str, &'static str)],
    pub targets: &'static [Target],
    /// Peers without a cell, each with the reason; `*` is every other peer.
    pub absent: &'static [(&'static str, &'static str)],
    /// Explains the result.
    pub note: Option<&'static str>,
}

/// Contestants that are measured together; several rows may show parts of one source.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub enum Source {
    /// An operation that a process can repeat. Its instructions and system calls are counted, too.
    Operation(&'static str),
    FirstInstall,
    Feature,
    Latency,
    /// Reaping while this number of other children live.
    Reap(usize),
    /// The library's reaping, 10 living children beside 1,000.
    ReapGrowth,
    Echo,
    Build(Cost),
}

/// The limit of a ratio between the library and a peer.
#[derive(Clone, Copy)]
pub struct Target {
    pub against: &'static str,
    pub limit: f64,
    pub at_least: bool,
}

const fn at_most(against: &'static str, limit: f64) -> Target {
    Target { against, limit, at_least: false }
}

const fn at_least(against: &'static str, limit: f64) -> Target {
    Target { against, limit, at_least: true }
}

const fn row(id: &'static str, title: &'static str, unit: Unit, source: Source) -> Spec {
    Spec { id, title, unit, source, cells: &[], targets: &[], absent: &[], note: None }
}

const NO_SIGNALS: (&str, &str) = ("rustix", "sets no handlers");
const NO_HANDLER: (&str, &str) = ("tokio", "no handlers: streams");
const NO_HANDLER_EITHER: (&str, &str) = ("async-signal", "no handlers: streams");
const NO_PIPE: (&str, &str) = ("ctrlc", "no pipe to read");
const NO_MASKS: (&str, &str) = ("*", "no masks");
const NO_SUCH_THING: (&str, &str) = ("*", "no such thing");
const NOT_MEASURED: (&str, &str) = ("*", "not measured");

/// In the order of the table.
pub fn all() -> impl Iterator<Item = &'static Spec> {
    signals::ROWS.iter().chain(processes::ROWS)
}
