//! Instructions (callgrind) and system calls (strace) of one operation: no clock, and no noise.

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

/// Of the program and of the libraries in it; the kernel's own are not among the instructions.
#[derive(Clone, Copy)]
pub struct Counts {
    pub instructions: f64,
    pub system_calls: f64,
}

/// `None` where the tools are missing or the operation does not run under them.
pub fn count(group: &str, who: &str, target: &Path) -> Option<Counts> {
    // The difference is free of what is done once. A burst is long.
    let (few, many) = if group == "burst" { (2, 7) } else { (20, 120) };
    let each =
        |measure: &dyn Fn(u64) -> Option<f64>| Some((measure(many)? - measure(few)?) / (many - few) as f64);
    let program = std::env::current_exe().ok()?;
    let instructions = |count: u64| {
        let mut valgrind = Command::new("valgrind");
        valgrind.args(["--tool=callgrind", "--callgrind-out-file=/dev/null"]).arg(&program);
        let output = valgrind.args(["--count", group, who, &count.to_string()]).output().ok()?;
        let text = String::from_utf8_lossy(&output.stderr).into_owned();
        let line = text.lines().find_map(|line| line.split("Collected : ").nth(1).map(str::to_owned))?;
        line.trim().parse::<f64>().ok()
    };
    let system_calls = |count: u64| {
        let log = target.join("strace");
        let mut strace = Command::new("strace");
        strace.args(["-f", "-qq", "-c", "-U", "calls,name", "-o"]).arg(&log).arg(&program);
        let status = strace.args(["--count", group, who, &count.to_string()]).stderr(Stdio::null()).status();
        if !status.ok()?.success() {
            return None;
        }
        let text = fs::read_to_string(log).ok()?;
        let total = text.lines().find(|line| line.ends_with("total"))?;
        total.split_whitespace().next()?.parse().ok()
    };
    Some(Counts { instructions: each(&instructions)?, system_calls: each(&system_calls)? })
}
