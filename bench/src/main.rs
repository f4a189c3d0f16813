//! The library against raw libc and its peers: `cargo run --release` in this folder. See README.md.

mod builds;
mod contestants;
mod counts;
mod docs;
mod machine;
mod measure;
mod plot;
mod raw;
mod report;
mod rows;
mod server;
mod stats;
mod workers;

use measure::Bench;
use rows::Spec;
use std::fs;
use std::path::Path;
use std::process::exit;

const HELP: &str = "\
The library against raw libc and its peers, in one table.

usage: bench [--quick] [ROW]...

Measures and prints the table. Without arguments it also writes docs/bench.json,
docs/benchmarks.md and docs/bench-*.svg.

  --quick   only a few rounds, to see that it works
  ROW       only these rows:
";

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match words[..] {
        ["--help"] => print!("{HELP}{}", row_list()),
        // One contestant, in a process of its own.
        ["--worker", kind, contestant, ref numbers @ ..] => {
            workers::work(kind, contestant, numbers);
        }
        // One operation, repeated, to be counted.
        ["--count", group, contestant, count] => {
            contestants::operation(group, contestant)(count.parse().unwrap());
        }
        ["--quick", ref ids @ ..] => run(true, ids),
        ref ids => run(false, ids),
    }
}

fn row_list() -> String {
    rows::all().map(|row| format!("            {:13} {}\n", row.id, row.title)).collect()
}

fn run(quick: bool, ids: &[&str]) {
    let specs: Vec<&Spec> = if ids.is_empty() {
        rows::all().collect()
    } else {
        ids.iter().map(|id| find(id)).collect()
    };
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_owned();
    // Below cargo's own target folder, wherever that is.
    let program = std::env::current_exe().unwrap();
    let target = program.ancestors().nth(2).unwrap().join("bench");
    fs::create_dir_all(&target).unwrap();
    let machine = machine::describe(&root);
    let mut bench = Bench::new(quick, root, target);
    let rows: Vec<_> = specs.into_iter().map(|spec| bench.row(spec)).collect();
    println!("{}", docs::page(&rows, &machine));
    if !quick && ids.is_empty() {
        docs::write(&bench.root, &rows, machine);
    }
}

fn find(id: &str) -> &'static Spec {
    rows::all().find(|spec| spec.id == id).unwrap_or_else(|| {
        eprintln!("bench: there is no row {id:?}: see bench --help");
        exit(2)
    })
}
