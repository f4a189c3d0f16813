//! Signals as text: the names of POSIX.1-2024 `sig2str` and `str2sig`.

use crate::signal::{Signal, ALIASES, TABLE};
use crate::sys::number;
use core::fmt;
use core::str::FromStr;
use libc::c_int;

impl fmt::Display for Signal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let start = if f.alternate() { "SIG".len() } else { 0 };
        if let Some(name) = self.name() {
            return f.pad(&name[start..]);
        }
        let number = self.as_raw();
        // POSIX: the lower half counts up from RTMIN, the upper half down from RTMAX.
        let (name, sign, offset) = match number::realtime() {
            Some((first, last)) if (first..=(first + last) / 2).contains(&number) => {
                ("SIGRTMIN", b'+', number - first)
            }
            Some((first, last)) if (first..=last).contains(&number) => {
                ("SIGRTMAX", b'-', last - number)
            }
            _ => return number.fmt(f),
        };
        let mut text = [sign; 12];
        text[..name.len()].copy_from_slice(name.as_bytes());
        let end = match offset {
            0 => name.len(),
            1..=9 => name.len() + 2,
            _ => name.len() + 3,
        };
        text[end - 1] = if offset == 0 { text[end - 1] } else { b'0' + (offset % 10) as u8 };
        if offset > 9 {
            text[end - 2] = b'0' + (offset / 10) as u8;
        }
        f.pad(core::str::from_utf8(&text[start..end]).unwrap_or(name))
    }
}

impl fmt::Debug for Signal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// The error of parsing a [`Signal`]: a text that is neither the name nor the number of a signal of
/// this platform.
///
/// ```
/// use signal::{ParseSignalError, Signal};
///
/// let error: ParseSignalError = "SIGNONE".parse::<Signal>().unwrap_err();
/// assert!(error.to_string().contains("SIGTERM"));
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct ParseSignalError(());

impl fmt::Display for ParseSignalError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(
            "not a signal of this system: use a name, such as SIGTERM, TERM or RTMIN+1, or a number",
        )
    }
}

/// The words: this is what a `main` that returns a `Result` prints.
impl fmt::Debug for ParseSignalError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(feature = "std")]
impl std::error::Error for ParseSignalError {}

impl FromStr for Signal {
    type Err = ParseSignalError;

    fn from_str(text: &str) -> Result<Signal, ParseSignalError> {
        let same = |name: &str| {
            text.eq_ignore_ascii_case(name) || text.eq_ignore_ascii_case(&name["SIG".len()..])
        };
        let named = || TABLE.iter().find(|entry| same(entry.name)).map(|entry| entry.signal);
        let alias = || ALIASES.iter().find(|alias| same(alias.0)).map(|alias| alias.1);
        named()
            .or_else(alias)
            .or_else(|| realtime_from_str(text))
            .or_else(|| decimal(text).and_then(Signal::from_raw))
            .ok_or(ParseSignalError(()))
    }
}

/// `RTMIN`, `RTMIN+2`, `RTMAX-1`, `RTMAX`, with and without `SIG`.
fn realtime_from_str(text: &str) -> Option<Signal> {
    let (first, last) = number::realtime()?;
    let number = if let Some(rest) = strip(text, "SIGRTMIN").or_else(|| strip(text, "RTMIN")) {
        first.checked_add(offset(rest, '+')?)
    } else {
        let rest = strip(text, "SIGRTMAX").or_else(|| strip(text, "RTMAX"))?;
        last.checked_sub(offset(rest, '-')?)
    };
    number.filter(|number| (first..=last).contains(number)).and_then(Signal::from_raw)
}

fn strip<'a>(text: &'a str, prefix: &str) -> Option<&'a str> {
    let head = text.get(..prefix.len())?;
    head.eq_ignore_ascii_case(prefix).then(|| &text[prefix.len()..])
}

/// What follows `RTMIN` or `RTMAX`: nothing, or a sign and a number.
fn offset(rest: &str, sign: char) -> Option<c_int> {
    if rest.is_empty() {
        Some(0)
    } else {
        decimal(rest.strip_prefix(sign)?)
    }
}

/// Digits only: `parse` would let a sign pass.
fn decimal(text: &str) -> Option<c_int> {
    text.bytes().all(|byte| byte.is_ascii_digit()).then(|| text.parse().ok())?
}
