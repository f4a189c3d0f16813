//! The terminal, while it is ours.

use nix::sys::termios::{tcgetattr, tcsetattr, LocalFlags, SetArg, Termios};
use ratatui::backend::TermionBackend;
use ratatui::termion::{cursor, screen};
use ratatui::{Frame, Terminal};
use std::io::{self, Stdout, Write};

/// Dropping it puts everything back.
pub struct Screen {
    terminal: Terminal<TermionBackend<Stdout>>,
    _settings: Settings,
}

struct Settings(Termios);

impl Screen {
    pub fn enter() -> io::Result<Screen> {
        let before = tcgetattr(io::stdin())?;
        let mut keys = before.clone();
        // Each key comes at once and unseen. Ctrl-C and Ctrl-Z remain signals.
        keys.local_flags &= !(LocalFlags::ICANON | LocalFlags::ECHO);
        tcsetattr(io::stdin(), SetArg::TCSADRAIN, &keys)?;
        let settings = Settings(before);
        // It is empty: `Terminal::clear` would ask the terminal where the cursor is, and wait.
        write!(io::stdout(), "{}{}", screen::ToAlternateScreen, cursor::Hide)?;
        let terminal = Terminal::new(TermionBackend::new(io::stdout()))?;
        Ok(Screen { terminal, _settings: settings })
    }

    pub fn draw(&mut self, picture: impl FnOnce(&mut Frame<'_>)) -> io::Result<()> {
        self.terminal.draw(picture).map(drop)
    }
}

impl Drop for Settings {
    fn drop(&mut self) {
        // If the terminal has gone, there is nobody to tell.
        let mut out = io::stdout();
        let _ = write!(out, "{}{}", cursor::Show, screen::ToMainScreen);
        let _ = out.flush();
        let _ = tcsetattr(io::stdin(), SetArg::TCSADRAIN, &self.0);
    }
}
