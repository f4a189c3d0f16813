//! `starter top`: the services, as they are, in the whole terminal.

mod draw;
mod sampler;
mod screen;
mod usage;

use self::draw::View;
use self::sampler::Sampler;
use self::screen::Screen;
use nix::poll::{poll, PollFd, PollFlags, PollTimeout};
use ratatui::termion::event::{parse_event, Event, Key};
use signal::{
    die_by, stop_by, SelfPipe, Signal, SIGCONT, SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGTSTP, SIGWINCH,
};
use std::error::Error;
use std::io::{self, IsTerminal};
use std::os::fd::AsFd;
use std::path::PathBuf;

/// Until a key or a signal ends it.
pub fn top(socket: PathBuf) -> Result<(), Box<dyn Error>> {
    if !io::stdin().is_terminal() || !io::stdout().is_terminal() {
        return Err("top needs a terminal: without one, use `starter status --watch`".into());
    }
    let signals = SelfPipe::new([SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGTSTP, SIGCONT, SIGWINCH])?;
    let sampler = Sampler::start(socket)?;
    // That there is nobody to ask is said outside.
    let mut view = View::new(sampler.first()?);
    let mut screen = Some(Screen::enter()?);
    loop {
        if let Some(screen) = &mut screen {
            screen.draw(|frame| view.draw(frame))?;
        }
        let keyboard = wait(&signals, &sampler)?;
        for signal in signals.pending() {
            react(signal, &mut screen)?;
        }
        sampler.newest().into_iter().for_each(|sample| view.update(sample));
        if keyboard && !keys(&mut view)? {
            return Ok(());
        }
    }
}

/// Returns whether there is something to read from the keyboard.
fn wait(signals: &SelfPipe, sampler: &Sampler) -> io::Result<bool> {
    let stdin = io::stdin();
    let wanted = [stdin.as_fd(), signals.as_fd(), sampler.as_fd()];
    let mut fds = wanted.map(|fd| PollFd::new(fd, PollFlags::POLLIN));
    match poll(&mut fds, PollTimeout::NONE) {
        Ok(_) => Ok(fds[0].any().unwrap_or(false)),
        Err(nix::Error::EINTR) => Ok(false),
        Err(error) => Err(error.into()),
    }
}

fn react(signal: Signal, screen: &mut Option<Screen>) -> io::Result<()> {
    match signal {
        // The next picture has the new size.
        SIGWINCH => return Ok(()),
        SIGTSTP => {
            drop(screen.take());
            stop_by(SIGTSTP)?;
        }
        // Somebody has stopped it by SIGSTOP, and the shell has the terminal as it wants it.
        SIGCONT => drop(screen.take()),
        deadly => {
            drop(screen.take());
            die_by(deadly);
        }
    }
    *screen = Some(Screen::enter()?);
    Ok(())
}

/// Returns whether to go on.
fn keys(view: &mut View) -> io::Result<bool> {
    let mut buffer = [0; 256];
    let length = match nix::unistd::read(io::stdin(), &mut buffer) {
        // The terminal has gone.
        Ok(0) | Err(nix::Error::EIO) => return Ok(false),
        Ok(length) => length,
        Err(nix::Error::EINTR) => return Ok(true),
        Err(error) => return Err(error.into()),
    };
    let mut bytes = buffer[..length].iter().map(|byte| Ok(*byte));
    while let Some(Ok(byte)) = bytes.next() {
        match parse_event(byte, &mut bytes) {
            Ok(Event::Key(Key::Char('q') | Key::Esc)) => return Ok(false),
            Ok(Event::Key(Key::Up | Key::Char('k'))) => view.go(-1),
            Ok(Event::Key(Key::Down | Key::Char('j'))) => view.go(1),
            Ok(Event::Key(Key::PageUp)) => view.page(-1),
            Ok(Event::Key(Key::PageDown)) => view.page(1),
            Ok(Event::Key(Key::Home | Key::Char('g'))) => view.go(isize::MIN),
            Ok(Event::Key(Key::End | Key::Char('G'))) => view.go(isize::MAX),
            // Escape alone: its sequence has no end.
            Err(_) if byte == 0x1b && length == 1 => return Ok(false),
            _ => {}
        }
    }
    Ok(true)
}
