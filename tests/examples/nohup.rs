//! `nohup`, against the one of coreutils.

use super::{coreutils, example, helps, output};
use crate::session::job::pty;
use signal::child::Status;
use std::fs;
use std::io::Read;
use std::os::unix::fs::PermissionsExt;
use std::process::{Command, Stdio};

fn programs() -> Vec<Command> {
    std::iter::once(example("nohup")).chain(coreutils("nohup")).collect()
}

fn the_command_survives_sighup() {
    for mut program in programs() {
        let output = output(program.args(["sh", "-c", "kill -HUP $$; echo alive; exit 3"]));
        assert_eq!(String::from_utf8_lossy(&output.stdout), "alive\n");
        assert_eq!((output.status.code(), &output.stderr[..]), (Some(3), &b""[..]));
    }
}

/// What is at the three descriptors, what the person sees, the file, and the status.
fn on_a_terminal(mut program: Command, terminals: [bool; 3]) -> (String, Option<String>, Status) {
    let (terminal, mut person) = pty();
    let place = std::env::temp_dir().join(format!("signal-nohup-{}", std::process::id()));
    fs::create_dir(&place).unwrap();
    let stdio = |is: bool| match is {
        true => Stdio::from(terminal.try_clone().unwrap()),
        false => Stdio::null(),
    };
    let [input, out, errors] = terminals.map(stdio);
    program.args(["sh", "-c", "echo out; echo err >&2; read x; exit $?"]);
    let mut child =
        program.current_dir(&place).stdin(input).stdout(out).stderr(errors).spawn().unwrap();
    let status = Status::from(child.wait().unwrap());
    drop((child, program));
    // The end of the text, after which a terminal without programs is an error (EIO).
    let mut file = terminal;
    std::io::Write::write_all(&mut file, b"end").unwrap();
    let (mut text, mut piece) = (String::new(), [0; 256]);
    while !text.ends_with("end") {
        let read = person.read(&mut piece).unwrap();
        text += &String::from_utf8_lossy(&piece[..read]);
    }
    let path = place.join("nohup.out");
    let mode = fs::metadata(&path).map(|metadata| metadata.permissions().mode() & 0o777);
    let contents = fs::read_to_string(&path).ok();
    assert!(contents.is_none() || mode.unwrap() == 0o600);
    fs::remove_dir_all(place).unwrap();
    (text, contents, status)
}

fn terminals_are_replaced() {
    for terminals in 1..8 {
        let terminals = [terminals & 1 != 0, terminals & 2 != 0, terminals & 4 != 0];
        let ours = on_a_terminal(example("nohup"), terminals);
        assert_eq!(ours.1.is_some(), terminals[1]);
        assert!(ours.1.as_ref().map_or(true, |text| text.starts_with("out\n")), "{ours:?}");
        // Terminal or not, there is nothing to read.
        assert_ne!(ours.2.code(), Some(0));
        if let Some(theirs) = coreutils("nohup") {
            assert_eq!(ours, on_a_terminal(theirs, terminals), "{terminals:?}");
        }
    }
}

fn what_cannot_be_is_125_to_127() {
    for mut program in programs() {
        assert_eq!(output(program.arg("/dev/null")).status.code(), Some(126));
    }
    for mut program in programs() {
        assert_eq!(output(program.arg("/no/such/program")).status.code(), Some(127));
    }
    for arguments in [&[][..], &["--no-such-option", "true"], &["--"]] {
        for mut program in programs() {
            assert_eq!(output(program.args(arguments)).status.code(), Some(125));
        }
    }
    helps("nohup");
}

tests! {
    the_command_survives_sighup,
    terminals_are_replaced,
    what_cannot_be_is_125_to_127,
}
