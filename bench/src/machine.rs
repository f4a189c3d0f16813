//! What it was measured on and with.

use serde_json::{json, Value};
use std::fs;
use std::path::Path;
use std::process::Command;

fn first_line(program: &str, arguments: &[&str]) -> String {
    let output = Command::new(program).args(arguments).output();
    let text = output.map_or(String::new(), |output| String::from_utf8_lossy(&output.stdout).into_owned());
    text.lines().next().unwrap_or("not there").to_owned()
}

/// The version in the lock file: the newest, where another package of the workspace has an older one too.
fn version(lock: &str, package: &str) -> String {
    let name = format!("name = \"{package}\"\nversion = \"");
    let version = lock.rsplit_once(&name).and_then(|(_, rest)| rest.split('"').next());
    version.unwrap_or("?").to_owned()
}

pub fn describe(root: &Path) -> Value {
    let cpuinfo = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = cpuinfo.lines().find_map(|line| line.strip_prefix("model name")).unwrap_or("");
    let virtual_machine = cpuinfo.contains(" hypervisor");
    let processors = cpuinfo.lines().filter(|line| line.starts_with("processor")).count();
    let release = fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
    let load = fs::read_to_string("/proc/loadavg").unwrap_or_default();
    let lock = fs::read_to_string(root.join("Cargo.lock")).unwrap_or_default();
    let packages = ["posix-signal", "libc", "signal-hook", "nix", "rustix", "tokio", "async-signal", "ctrlc"];
    let versions: Vec<String> =
        packages.iter().map(|name| format!("{name} {}", version(&lock, name))).collect();
    json!({
        "processor": format!("{processors} × {}{}", model.trim_start_matches([' ', '\t', ':']).trim(),
            if virtual_machine { ", a virtual machine" } else { "" }),
        "kernel": format!("Linux {}", release.split('-').next().unwrap_or("").trim()),
        "c_library": first_line("getconf", &["GNU_LIBC_VERSION"]),
        "rustc": first_line("rustc", &["--version"]),
        "cc": first_line("cc", &["--version"]),
        "valgrind": first_line("valgrind", &["--version"]),
        "strace": first_line("strace", &["--version"]).replace("-- version ", ""),
        "packages": versions.join(", "),
        "load_before": load.split(' ').next().unwrap_or(""),
    })
}
