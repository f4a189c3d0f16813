//! The machine and the tools of a measurement.

use serde_json::{json, Value};
use std::fs;
use std::path::Path;
use std::process::Command;

fn first_line(program: &str, arguments: &[&str]) -> String {
    let output = Command::new(program).args(arguments).output();
    let text = output.map(|output| String::from_utf8_lossy(&output.stdout).into_owned());
    text.unwrap_or_default().lines().next().unwrap_or("missing").to_owned()
}

fn version(lock: &str, package: &str) -> String {
    let name = format!("name = \"{package}\"\nversion = \"");
    let version = lock.split_once(&name).and_then(|(_, rest)| rest.split('"').next());
    version.unwrap_or("?").to_owned()
}

pub fn describe(root: &Path) -> Value {
    let read = |path: &str| fs::read_to_string(path).unwrap_or_default();
    let cpuinfo = read("/proc/cpuinfo");
    let model = cpuinfo.lines().find_map(|line| line.strip_prefix("model name")).unwrap_or("");
    let model = model.trim_start_matches([' ', '\t', ':']).trim();
    let virtual_machine = if cpuinfo.contains(" hypervisor") { ", a virtual machine" } else { "" };
    let processors = cpuinfo.lines().filter(|line| line.starts_with("processor")).count();
    let release = read("/proc/sys/kernel/osrelease");
    let lock = fs::read_to_string(root.join("bench/Cargo.lock")).unwrap_or_default();
    let packages =
        ["posix-signal", "libc", "signal-hook", "nix", "rustix", "tokio", "async-signal", "ctrlc"];
    let versions = packages.map(|name| format!("{name} {}", version(&lock, name)));
    json!({
        "processor": format!("{processors} × {model}{virtual_machine}"),
        "kernel": format!("Linux {}", release.split('-').next().unwrap_or("").trim()),
        "c_library": first_line("getconf", &["GNU_LIBC_VERSION"]),
        "rustc": first_line("rustc", &["--version"]),
        "cc": first_line("cc", &["--version"]),
        "valgrind": first_line("valgrind", &["--version"]),
        "strace": first_line("strace", &["--version"]).replace("-- version ", ""),
        "packages": versions.join(", "),
        "load_before": read("/proc/loadavg").split(' ').next().unwrap_or(""),
    })
}
