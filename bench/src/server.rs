//! The echo server of the examples beside the same server in C.

use crate::measure::Bench;
use crate::stats::{interleave, Samples};
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Shutdown, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Instant;

pub fn echo(bench: &Bench) -> Vec<Samples> {
    let servers = [
        Server::start(&build_c(bench), &[]),
        Server::start(&build_example(bench), &["--port", "0"]),
    ];
    let connections = bench.choose(50, 300);
    interleave(&["raw", "posix-signal"], bench.rounds(60), |index| {
        servers[index].serve(connections)
    })
}

fn build_c(bench: &Bench) -> PathBuf {
    let program = bench.target.join("echo_server_c");
    let mut cc = Command::new("cc");
    cc.args(["-O2", "-Wall", "-Wno-unused-result", "-o"]).arg(&program);
    let status = cc.arg(bench.root.join("bench/echo_server.c")).status();
    assert!(status.expect("a C compiler").success());
    program
}

fn build_example(bench: &Bench) -> PathBuf {
    let target = bench.target.join("echo");
    let mut cargo = Command::new("cargo");
    cargo.current_dir(&bench.root).args(["build", "-q", "--release", "--locked"]);
    cargo.args(["-p", "posix-signal", "--example", "echo_server"]);
    assert!(cargo.arg("--target-dir").arg(&target).status().unwrap().success());
    target.join("release/examples/echo_server")
}

struct Server {
    process: Child,
    address: String,
}

impl Server {
    fn start(program: &Path, arguments: &[&str]) -> Server {
        let mut command = Command::new(program);
        let mut process = command.args(arguments).stderr(Stdio::piped()).spawn().unwrap();
        let mut log = BufReader::new(process.stderr.take().unwrap());
        let mut line = String::new();
        log.read_line(&mut line).unwrap();
        let address = line.trim().strip_prefix("listening on ").expect("the server listens");
        let address = address.split(',').next().unwrap().to_owned();
        // Somebody must read the log.
        std::thread::spawn(move || std::io::copy(&mut log, &mut std::io::sink()));
        Server { process, address }
    }

    /// Connections a second, one after the other; one line is echoed on each.
    fn serve(&self, connections: usize) -> f64 {
        let start = Instant::now();
        for _ in 0..connections {
            let mut stream = TcpStream::connect(&self.address).unwrap();
            stream.write_all(b"hello\n").unwrap();
            stream.shutdown(Shutdown::Write).unwrap();
            let mut echo = Vec::new();
            stream.read_to_end(&mut echo).unwrap();
            assert_eq!(echo, b"hello\n");
        }
        connections as f64 / start.elapsed().as_secs_f64()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // SAFETY: takes plain values; the child has not been reaped.
        unsafe { libc::kill(self.process.id() as i32, libc::SIGTERM) };
        let _ = self.process.wait();
    }
}
