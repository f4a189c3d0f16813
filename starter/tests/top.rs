//! `starter top` on a terminal that a program reads, and `starter status --watch` without one.

#![cfg(feature = "top")]

mod common;

use common::{eventually, run, starter, Running};
use nix::poll::{poll, PollFd, PollFlags, PollTimeout};
use nix::pty::{openpty, Winsize};
use nix::sys::termios::{tcgetattr, LocalFlags, Termios};
use signal::child::Status;
use signal::{CommandExt, SIGINT, SIGTERM};
use std::fs::File;
use std::io::{BufRead, BufReader, Read, Write};
use std::num::NonZeroU16;
use std::os::fd::{AsFd, AsRawFd};
use std::os::unix::process::CommandExt as _;
use std::process::{Child, Command, Stdio};

const TWO: &str = "[service.web]
command = ['sh', '-c', 'echo listening on 80; exec sleep 1000']
[service.broken]
command = ['sh', '-c', 'echo oh; exit 3']
restart_delay = 0.01
restart_limit = 2
";

/// A terminal of 80 columns and 24 lines with a program in it.
struct Terminal {
    master: File,
    /// Held open: reading what a program has left behind fails without it.
    slave: File,
    screen: vt100::Parser,
    before: Termios,
    child: Child,
}

const LINES: NonZeroU16 = NonZeroU16::new(24).unwrap();
const COLUMNS: NonZeroU16 = NonZeroU16::new(80).unwrap();

fn size(ws_row: u16, ws_col: u16) -> Winsize {
    Winsize { ws_row, ws_col, ws_xpixel: 0, ws_ypixel: 0 }
}

impl Terminal {
    fn run(mut command: Command) -> Terminal {
        let pty = openpty(&size(LINES.get(), COLUMNS.get()), None).unwrap();
        let (master, slave) = (File::from(pty.master), File::from(pty.slave));
        let before = tcgetattr(&slave).unwrap();
        let stdio = || Stdio::from(slave.try_clone().unwrap());
        command.stdin(stdio()).stdout(stdio()).stderr(stdio()).new_session();
        // SAFETY: one system call.
        unsafe {
            command.pre_exec(|| match libc::ioctl(0, libc::TIOCSCTTY as _, 0) {
                -1 => Err(std::io::Error::last_os_error()),
                _ => Ok(()),
            });
        }
        let child = command.spawn().unwrap();
        Terminal { master, slave, screen: vt100::Parser::new(LINES, COLUMNS, 0), before, child }
    }

    fn top(running: &Running) -> Terminal {
        let mut command = starter();
        command.arg("top").arg("--socket").arg(running.place.join("socket"));
        Terminal::run(command)
    }

    /// Reads until there is something to be seen.
    fn wait_for(&mut self, what: &str) -> String {
        let seen = |screen: &vt100::Screen| screen.contents().contains(what);
        self.wait(what, seen)
    }

    fn wait(&mut self, what: &str, seen: impl Fn(&vt100::Screen) -> bool) -> String {
        eventually(&format!("{what} on the screen"), || {
            let mut fds = [PollFd::new(self.master.as_fd(), PollFlags::POLLIN)];
            if poll(&mut fds, PollTimeout::from(50u8)).unwrap() > 0 {
                let mut buffer = [0; 4096];
                let length = self.master.read(&mut buffer).unwrap();
                self.screen.process(&buffer[..length]);
            }
            seen(self.screen.screen()).then(|| self.screen.screen().contents())
        })
    }

    fn press(&mut self, keys: &str) {
        self.master.write_all(keys.as_bytes()).unwrap();
    }

    /// The terminal is as it was, to the eye and to the next program.
    fn is_in_order(&mut self) {
        self.wait("in order", |screen| !screen.alternate_screen() && !screen.hide_cursor());
        assert_eq!(tcgetattr(&self.slave).unwrap(), self.before);
    }

    fn end(&mut self) -> Status {
        Status::from(eventually("it ends", || self.child.try_wait().unwrap()))
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The line of a service.
fn line<'a>(screen: &'a str, name: &str) -> &'a str {
    screen.lines().find(|line| line.starts_with(name)).unwrap_or_else(|| panic!("{name}: {screen}"))
}

#[test]
fn the_screen_has_all_that_matters_in_80_columns() {
    let running = run(TWO);
    running.wait_for_state("broken", "failed");
    let mut terminal = Terminal::top(&running);
    terminal.wait_for("listening on 80");
    // From the second look on there is a time to divide by.
    let seen = |screen: &vt100::Screen| line(&screen.contents(), "web ").contains("0.0");
    let screen = terminal.wait("the use of the processor", seen);
    assert!(screen.starts_with("2 services, 1 ready, 1 failed; CPU "), "{screen}");
    let header = line(&screen, "NAME");
    for column in ["STATE", "UPTIME", "CPU%", "MEMORY", "RESTARTS", "LAST LINE"] {
        assert!(header.contains(column), "{column}: {header}");
    }
    let web: Vec<&str> = line(&screen, "web ").split_whitespace().collect();
    let [_, state, uptime, cpu, memory, unit, restarts, ..] = web[..] else { panic!("{screen}") };
    assert!(state == "ready" && uptime.ends_with('s') && restarts == "0", "{screen}");
    assert!(cpu == "0.0" && memory.parse::<f64>().unwrap() > 0.0 && unit.len() == 1, "{screen}");
    let broken: Vec<&str> = line(&screen, "broken").split_whitespace().collect();
    assert_eq!(broken, ["broken", "failed", "-", "-", "-", "2", "oh"]);
    // Of the service chosen everything is told, and the arrow chooses another.
    terminal.press("\x1b[B");
    terminal.wait_for("broken: ");
    terminal.press("q");
    assert!(terminal.end().success());
    terminal.is_in_order();
    running.end();
}

#[test]
fn a_signal_ends_it_and_leaves_the_terminal_in_order() {
    let running = run(TWO);
    for signal in [SIGINT, SIGTERM] {
        let mut terminal = Terminal::top(&running);
        terminal.wait_for("web");
        if signal == SIGINT {
            terminal.press("\x03");
        } else {
            signal::kill((&terminal.child).into(), signal).unwrap();
        }
        assert_eq!(terminal.end().signal(), Some(signal));
        terminal.is_in_order();
    }
    running.end();
}

#[test]
fn ctrl_z_stops_it_and_fg_brings_it_back() {
    let running = run(TWO);
    let mut shell = Command::new("sh");
    let program = env!("CARGO_BIN_EXE_starter");
    let text = format!("set -m; {program} top; echo SUSPENDED; read line; fg; echo CODE $?");
    shell.arg("-c").arg(text).env("STARTER_SOCKET", running.place.join("socket"));
    let mut terminal = Terminal::run(shell);
    terminal.wait("the picture", |screen| {
        screen.alternate_screen() && screen.contents().contains("listening on 80")
    });
    let keys = tcgetattr(&terminal.slave).unwrap().local_flags;
    assert!(
        !keys.intersects(LocalFlags::ICANON | LocalFlags::ECHO) && keys.contains(LocalFlags::ISIG)
    );
    terminal.press("\x1a");
    terminal.wait_for("SUSPENDED");
    terminal.is_in_order();
    terminal.press("\n");
    terminal.wait("the picture again", |screen| {
        screen.alternate_screen() && screen.contents().contains("listening on 80")
    });
    terminal.press("q");
    terminal.wait_for("CODE 0");
    terminal.is_in_order();
    running.end();
}

#[test]
fn it_follows_the_size_of_the_window() {
    let line = "a line that is longer than what there is room for in a row of 80 columns";
    let running =
        run(&format!("[service.web]\ncommand = ['sh', '-c', 'echo {line}; exec sleep 1000']\n"));
    let mut terminal = Terminal::top(&running);
    let screen = terminal.wait_for(line);
    let rows = |screen: &str| screen.lines().filter(|row| row.trim_end().ends_with(line)).count();
    // Only below the table.
    assert_eq!(rows(&screen), 1, "{screen}");
    let columns = COLUMNS.saturating_mul(2.try_into().unwrap());
    terminal.screen.screen_mut().set_size(LINES, columns);
    // SAFETY: the call reads a size.
    let set = unsafe {
        libc::ioctl(terminal.master.as_raw_fd(), libc::TIOCSWINSZ as _, &size(24, columns.get()))
    };
    assert_eq!(set, 0);
    terminal.wait("the line in its row", |screen| rows(&screen.contents()) == 2);
    running.end();
}

#[test]
fn more_services_than_rows_are_scrolled() {
    let config: String = (0..50)
        .map(|number| format!("[service.number{number:02}]\ncommand = ['sleep', '1000']\n"))
        .collect();
    let running = run(&config);
    let mut terminal = Terminal::top(&running);
    let screen = terminal.wait_for("50 services, 50 ready");
    assert!(screen.contains("number18") && !screen.contains("number20"), "{screen}");
    terminal.press("G");
    let screen = terminal.wait_for("\nnumber49, pid ");
    assert!(screen.contains("\nnumber49 ready") && !screen.contains("number00"), "{screen}");
    terminal.press("g");
    terminal.wait_for("number00");
    running.end();
}

#[test]
fn a_starter_that_has_ended_is_no_reason_to_end() {
    let running = run(TWO);
    let mut terminal = Terminal::top(&running);
    terminal.wait_for("web");
    let place = running.end();
    let asks =
        |screen: &vt100::Screen| screen.contents().replace('\n', " ").contains("is a starter");
    let screen = terminal.wait("is a starter running?", asks);
    assert!(screen.contains("web"), "{screen}");
    terminal.press("q");
    assert!(terminal.end().success());
    terminal.is_in_order();
    drop(place);
}

#[test]
fn without_a_terminal_it_says_what_to_use() {
    let output = starter().arg("top").stdin(Stdio::null()).output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&output.stderr).contains("starter status --watch"));
}

#[test]
fn status_watch_prints_the_lines_that_change() {
    let running = run(TWO);
    running.wait_for_state("broken", "failed");
    let mut command = starter();
    command.args(["status", "--watch", "--socket"]).arg(running.place.join("socket"));
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let mut next = || lines.next().unwrap().unwrap();
    assert!(next().starts_with("NAME"));
    assert!(next().starts_with("web     ready"));
    assert!(next().starts_with("broken  failed"));
    running.ask(&["stop", "web"]);
    assert!(next().starts_with("web     stopped"));
    running.ask(&["start", "web"]);
    assert!(next().starts_with("web     ready"));
    // It ends with the one that it asks.
    running.end();
    let status = eventually("it ends", || child.try_wait().unwrap());
    assert_eq!(status.code(), Some(1));
    assert!(lines.next().is_none());
}

#[test]
fn status_watch_on_a_terminal_shows_the_table_anew() {
    let running = run(TWO);
    running.wait_for_state("broken", "failed");
    let mut command = starter();
    command.args(["status", "--watch", "--socket"]).arg(running.place.join("socket"));
    let mut terminal = Terminal::run(command);
    terminal.wait_for("web     ready");
    running.ask(&["stop", "web"]);
    let screen = terminal.wait_for("web     stopped");
    assert!(screen.starts_with("NAME") && screen.lines().count() == 3, "{screen}");
    running.end();
}
