//! A progress bar that leaves the terminal in order: Ctrl-C ends the program by SIGINT, as a shell
//! expects, with the cursor and the terminal's settings put back; Ctrl-Z stops it, and when it
//! continues it draws the bar again; the bar follows the size of the window.

use signal::{die_by, stop_by, SelfPipe, SIGINT, SIGTERM, SIGTSTP, SIGWINCH};
use std::io::{self, Write};
use std::mem::MaybeUninit;
use std::time::Duration;

/// The terminal without echo and without a cursor; dropping it puts both back.
struct Quiet(libc::termios);

impl Quiet {
    fn new() -> io::Result<Quiet> {
        let mut before = MaybeUninit::uninit();
        // SAFETY: room for the settings.
        if unsafe { libc::tcgetattr(0, before.as_mut_ptr()) } == -1 {
            return Err(io::Error::last_os_error());
        }
        // SAFETY: the call has filled it in.
        let before: libc::termios = unsafe { before.assume_init() };
        let mut quiet = before;
        quiet.c_lflag &= !libc::ECHO;
        // SAFETY: whole settings.
        unsafe { libc::tcsetattr(0, libc::TCSADRAIN, &quiet) };
        print!("\x1b[?25l");
        io::stdout().flush().map(|()| Quiet(before))
    }
}

impl Drop for Quiet {
    fn drop(&mut self) {
        println!("\x1b[?25h");
        // SAFETY: the settings of before.
        unsafe { libc::tcsetattr(0, libc::TCSADRAIN, &self.0) };
    }
}

fn columns() -> usize {
    let mut size = MaybeUninit::<libc::winsize>::zeroed();
    // SAFETY: room for the size, which is made of integers.
    let size = unsafe {
        libc::ioctl(1, libc::TIOCGWINSZ as _, size.as_mut_ptr());
        size.assume_init()
    };
    if size.ws_col == 0 {
        80
    } else {
        size.ws_col.into()
    }
}

fn draw(percent: usize) -> io::Result<()> {
    let room = columns().saturating_sub(8);
    let done = room * percent / 100;
    print!("\r{percent:3} % [{}{}]", "#".repeat(done), " ".repeat(room - done));
    io::stdout().flush()
}

fn main() -> io::Result<()> {
    let seconds = match std::env::args().nth(1).unwrap_or_else(|| "10".into()).parse::<u64>() {
        Ok(seconds) => seconds,
        Err(_) => {
            println!("usage: progress [SECONDS]");
            return Ok(());
        }
    };
    let pipe = SelfPipe::new_unless_ignored([SIGINT, SIGTERM, SIGTSTP, SIGWINCH])?;
    let mut quiet = Some(Quiet::new()?);
    for percent in 0..=100 {
        draw(percent)?;
        let arrived = pipe.wait_timeout(Duration::from_millis(seconds * 10))?.unwrap_or_default();
        if let Some(signal) = arrived.iter().find(|signal| [SIGINT, SIGTERM].contains(signal)) {
            drop(quiet.take());
            die_by(signal);
        }
        if arrived.contains(SIGTSTP) {
            drop(quiet.take());
            stop_by(SIGTSTP)?; // returns when the program continues
            quiet = Some(Quiet::new()?);
        }
    }
    Ok(())
}
