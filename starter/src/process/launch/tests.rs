use super::{Launcher, STACK};
use crate::place::Place;
use signal::child::{self, Exited};
use signal::{Errno, Handler, Pid, SIGHUP, SIGUSR1};
use std::fs::{self, File, Permissions};
use std::io::{self, pipe, Read};
use std::os::fd::AsRawFd;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;
use std::sync::atomic::{AtomicI32, Ordering::Relaxed};

fn program(place: &Place, name: &str, text: &str, mode: u32) {
    fs::set_permissions(place.write(name, text), Permissions::from_mode(mode)).unwrap();
}

fn launch(command: &Command, steps: impl FnMut() -> io::Result<()>) -> io::Result<Pid> {
    // SAFETY: the steps of these tests make one system call at most and write to an atomic.
    unsafe { Launcher::new().launch(command, [None; 3], steps) }
}

/// What it writes, and how it ends.
fn output(command: &Command) -> io::Result<(String, Exited)> {
    let (mut reader, writer) = pipe()?;
    let null = File::open("/dev/null")?;
    let streams = [Some(null.as_raw_fd()), Some(writer.as_raw_fd()), None];
    // SAFETY: no steps.
    let pid = unsafe { Launcher::new().launch(command, streams, || Ok(())) }?;
    drop(writer);
    let mut text = String::new();
    reader.read_to_string(&mut text)?;
    Ok((text, child::wait(pid)?))
}

fn shell(text: &str) -> Command {
    let mut command = Command::new("sh");
    command.args(["-c", text]);
    command
}

#[test]
fn a_program_gets_its_words_variables_and_directory() {
    let place = Place::new();
    let mut command = shell("printf '%s|' \"$0\" \"$@\" \"$A\" \"${HOME-none}\"; pwd");
    command.args(["", "two words"]).env("A", "=b=").env_remove("HOME").current_dir(&place.0);
    let (text, exited) = output(&command).unwrap();
    assert_eq!(
        text,
        format!("|two words|=b=|none|{}\n", place.0.canonicalize().unwrap().display())
    );
    assert!(exited.status.success());
}

#[test]
fn a_program_is_sought_where_its_own_path_says() {
    let place = Place::new();
    let (first, second) = (Place::new(), Place::new());
    program(&first, "speak", "#!/bin/sh\n", 0o644);
    program(&second, "speak", "#!/bin/sh\necho here\n", 0o755);
    let paths = |places: &[&Path]| std::env::join_paths(places).unwrap();
    let mut command = Command::new("speak");
    // A directory that is none, one without it, and one where it may not be run.
    let missing = place.0.join("missing");
    command.env("PATH", paths(&[&missing, &place.0, &first.0, &second.0]));
    assert_eq!(output(&command).unwrap().0, "here\n");
    command.env("PATH", paths(&[&first.0, &missing]));
    assert_eq!(output(&command).unwrap_err().raw_os_error(), Some(libc::EACCES));
    command.env("PATH", paths(&[&missing]));
    assert_eq!(output(&command).unwrap_err().raw_os_error(), Some(libc::ENOENT));
    assert_eq!(output(&Command::new("")).unwrap_err().raw_os_error(), Some(libc::ENOENT));
}

#[test]
fn a_file_without_a_first_line_is_a_script_of_the_shell() {
    let place = Place::new();
    program(&place, "script", "echo \"$0 $1\"\n", 0o755);
    let path = place.0.join("script");
    let mut command = Command::new(&path);
    command.arg("word");
    assert_eq!(output(&command).unwrap().0, format!("{} word\n", path.display()));
}

#[test]
fn what_goes_wrong_in_the_child_is_reported_and_the_child_reaped() {
    const STEP: i32 = 5 << 16 | libc::EPERM;
    let child = AtomicI32::new(0);
    for (program, step, number) in [("/nowhere/at/all", 0, libc::ENOENT), ("true", STEP, STEP)] {
        let steps = || {
            // The memory is the parent's too.
            child.store(Pid::current().as_raw(), Relaxed);
            match step {
                0 => Ok(()),
                step => Err(io::Error::from_raw_os_error(step)),
            }
        };
        let error = launch(&Command::new(program), steps).unwrap_err();
        assert_eq!(error.raw_os_error(), Some(number));
        let pid = Pid::from_raw(child.swap(0, Relaxed)).expect("the steps have run");
        assert_eq!(child::reap(pid), Err(Errno::ECHILD));
    }
    let error = launch(Command::new("true").current_dir("/nowhere"), || Ok(())).unwrap_err();
    assert_eq!(error.raw_os_error(), Some(libc::ENOENT));
}

#[test]
fn signals_of_the_parent_stay_as_they_are() {
    let before = signal::query(SIGHUP).unwrap();
    signal::install(SIGHUP, Handler::Ignore).unwrap();
    let mask = signal::block(SIGUSR1);
    let words = "s/Sig\\(Blk\\|Ign\\|Cgt\\):[[:space:]]*//p";
    let status = output(&shell(&format!("exec sed -n '{words}' /proc/self/status"))).unwrap().0;
    // None of them in the program, but for what the C library reserves: 32 to 34.
    let masks = status.lines().map(|mask| u64::from_str_radix(mask, 16).unwrap() & !(7 << 31));
    assert_eq!(masks.collect::<Vec<_>>(), [0; 3]);
    assert_eq!(signal::query(SIGHUP).unwrap().handler(), Handler::Ignore);
    assert!(signal::blocked().contains(SIGUSR1));
    signal::install(SIGHUP, before).unwrap();
    signal::set_blocked(mask);
}

#[test]
fn the_stack_is_large_enough() {
    let mut launcher = Launcher::new();
    // SAFETY: no steps.
    let pid = unsafe { launcher.launch(&shell("exit 3"), [None; 3], || Ok(())) }.unwrap();
    assert_eq!(child::wait(pid).unwrap().status.code(), Some(3));
    let used = STACK - launcher.stack.iter().position(|byte| *byte != 0).unwrap();
    assert!(used < STACK / 4, "{used} bytes");
}
