//! Who has heard a signal.

use crate::step::PIPES;
use std::fmt;

/// How often each has heard; pipes and flags do not count.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Heard {
    pub pipes: [bool; PIPES],
    pub flags: [bool; 2],
    pub hook: u32,
    pub listener: bool,
    pub chains: u32,
    pub alone: u32,
    pub rearms: u32,
    pub once: u32,
    pub dies: bool,
}

impl fmt::Display for Heard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let bits = [self.pipes[0], self.pipes[1], self.pipes[2], self.flags[0], self.flags[1]]
            .map(u32::from);
        let counts =
            [self.hook, self.listener.into(), self.chains, self.alone, self.rearms, self.once];
        let names = [
            "a", "b", "c", "flag 0", "flag 1", "hook", "listener", "chains", "alone", "rearms",
            "once",
        ];
        let heard = names.iter().zip(bits.iter().chain(&counts)).filter(|(_, count)| **count > 0);
        let heard =
            heard.map(
                |(name, count)| {
                    if *count > 1 {
                        format!("{name} {count} times")
                    } else {
                        (*name).into()
                    }
                },
            );
        let heard =
            heard.chain(self.dies.then(|| "the default".into())).collect::<Vec<_>>().join(", ");
        f.write_str(if heard.is_empty() { "nobody" } else { &heard })
    }
}
