//! Instructions (callgrind) and system calls (strace) of one operation: they depend neither on the
//! clock nor on what else the machine does.

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

/// The kernel's instructions are not counted.
#[derive(Clone, Copy)]
pub struct Counts {
    /// `None` where valgrind runs something else: it does not honour the mask in a signal frame.
    pub instructions: Option<f64>,
    pub system_calls: f64,
}

/// `None` if a tool is missing or the operation does not run under it.
pub fn count(group: &str, contestant: &str, target: &Path) -> Option<Counts> {
    // The difference between many and few is free of the setup. A burst is long.
    let (few, many) = if group == "burst" { (2, 7) } else { (20, 120) };
    let per_operation = |measure: &dyn Fn(&[&str]) -> Option<f64>| {
        let times = |count: u32| measure(&["--count", group, contestant, &count.to_string()]);
        Some((times(many)? - times(few)?) / f64::from(many - few))
    };
    let is_stepped = (group, contestant) == ("hit", "DeferGuard");
    Some(Counts {
        instructions: if is_stepped { None } else { Some(per_operation(&instructions)?) },
        system_calls: per_operation(&|arguments| system_calls(arguments, target))?,
    })
}

fn instructions(arguments: &[&str]) -> Option<f64> {
    let mut valgrind = Command::new("valgrind");
    valgrind.args(["--tool=callgrind", "--callgrind-out-file=/dev/null"]);
    let output = valgrind.arg(std::env::current_exe().ok()?).args(arguments).output().ok()?;
    let text = String::from_utf8_lossy(&output.stderr);
    let count = text.lines().find_map(|line| line.split("Collected : ").nth(1))?;
    count.trim().parse().ok()
}

fn system_calls(arguments: &[&str], target: &Path) -> Option<f64> {
    let log = target.join("strace");
    let mut strace = Command::new("strace");
    strace.args(["-f", "-qq", "-c", "-U", "calls,name", "-o"]).arg(&log);
    strace.arg(std::env::current_exe().ok()?).args(arguments);
    if !strace.stderr(Stdio::null()).status().ok()?.success() {
        return None;
    }
    let text = fs::read_to_string(log).ok()?;
    let total = text.lines().find(|line| line.ends_with("total"))?;
    total.split_whitespace().next()?.parse().ok()
}
