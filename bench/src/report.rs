//! The table, as Markdown and as JSON.

use crate::counts::Counts;
use crate::rows::{Spec, Target};
use crate::stats::{Median, Samples};
use serde_json::{json, Map, Value};
use std::fmt::Write;

pub const PEERS: &[&str] =
    &["raw", "posix-signal", "signal-hook", "nix", "rustix", "tokio", "async-signal", "ctrlc"];

/// Of the values of a row.
#[derive(Clone, Copy, PartialEq)]
pub enum Unit {
    Nanoseconds,
    Seconds,
    PerSecond,
    Crates,
    Bytes,
}

impl Unit {
    pub fn show(self, value: f64) -> String {
        match self {
            Unit::Nanoseconds if value >= 1e6 => format!("{:.2} ms", value / 1e6),
            Unit::Nanoseconds if value >= 9_950.0 => format!("{:.1} µs", value / 1e3),
            Unit::Nanoseconds if value >= 1e3 => format!("{:.2} µs", value / 1e3),
            Unit::Nanoseconds if value < 10.0 => format!("{value:.2} ns"),
            Unit::Nanoseconds => format!("{value:.0} ns"),
            Unit::Seconds => format!("{value:.2} s"),
            Unit::PerSecond => format!("{value:.0}/s"),
            Unit::Crates => format!("{value:.0}"),
            Unit::Bytes => format!("{:.0} KiB", value / 1024.0),
        }
    }
}

pub struct Cell {
    pub peer: &'static str,
    pub samples: Samples,
    pub counts: Option<Counts>,
}

/// A row that has been measured.
pub struct Row {
    pub spec: &'static Spec,
    pub cells: Vec<Cell>,
}

/// Whether the ratio to the peer meets the target.
pub struct Verdict {
    pub target: Target,
    pub ratio: Median,
    pub met: bool,
}

impl Row {
    pub fn cell(&self, peer: &str) -> Option<&Cell> {
        self.cells.iter().find(|cell| cell.peer == peer)
    }

    pub fn verdicts(&self) -> Vec<Verdict> {
        let verdict = |target: &Target| {
            let other = &self.cell(target.against)?.samples;
            let ratio = self.cell("posix-signal")?.samples.ratio(other);
            let Target { limit, at_least, .. } = *target;
            let met = if at_least { ratio.value >= limit } else { ratio.value <= limit };
            Some(Verdict { target: *target, ratio, met })
        };
        self.spec.targets.iter().filter_map(verdict).collect()
    }

    fn ratio(&self, cell: &Cell) -> Option<Median> {
        let raw = self.cell("raw").filter(|_| cell.peer != "raw")?;
        Some(cell.samples.ratio(&raw.samples))
    }

    fn markdown_cell(&self, peer: &str) -> String {
        let Some(cell) = self.cell(peer) else {
            let reason = self.spec.absent.iter().find(|(who, _)| *who == peer || *who == "*");
            return reason.map_or("—".to_owned(), |(_, reason)| format!("<sub>{reason}</sub>"));
        };
        let mut text = self.spec.unit.show(cell.samples.median().value);
        if let Some(ratio) = self.ratio(cell) {
            let _ = write!(text, " **×{}**", short(ratio.value));
            if cell.samples.values.len() > 1 {
                let (low, high) = (short(ratio.low), short(ratio.high));
                let _ = write!(text, "<br><sub>{low} – {high}</sub>");
            }
        }
        if let Some(counts) = &cell.counts {
            let calls = calls_text(counts.system_calls);
            let _ = write!(text, "<br><sub>{calls}");
            if let Some(instructions) = counts.instructions {
                let _ = write!(text, ", {} instr.", short_count(instructions));
            }
            text.push_str("</sub>");
        }
        text
    }
}

fn calls_text(calls: f64) -> String {
    match format!("{calls:.1}").trim_end_matches(".0") {
        "1" => "1 call".to_owned(),
        number => format!("{number} calls"),
    }
}

fn short_count(count: f64) -> String {
    if count >= 10_000.0 {
        format!("{:.0} k", count / 1000.0)
    } else {
        format!("{count:.0}")
    }
}

pub fn short(ratio: f64) -> String {
    match ratio {
        r if r < 0.1 => format!("{r:.4}"),
        r if r < 10.0 => format!("{r:.2}"),
        r => format!("{r:.1}"),
    }
}

/// The table with its notes.
pub fn markdown(rows: &[Row]) -> String {
    let mut text = String::from("| | target |");
    for peer in PEERS {
        let _ = write!(text, " {} |", if *peer == "raw" { "raw libc" } else { peer });
    }
    let _ = writeln!(text, "\n|---|---|{}", "---|".repeat(PEERS.len()));
    let mut notes = Vec::new();
    for row in rows {
        let mut mark = String::new();
        if let Some(note) = row.spec.note {
            notes.push(note);
            mark = format!(" ({})", notes.len());
        }
        let verdicts: Vec<String> = row.verdicts().iter().map(verdict_text).collect();
        let _ = write!(text, "| {}{mark} | {} |", row.spec.title, verdicts.join("<br>"));
        for peer in PEERS {
            let _ = write!(text, " {} |", row.markdown_cell(peer));
        }
        text.push('\n');
    }
    text.push('\n');
    for (index, note) in notes.iter().enumerate() {
        let _ = writeln!(text, "{}. {note}", index + 1);
    }
    text
}

/// The target and the ratio, bold where it is missed.
fn verdict_text(verdict: &Verdict) -> String {
    let target = verdict.target;
    let sign = if target.at_least { "≥" } else { "≤" };
    let against =
        if target.against == "raw" { String::new() } else { format!(" of {}", target.against) };
    let bold = if verdict.met { "" } else { "**" };
    format!("{sign} {}{against}: {bold}{}{bold}", target.limit, short(verdict.ratio.value))
}

/// One sentence about the targets that are missed.
pub fn missed(rows: &[Row]) -> String {
    let verdicts: Vec<_> = rows.iter().flat_map(Row::verdicts).collect();
    let missed = verdicts.iter().filter(|verdict| !verdict.met).count();
    format!("Of {} targets {missed} are missed: those whose ratio is **bold**.", verdicts.len())
}

pub fn json(rows: &[Row]) -> Value {
    rows.iter().map(Row::json).collect()
}

impl Row {
    fn json(&self) -> Value {
        let cells = self.cells.iter().map(|cell| (cell.peer.to_owned(), self.cell_json(cell)));
        let unit = match self.spec.unit {
            Unit::Nanoseconds => "ns",
            Unit::Seconds => "s",
            Unit::PerSecond => "1/s",
            Unit::Crates => "crates",
            Unit::Bytes => "bytes",
        };
        json!({
            "id": self.spec.id,
            "title": self.spec.title,
            "unit": unit,
            "cells": cells.collect::<Map<_, _>>(),
            "targets": self.verdicts().iter().map(Verdict::json).collect::<Vec<_>>(),
            "note": self.spec.note,
        })
    }

    fn cell_json(&self, cell: &Cell) -> Value {
        let mut value = cell.samples.median().json();
        value["rounds"] = json!(cell.samples.values.len());
        if let Some(ratio) = self.ratio(cell) {
            value["ratio_to_raw"] = ratio.json();
        }
        if let Some(counts) = &cell.counts {
            value["instructions"] = json!(counts.instructions);
            value["system_calls"] = json!(counts.system_calls);
        }
        value["contestant"] = json!(cell.samples.contestant);
        value
    }
}

impl Verdict {
    fn json(&self) -> Value {
        json!({
            "against": self.target.against,
            "limit": self.target.limit,
            "at": if self.target.at_least { "least" } else { "most" },
            "ratio": self.ratio.json(),
            "met": self.met,
        })
    }
}
