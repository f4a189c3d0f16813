//! Programs that depend on the library as others do, built while the tests run.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// A package that depends on this crate alone, with its default features.
pub struct Package(PathBuf);

impl Package {
    /// Skips the test where the crate cannot be built at run time.
    pub fn new() -> Package {
        let here = Path::new(env!("CARGO_MANIFEST_DIR"));
        let directory =
            std::env::temp_dir().join(format!("signal-test-package-{}", std::process::id()));
        fs::create_dir_all(directory.join("src/bin")).unwrap();
        let manifest = format!(
            "[package]\nname = \"user\"\nversion = \"0.0.0\"\nedition = \"2021\"\n\
             [dependencies]\nposix-signal = {{ path = {here:?} }}\n[workspace]\n"
        );
        fs::write(directory.join("Cargo.toml"), manifest).unwrap();
        let _ = fs::copy(here.join("Cargo.lock"), directory.join("Cargo.lock"));
        let package = Package(directory);
        let (compiles, said) = package.build("empty", "");
        if !compiles && !said.contains("src/bin") {
            drop(package);
            super::skip("the crate cannot be built at run time here");
        }
        package
    }

    /// 95 of `rustc 1.95.0 (…)`.
    pub fn compiler() -> u32 {
        let rustc = std::env::var("RUSTC").unwrap_or_else(|_| "rustc".to_owned());
        let said = match Command::new(rustc).arg("--version").output() {
            Ok(output) => String::from_utf8_lossy(&output.stdout).into_owned(),
            Err(error) => super::skip(&format!("no compiler: {error}")),
        };
        said.split('.').nth(1).and_then(|minor| minor.parse().ok()).expect("a version")
    }

    /// Whether a program with this `main` compiles, and what the compiler says.
    pub fn build(&self, name: &str, main: &str) -> (bool, String) {
        let program = format!("#![allow(unused)]\nuse signal::*;\nfn main() {{\n{main}\n}}\n");
        fs::write(self.0.join(format!("src/bin/{name}.rs")), program).unwrap();
        let mut cargo = Command::new(env!("CARGO"));
        cargo.current_dir(&self.0).args(["build", "--offline", "--bin", name]);
        cargo.env("CARGO_TARGET_DIR", self.0.join("target")).env_remove("CARGO_BUILD_TARGET");
        cargo.env("CARGO_TERM_COLOR", "never");
        match cargo.output() {
            Ok(output) => {
                (output.status.success(), String::from_utf8_lossy(&output.stderr).into_owned())
            }
            Err(error) => super::skip(&format!("no cargo: {error}")),
        }
    }

    /// What `build` has made.
    pub fn program(&self, name: &str) -> Command {
        Command::new(self.0.join("target/debug").join(name))
    }
}

impl Drop for Package {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}
