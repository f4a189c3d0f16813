//! What a complete run leaves behind: the table, its numbers as JSON, and two pictures.

use crate::plot;
use crate::report::{self, Row, Unit};
use serde_json::{json, Value};
use std::fs;
use std::path::Path;

/// In Markdown, with links as seen from docs/.
pub fn page(rows: &[Row], machine: &Value) -> String {
    let text = |key: &str| machine[key].as_str().unwrap_or("?").to_owned();
    format!(
        "# Benchmarks\n\n{}\n\n\
         ![Critical regions](bench-guards.svg)\n\n![Self-pipes](bench-self-pipe.svg)\n\n\
         `cargo run --release` in `bench/` measures all of this: {} ({}, {}, load {} before), {}, \
         {}; {}. Instructions by {}, system calls by {}.\n\n\
         Each cell: the median of the times of many short rounds, in which the contestants take \
         turns; **×** the median of the ratios to raw libc in the same round, with the quartiles \
         of the ratios below it; system calls and instructions of one operation, those of the \
         kernel not counted. raw libc is Rust with the crate `libc`, written in the obvious way \
         ([bench/src/raw.rs](../bench/src/raw.rs)). The library is built with the feature \
         `defer`.\n\n{}",
        report::missed(rows),
        text("processor"),
        text("kernel"),
        text("c_library"),
        text("load_before"),
        text("rustc"),
        text("cc"),
        text("packages"),
        text("valgrind"),
        text("strace"),
        report::markdown(rows)
    )
}

pub fn write(root: &Path, rows: &[Row], machine: Value) {
    let docs = root.join("docs");
    fs::create_dir_all(&docs).unwrap();
    fs::write(docs.join("benchmarks.md"), page(rows, &machine)).unwrap();
    let json = json!({ "machine": machine, "rows": report::json(rows) });
    let json = serde_json::to_string_pretty(&json).unwrap() + "\n";
    fs::write(docs.join("bench.json"), json).unwrap();
    fs::write(docs.join("bench-guards.svg"), guards(rows)).unwrap();
    fs::write(docs.join("bench-self-pipe.svg"), self_pipes(rows)).unwrap();
}

fn bar(row: &Row, peer: &str, label: &str) -> Option<plot::Bar> {
    let cell = row.cell(peer)?;
    let value = cell.samples.median();
    let text = match cell.samples.ratio(&row.cell("raw")?.samples).value {
        _ if peer == "raw" => Unit::Nanoseconds.show(value.value),
        ratio => format!("{}, ×{}", Unit::Nanoseconds.show(value.value), report::short(ratio)),
    };
    Some(plot::Bar { label: label.to_owned(), value, text, ours: peer == "posix-signal" })
}

fn find<'a>(rows: &'a [Row], id: &str) -> &'a Row {
    rows.iter().find(|row| row.spec.id == id).expect("a row")
}

fn guards(rows: &[Row]) -> String {
    let (block, defer) = (find(rows, "block"), find(rows, "defer"));
    let (hit_block, hit_defer) = (find(rows, "hit-block"), find(rows, "hit-defer"));
    let group = |block: &Row, defer: &Row| {
        let bars = [
            bar(block, "raw", "raw pthread_sigmask"),
            bar(block, "nix", "nix"),
            bar(block, "posix-signal", "BlockGuard"),
            bar(defer, "posix-signal", "DeferGuard"),
        ];
        bars.into_iter().flatten().collect()
    };
    plot::bars(
        "Critical regions: in and out",
        "median time, quartiles as a line; shorter is better",
        &[
            ("no signal comes", group(block, defer)),
            ("a signal comes", group(hit_block, hit_defer)),
        ],
    )
}

fn self_pipes(rows: &[Row]) -> String {
    let group = |id: &str, raw: &str| {
        let row = find(rows, id);
        let peers = report::PEERS.iter().filter(|peer| row.cell(peer).is_some());
        let label = |peer: &&str| match *peer {
            "raw" => raw.to_owned(),
            "nix" => "nix (signalfd)".to_owned(),
            peer => peer.to_owned(),
        };
        peers.filter_map(|peer| bar(row, peer, &label(peer))).collect()
    };
    plot::bars(
        "Self-pipes",
        "median time, quartiles as a line; shorter is better",
        &[
            ("one signal, raised and read", group("pipe", "raw pipe")),
            ("1,000 signals, then one look", group("burst", "a handler that does nothing")),
            ("wake-up of a sleeping reader", group("latency", "raw pipe")),
        ],
    )
}
