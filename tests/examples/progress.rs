//! The progress bar, on a terminal of its own, under something like a shell.

use super::example;
use crate::common::{self, process};
use signal::{
    kill, kill_group, CommandExt as _, Handler, Pid, SIGCONT, SIGHUP, SIGINT, SIGTSTP, SIGTTOU,
    SIGWINCH,
};
use std::fs::File;
use std::io::{Read, Write};
use std::os::unix::io::{AsRawFd, FromRawFd};
use std::os::unix::process::CommandExt;

/// A pseudo-terminal: the end of the person, and that of the programs.
fn terminal() -> (File, File) {
    // SAFETY: plain system calls; each descriptor gets one owner.
    unsafe {
        let master = libc::posix_openpt(libc::O_RDWR | libc::O_NOCTTY);
        if master == -1 || libc::grantpt(master) != 0 || libc::unlockpt(master) != 0 {
            common::skip("there are no pseudo-terminals here");
        }
        let terminal = libc::open(libc::ptsname(master), libc::O_RDWR);
        assert_ne!(terminal, -1);
        (File::from_raw_fd(master), File::from_raw_fd(terminal))
    }
}

/// Whether the terminal shows what is typed.
fn echoes(terminal: &File) -> bool {
    // SAFETY: made of integers; room for the settings.
    unsafe {
        let mut settings: libc::termios = std::mem::zeroed();
        assert_eq!(libc::tcgetattr(terminal.as_raw_fd(), &mut settings), 0);
        settings.c_lflag & libc::ECHO != 0
    }
}

/// Reads what the program writes, up to these words.
fn read_until(master: &mut File, words: &str) -> String {
    let mut text = String::new();
    while !text.ends_with(words) {
        let mut byte = [0];
        master.read_exact(&mut byte).unwrap_or_else(|error| panic!("{error} after {text:?}"));
        text.push(byte[0] as char);
    }
    text
}

fn set_columns(master: &File, columns: u16) {
    let size = libc::winsize { ws_row: 24, ws_col: columns, ws_xpixel: 0, ws_ypixel: 0 };
    // SAFETY: a whole size.
    assert_eq!(unsafe { libc::ioctl(master.as_raw_fd(), libc::TIOCSWINSZ as _, &size) }, 0);
}

/// In a session with a terminal.
fn a_person_at_the_terminal() {
    signal::install(SIGTTOU, Handler::Ignore).unwrap();
    // SAFETY: takes nothing.
    assert_ne!(unsafe { libc::setsid() }, -1);
    let (mut master, terminal) = terminal();
    // SAFETY: takes plain values. Not every system makes the first one that is opened its own.
    unsafe { libc::ioctl(terminal.as_raw_fd(), libc::TIOCSCTTY as _, 0) };
    set_columns(&master, 40);
    let (number, dup) = (terminal.as_raw_fd(), || terminal.try_clone().unwrap());
    let mut program = example("progress");
    program.arg("600").stdin(dup()).stdout(dup());
    // SAFETY: system calls only.
    unsafe {
        program.pre_exec(move || {
            libc::setpgid(0, 0);
            libc::tcsetpgrp(number, libc::getpid());
            Ok(())
        })
    };
    // Last: SIGTTOU has to be ignored up to here. The test may have been started with SIGINT ignored.
    program.reset_signals();
    let child = Pid::from(&program.spawn().unwrap());

    // The end of the person is closed first.
    signal::install(SIGHUP, Handler::Ignore).unwrap();
    // 40 columns: 32 in the bar.
    let bar = |columns: usize| format!("% [{}]", " ".repeat(columns - 8));
    read_until(&mut master, &bar(40));
    assert!(!echoes(&terminal), "it is drawing");
    set_columns(&master, 60);
    kill(child, SIGWINCH).unwrap();
    read_until(&mut master, "]");
    assert!(!echoes(&terminal));

    master.write_all(b"\x1a").unwrap();
    let status = process::wait_stopped_or_ended(child);
    assert!(libc::WIFSTOPPED(status) && libc::WSTOPSIG(status) == SIGTSTP.as_raw(), "{status:#x}");
    assert!(echoes(&terminal), "the shell has its terminal back");
    read_until(&mut master, "\x1b[?25h");
    kill_group(child, SIGCONT).unwrap();
    read_until(&mut master, "\x1b[?25l");
    read_until(&mut master, "% [");
    assert!(!echoes(&terminal), "it is drawing again");

    master.write_all(b"\x03").unwrap();
    let status = common::wait_for(child);
    assert_eq!(status.signal(), Some(SIGINT));
    assert!(echoes(&terminal));
    read_until(&mut master, "\x1b[?25h");
}

fn the_terminal_is_put_back_by_ctrl_c_and_ctrl_z() {
    // Skips the test, which a child could not do, where there is no such program.
    super::example("progress");
    common::in_child(a_person_at_the_terminal);
}

tests! {
    the_terminal_is_put_back_by_ctrl_c_and_ctrl_z,
}
