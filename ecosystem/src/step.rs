//! What can happen: the alphabet of the sequences.

use std::fmt;

/// Pipes 0 and 1 are the first version's, pipe 2 is the second's.
pub const PIPES: usize = 3;

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Step {
    /// `SelfPipe::new`, its drop, `insert`, `remove`.
    Make(usize),
    Drop(usize),
    Insert(usize),
    Remove(usize),
    /// `InstallGuard` with a flag, and the drop of the last one.
    Guard,
    Unguard,
    /// signal-hook registers an action, and takes it back. Its handler stays.
    Register,
    Unregister,
    /// A C handler that calls what it replaced, and the restoring of that.
    Chains,
    Unchains,
    /// A handler that calls nobody, set by nix, and the restoring of what it replaced.
    Alone,
    Unalone,
    /// A C handler that installs itself again when it is called.
    Rearms,
    /// A C handler with SA_RESETHAND.
    Once,
    /// Somebody saves what is installed, by a look or as `system` does, which ignores the signal;
    /// and restores it.
    Look,
    Save,
    Restore,
    /// C code ignores the signal and puts back what was there, by `signal`, which keeps no flags.
    Bare,
    /// tokio's listener, and its drop. tokio's handler is signal-hook's and stays.
    Listen,
    Unlisten,
    Kill,
}

use Step::*;

/// In the order in which they are tried.
pub const STEPS: [Step; 29] = [
    Make(0),
    Make(1),
    Make(2),
    Drop(0),
    Drop(1),
    Drop(2),
    Insert(0),
    Insert(1),
    Insert(2),
    Remove(0),
    Remove(1),
    Remove(2),
    Guard,
    Unguard,
    Register,
    Unregister,
    Chains,
    Unchains,
    Alone,
    Unalone,
    Rearms,
    Once,
    Look,
    Save,
    Restore,
    Bare,
    Listen,
    Unlisten,
    Kill,
];

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let pipe = |pipe: &usize| ["a", "b", "c"][*pipe];
        match self {
            Make(at) => write!(f, "{}+", pipe(at)),
            Drop(at) => write!(f, "{}-", pipe(at)),
            Insert(at) => write!(f, "{}.insert", pipe(at)),
            Remove(at) => write!(f, "{}.remove", pipe(at)),
            other => write!(f, "{}", format!("{other:?}").to_lowercase()),
        }
    }
}

/// The sequence that `Display` has written, steps between spaces.
pub fn parse(text: &str) -> Option<Vec<Step>> {
    let step = |word: &str| STEPS.iter().copied().find(|step| step.to_string() == word);
    text.split_whitespace().map(step).collect()
}

pub fn to_text(steps: &[Step]) -> String {
    steps.iter().map(Step::to_string).collect::<Vec<_>>().join(" ")
}
