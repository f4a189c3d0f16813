//! What programs that come from other crates write instead: docs/coming-from/ has it side by side.
//!
//! A row is a module with two functions, `there` and `here`. Its documentation is the row's title.
//! Of the code, the page leaves out the line `Ok(())`, reasons of `unsafe`, and what stands in
//! `not_shown!`, which brings about and checks what the row is there for.

pub mod arrange;
pub mod ctrlc;
pub mod libc;
pub mod nix;
pub mod signal_hook;
pub mod tokio;

use crate::pages::fenced;
use crate::process::End;
use std::error::Error;
use std::fmt::Write;

pub type Outcome = Result<(), Box<dyn Error>>;

/// A crate, and the rows of its page in the order of its source.
pub struct Peer {
    pub name: &'static str,
    pub source: &'static str,
    pub rows: &'static [Row],
}

pub struct Row {
    pub name: &'static str,
    pub there: fn() -> Outcome,
    pub here: fn() -> Outcome,
    /// How a process ends that does it, there and here.
    pub ends: [End; 2],
}

macro_rules! not_shown {
    ($($code:tt)*) => { $($code)* };
}
use not_shown;

macro_rules! rows {
    ($peer:literal, $($file:literal)*: $($name:ident $(=> $ends:expr)?),* $(,)?) => {
        pub const PEER: $crate::coming_from::Peer = $crate::coming_from::Peer {
            name: $peer,
            source: concat!($(include_str!($file)),*),
            rows: &[$($crate::coming_from::Row {
                name: stringify!($name),
                there: $name::there,
                here: $name::here,
                ends: rows!(@ $($ends)?),
            }),*],
        };
    };
    (@) => { [$crate::process::End::Exit(0); 2] };
    (@ $ends:expr) => { $ends };
}
use rows;

/// The title and the two sides of a row, as they stand in the source.
fn find<'a>(source: &'a str, name: &str) -> Option<(String, Vec<&'a str>, Vec<&'a str>)> {
    let (before, module) = source.split_once(&format!("pub mod {name} {{\n"))?;
    let mut title: Vec<_> =
        before.lines().rev().map_while(|line| line.strip_prefix("/// ")).collect();
    title.reverse();
    let side = |function| {
        let (_, body) = module.split_once(&format!("    pub fn {function}() -> Outcome {{\n"))?;
        Some(shown(body.lines().take_while(|line| *line != "    }")))
    };
    Some((title.join("\n"), side("there")?, side("here")?))
}

fn shown<'a>(body: impl Iterator<Item = &'a str>) -> Vec<&'a str> {
    // Where the whole of it is asynchronous, what that stands in is left out too.
    let (mut end, mut in_reason, mut hidden) = ("        Ok(())", false, None);
    let is_shown = |line: &&str| {
        let (text, depth) = (line.trim(), line.len() - line.trim_start().len());
        in_reason = text.starts_with("// SAFETY:") || in_reason && text.starts_with("//");
        let mut is_hidden = hidden.is_some() || in_reason || *line == end;
        if *line == "        run(async {" {
            (end, is_hidden) = ("            Ok(())", true);
        }
        if text.starts_with("not_shown! {") {
            hidden = (!text.ends_with('}')).then_some(depth);
            is_hidden = true;
        } else if hidden == Some(depth) && text == "}" {
            hidden = None;
        }
        !is_hidden && *line != "        })"
    };
    body.filter(is_shown).collect()
}

/// The table of a page. Code of several lines wants HTML around it.
pub fn markdown(peer: &Peer) -> String {
    let mut text = format!("<table>\n<tr><th>{}</th><th>posix-signal</th></tr>\n", peer.name);
    assert_eq!(peer.source.matches("\npub mod ").count(), peer.rows.len(), "{}", peer.name);
    for row in peer.rows {
        let (title, there, here) = find(peer.source, row.name)
            .unwrap_or_else(|| panic!("{}: no row {}", peer.name, row.name));
        assert!(!title.is_empty(), "{}: row {} has no title", peer.name, row.name);
        let (there, here) = (fenced(&there), fenced(&here));
        write!(text, "<tr><td colspan=\"2\">\n\n{title}\n\n</td></tr>\n").unwrap();
        write!(text, "<tr><td>\n\n{there}\n</td><td>\n\n{here}\n</td></tr>\n").unwrap();
    }
    text + "</table>\n"
}
