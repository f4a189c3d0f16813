//! `shell`, on a pty: what a person types, and what appears.

use super::example;
use crate::session::job::pty;
use signal::CommandExt;
use std::fs::File;
use std::io::{Read, Write};
use std::os::unix::io::AsRawFd;
use std::os::unix::process::CommandExt as _;
use std::process::{Child, Command, Stdio};

/// The person, who remembers what has appeared since the last look.
struct Person {
    file: File,
    text: String,
}

impl Person {
    fn types(&mut self, keys: &str) {
        self.file.write_all(keys.as_bytes()).unwrap();
    }

    /// Reads until this appears, and returns all up to it.
    fn sees(&mut self, words: &str) -> String {
        let mut piece = [0; 512];
        while !self.text.contains(words) {
            let mut entry =
                libc::pollfd { fd: self.file.as_raw_fd(), events: libc::POLLIN, revents: 0 };
            // SAFETY: one entry.
            let ready = unsafe { libc::poll(&mut entry, 1, 60_000) };
            assert!(ready == 1, "no {words:?} in {:?}", self.text);
            match self.file.read(&mut piece) {
                Ok(read) => self.text += &String::from_utf8_lossy(&piece[..read]),
                Err(error) => panic!("no {words:?} in {:?}: {error}", self.text),
            }
        }
        let end = self.text.find(words).unwrap() + words.len();
        self.text.drain(..end).collect()
    }

    /// Types empty lines, at each of which the shell looks, until it says this.
    fn sees_at_last(&mut self, words: &str) {
        while !self.sees("$ ").contains(words) {
            self.types("\n");
        }
    }
}

fn start() -> (Child, Person) {
    let (terminal, file) = pty();
    let stdio = || Stdio::from(terminal.try_clone().unwrap());
    let mut command = example("shell");
    command.stdin(stdio()).stdout(stdio()).stderr(stdio()).new_session();
    // SAFETY: one system call.
    unsafe {
        command.pre_exec(|| match libc::ioctl(0, libc::TIOCSCTTY as _, 0) {
            0 => Ok(()),
            _ => Err(std::io::Error::last_os_error()),
        });
    }
    let mut person = Person { file, text: String::new() };
    let child = command.spawn().unwrap();
    person.sees("$ ");
    (child, person)
}

/// Ends it with `exit 5`, whose echo may be lost: a terminal is flushed when the leader of its
/// session ends.
fn leave((mut child, mut person): (Child, Person)) {
    person.types("exit 5\n");
    assert_eq!(child.wait().unwrap().code(), Some(5));
}

/// A shell whose first job, a `cat`, has been stopped by Ctrl-Z.
fn start_and_stop_cat() -> (Child, Person) {
    let (child, mut person) = start();
    person.types("cat\n");
    person.types("one\n");
    // The terminal's echo, and what cat writes.
    person.sees("one\r\none\r\n");
    person.types("\x1a");
    person.sees("[1] stopped: cat");
    person.sees("$ ");
    (child, person)
}

fn control_z_stops_a_job_and_fg_continues_it() {
    let (child, mut person) = start_and_stop_cat();
    person.types("jobs\n");
    person.sees("[1] stopped: cat");
    person.types("fg\n");
    person.sees("cat\r\n");
    person.types("two\n");
    person.sees("two\r\ntwo\r\n");
    person.types("\x04");
    person.sees("$ ");
    person.types("fg\n");
    person.sees("no such job");
    leave((child, person));
}

/// It continues, and stops as soon as it reads: the terminal is not its own.
fn a_job_in_the_background_may_not_read() {
    let (child, mut person) = start_and_stop_cat();
    person.types("bg %1\n");
    person.sees("cat\r\n");
    person.sees_at_last("[1] stopped: cat");
    person.types("fg 1\n");
    person.sees("cat\r\n");
    person.types("two\n");
    person.sees("two\r\ntwo\r\n");
    person.types("\x03");
    person.sees("$ ");
    leave((child, person));
}

/// `tee`, for some `cat` keep a line to themselves, which they copy by `sendfile`.
fn control_c_ends_the_job_and_not_the_shell() {
    let (child, mut person) = start();
    person.types("tee | tee | tee\n");
    person.types("one\n");
    person.sees("one\r\none\r\n");
    person.types("\x03");
    person.sees("$ ");
    // Nobody of the pipeline is left.
    person.types("jobs\n");
    person.sees("jobs\r\n$ ");
    leave((child, person));
}

fn a_whole_pipeline_stops_and_goes_on() {
    let (child, mut person) = start();
    person.types("tee | tee\n");
    person.types("one\n");
    person.sees("one\r\none\r\n");
    person.types("\x1a");
    person.sees("[1] stopped: tee | tee");
    person.types("fg\n");
    person.sees("tee | tee\r\n");
    person.types("two\n\x04");
    person.sees("two\r\ntwo\r\n");
    person.sees("$ ");
    leave((child, person));
}

fn the_end_of_a_background_job_is_told() {
    let (child, mut person) = start();
    person.types("sleep 0.05 &\n");
    person.sees_at_last("[1] exited with code 0: sleep 0.05");
    leave((child, person));
}

/// Without a terminal, against the system's own shell.
fn a_script_does_what_it_does_in_sh() {
    let script = "echo a b | tr a-z A-Z\ncd /\npwd\nno-such-program\nfalse\nsh -c false\n\
                  seq 1000 | grep 9 | wc -l\n";
    let run = |mut program: Command| {
        program.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
        let mut child = program.spawn().unwrap();
        child.stdin.take().unwrap().write_all(script.as_bytes()).unwrap();
        let output = child.wait_with_output().unwrap();
        (String::from_utf8(output.stdout).unwrap(), output.status)
    };
    assert_eq!(run(example("shell")), run(Command::new("sh")));
}

tests! {
    control_z_stops_a_job_and_fg_continues_it,
    a_job_in_the_background_may_not_read,
    control_c_ends_the_job_and_not_the_shell,
    a_whole_pipeline_stops_and_goes_on,
    the_end_of_a_background_job_is_told,
    a_script_does_what_it_does_in_sh,
}
