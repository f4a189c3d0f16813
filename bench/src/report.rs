//! The table, as Markdown and as JSON.

use crate::counts::Counts;
use crate::stats::{Median, Samples};
use serde_json::{json, Map, Value};
use std::fmt::Write;

pub const PEERS: &[&str] =
    &["raw", "posix-signal", "signal-hook", "nix", "rustix", "tokio", "async-signal", "ctrlc"];

/// What a cell measures.
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

/// What one ratio must be, at the least or at the most, against this contestant.
#[derive(Clone, Copy)]
pub struct Target {
    pub against: &'static str,
    pub limit: f64,
    pub at_least: bool,
}

pub struct Cell {
    pub peer: &'static str,
    pub samples: Samples,
    pub counts: Option<Counts>,
}

pub struct Row {
    pub id: &'static str,
    pub title: &'static str,
    pub unit: Unit,
    pub cells: Vec<Cell>,
    pub targets: Vec<Target>,
    /// Why one that is not there is not there: peer, reason.
    pub cannot: &'static [(&'static str, &'static str)],
    /// Why it is as it is.
    pub note: Option<&'static str>,
}

/// Which of the targets is met, and by which ratio.
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
            let ratio = self.cell("posix-signal")?.samples.ratio(&self.cell(target.against)?.samples);
            let met = if target.at_least { ratio.value >= target.limit } else { ratio.value <= target.limit };
            Some(Verdict { target: *target, ratio, met })
        };
        self.targets.iter().filter_map(verdict).collect()
    }

    fn ratio(&self, cell: &Cell) -> Option<Median> {
        let raw = self.cell("raw").filter(|_| cell.peer != "raw")?;
        Some(cell.samples.ratio(&raw.samples))
    }

    fn markdown_cell(&self, peer: &str) -> String {
        let Some(cell) = self.cell(peer) else {
            let reason = self.cannot.iter().find(|(who, _)| *who == peer || *who == "*");
            return reason.map_or("—".to_owned(), |(_, reason)| format!("<sub>{reason}</sub>"));
        };
        let mut text = self.unit.show(cell.samples.median().value);
        if let Some(ratio) = self.ratio(cell) {
            let _ = write!(text, " **×{}**", short(ratio.value));
            if cell.samples.values.len() > 1 {
                let _ = write!(text, "<br><sub>{} – {}</sub>", short(ratio.low), short(ratio.high));
            }
        }
        if let Some(counts) = &cell.counts {
            let (calls, instructions) = (counts.system_calls, counts.instructions);
            let _ =
                write!(text, "<br><sub>{}, {} instr.</sub>", calls_text(calls), short_count(instructions));
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
        if let Some(note) = row.note {
            notes.push(note);
            mark = format!(" ({})", notes.len());
        }
        let verdicts: Vec<String> = row.verdicts().iter().map(verdict_text).collect();
        let _ = write!(text, "| {}{mark} | {} |", row.title, verdicts.join("<br>"));
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

fn verdict_text(verdict: &Verdict) -> String {
    let target = verdict.target;
    let sign = if target.at_least { "≥" } else { "≤" };
    let against = if target.against == "raw" { String::new() } else { format!(" of {}", target.against) };
    let met = if verdict.met { "met" } else { "**missed**" };
    format!("{sign} {}{against}: {met} ({})", target.limit, short(verdict.ratio.value))
}

pub fn json(rows: &[Row]) -> Value {
    let row_json = |row: &Row| {
        let mut cells = Map::new();
        for cell in &row.cells {
            let mut value = cell.samples.median().json();
            value["rounds"] = json!(cell.samples.values.len());
            if let Some(ratio) = row.ratio(cell) {
                value["ratio_to_raw"] = ratio.json();
            }
            if let Some(counts) = &cell.counts {
                value["instructions"] = json!(counts.instructions);
                value["system_calls"] = json!(counts.system_calls);
            }
            value["contestant"] = json!(cell.samples.who);
            cells.insert(cell.peer.to_owned(), value);
        }
        let verdicts = row.verdicts();
        let target = |it: &Verdict| {
            json!({ "against": it.target.against, "limit": it.target.limit,
                "at": if it.target.at_least { "least" } else { "most" }, "ratio": it.ratio.json(), "met": it.met })
        };
        let unit = match row.unit {
            Unit::Nanoseconds => "ns",
            Unit::Seconds => "s",
            Unit::PerSecond => "1/s",
            Unit::Crates => "crates",
            Unit::Bytes => "bytes",
        };
        json!({ "id": row.id, "title": row.title, "unit": unit, "cells": cells,
            "targets": verdicts.iter().map(target).collect::<Vec<_>>(), "note": row.note })
    };
    rows.iter().map(row_json).collect()
}
