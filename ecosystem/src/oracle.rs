//! Who must hear a signal, and what must be installed. It knows POSIX, the customs of each
//! neighbour and the promises of the library; not how the library keeps them.

use crate::heard::Heard;
use crate::step::{Step, PIPES};
use Disposition::*;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Disposition {
    Default,
    Ignore,
    /// The library's handler of flags.
    Flag,
    /// That of signal-hook and tokio.
    Hook,
    Chains,
    Alone,
    Rearms,
    Once,
    /// Self-pipes over something: a place among `layers`.
    Pipes(usize),
    /// The two of the library without their flags, as C's `signal` puts them back.
    BareFlag,
    BarePipes(usize),
}

impl Disposition {
    /// The same with its flags: it does the same.
    pub fn whole(self) -> Disposition {
        match self {
            BareFlag => Flag,
            BarePipes(layer) => Pipes(layer),
            whole => whole,
        }
    }

    fn bare(self) -> Disposition {
        match self {
            Flag => BareFlag,
            Pipes(layer) => BarePipes(layer),
            other => other,
        }
    }

    /// As a version distinguishes what its pipes stand over: it knows its own handler of flags.
    fn seen_by(self, version: usize) -> Disposition {
        match self {
            BareFlag if version == 0 => Flag,
            other => other,
        }
    }
}

/// The self-pipes of one version over one disposition.
#[derive(Clone, Debug, PartialEq)]
struct Layer {
    version: usize,
    over: Disposition,
    /// Whose flag it was when a pipe was last installed over it, if it is over that.
    target: Option<usize>,
    /// A one-shot handler below has been called.
    spent: bool,
}

#[derive(Clone, Debug, PartialEq)]
pub struct Oracle {
    pub now: Disposition,
    layers: Vec<Layer>,
    /// For each pipe that lives, the layer in which it watches.
    pipes: [Option<Option<usize>>; PIPES],
    /// What each guard has replaced, and whose flag was set before.
    guards: Vec<(Disposition, Option<usize>)>,
    /// Whose flag the handler of flags sets: it is one handler, with one target for the signal.
    target: Option<usize>,
    /// What signal-hook's handler has replaced, the first time and the only one.
    below_hook: Option<Disposition>,
    registered: bool,
    listens: bool,
    below_chains: Disposition,
    chains: bool,
    below_alone: Option<Disposition>,
    saved: Option<Disposition>,
    rearms: bool,
    once: bool,
}

fn version(pipe: usize) -> usize {
    pipe / 2
}

impl std::default::Default for Oracle {
    fn default() -> Oracle {
        Oracle {
            now: Default,
            layers: Vec::new(),
            pipes: [None; PIPES],
            guards: Vec::new(),
            target: None,
            below_hook: None,
            registered: false,
            listens: false,
            below_chains: Default,
            chains: false,
            below_alone: None,
            saved: None,
            rearms: false,
            once: false,
        }
    }
}

impl Oracle {
    /// A signal comes.
    pub fn kill(&mut self) -> Heard {
        let mut heard = Heard::default();
        self.hear(self.now, true, &mut heard);
        heard
    }

    /// What a disposition does. A handler that calls on another calls functions only.
    fn hear(&mut self, at: Disposition, from_kernel: bool, heard: &mut Heard) {
        match at {
            Default => heard.dies |= from_kernel,
            Ignore => {}
            Flag | BareFlag => {
                self.target.into_iter().for_each(|target| heard.flags[target] = true);
            }
            Alone => heard.alone += 1,
            Rearms => (heard.rearms, self.now) = (heard.rearms + 1, Rearms),
            Once => {
                heard.once += 1;
                self.now = if from_kernel { Default } else { self.now };
            }
            Chains => {
                heard.chains += 1;
                self.hear(self.below_chains, false, heard);
            }
            Hook => {
                heard.hook += u32::from(self.registered);
                heard.listener |= self.listens;
                self.below_hook.into_iter().for_each(|below| self.hear(below, false, heard));
            }
            Pipes(layer) | BarePipes(layer) => {
                (0..PIPES)
                    .for_each(|pipe| heard.pipes[pipe] |= self.pipes[pipe] == Some(Some(layer)));
                // Without a pipe, what would have happened without the layer: also the default
                // effect.
                match self.below(layer) {
                    Default => heard.dies |= from_kernel && !self.is_watched(layer),
                    Once => (heard.once, self.layers[layer].spent) = (heard.once + 1, true),
                    below => self.hear(below, false, heard),
                }
            }
        }
    }

    fn is_watched(&self, layer: usize) -> bool {
        self.pipes.contains(&Some(Some(layer)))
    }

    /// What was there before a layer, as it would be now.
    fn below(&self, layer: usize) -> Disposition {
        let Layer { over, spent, .. } = self.layers[layer];
        if spent {
            Default
        } else {
            over
        }
    }

    fn reaches_chains(&self, at: Disposition) -> bool {
        match at {
            Chains => true,
            Hook => self.below_hook.is_some_and(|below| self.reaches_chains(below)),
            Pipes(layer) | BarePipes(layer) => self.reaches_chains(self.below(layer)),
            _ => false,
        }
    }

    /// Where a new pipe goes: the layer that is installed, or one over what is.
    fn place(&self, pipe: usize) -> Option<usize> {
        let version = version(pipe);
        let is = |layer: &Layer| {
            layer.version == version && layer.over.seen_by(version) == self.now.seen_by(version)
        };
        match self.now.whole() {
            Pipes(layer) if self.layers[layer].version == version => Some(layer),
            _ => self.layers.iter().position(is),
        }
    }

    /// The second version sees a function that is not its own.
    fn target_below(&self, version: usize) -> Option<usize> {
        self.target.filter(|_| self.now.whole() == Flag && version == 0)
    }

    /// A version has four layers for each signal.
    pub fn may_refuse(&self, step: Step) -> bool {
        let (Step::Make(pipe) | Step::Insert(pipe)) = step else { return false };
        let layers = self.layers.iter().filter(|layer| layer.version == version(pipe));
        layers.count() >= 4 && self.place(pipe).is_none()
    }

    fn watch(&mut self, pipe: usize) {
        let layer = self.place(pipe).unwrap_or_else(|| {
            let (version, over) = (version(pipe), self.now);
            self.layers.push(Layer { version, over, target: None, spent: false });
            self.layers.len() - 1
        });
        if self.now.whole() != Pipes(layer) {
            self.layers[layer].over = self.now;
            self.layers[layer].target = self.target_below(version(pipe));
            self.layers[layer].spent = false;
        }
        self.pipes[pipe] = Some(Some(layer));
        self.now = Pipes(layer);
    }

    fn unwatch(&mut self, pipe: usize) {
        let left = self.pipes[pipe].replace(None).flatten();
        if let Some(layer) =
            left.filter(|layer| !self.is_watched(*layer) && self.now.whole() == Pipes(*layer))
        {
            (self.now, self.target) =
                (self.below(layer), self.layers[layer].target.or(self.target));
        }
    }

    /// Whether a program could do that now, and it is not the same as another step.
    pub fn allows(&self, step: Step) -> bool {
        match step {
            // The names of a version's pipes mean nothing: the first free one is taken.
            Step::Make(1) => self.pipes[0].is_some() && self.pipes[1].is_none(),
            Step::Make(pipe) => self.pipes[pipe].is_none(),
            Step::Drop(pipe) => self.pipes[pipe].is_some(),
            Step::Insert(pipe) => self.pipes[pipe]
                .is_some_and(|layer| layer.is_none() || layer.map(Pipes) != Some(self.now)),
            Step::Remove(pipe) => self.pipes[pipe].flatten().is_some(),
            Step::Guard => self.guards.len() < 2,
            Step::Unguard => !self.guards.is_empty(),
            Step::Register => !self.registered,
            Step::Unregister => self.registered,
            // Nobody may install a handler that chains where it is called already: it would call
            // itself.
            Step::Chains => !self.chains && !self.reaches_chains(self.now),
            Step::Unchains => self.chains,
            Step::Alone => self.below_alone.is_none(),
            Step::Unalone => self.below_alone.is_some(),
            Step::Rearms => !self.rearms,
            Step::Once => !self.once,
            Step::Look | Step::Save => self.saved.is_none(),
            Step::Restore => self.saved.is_some(),
            // Others may need their flags.
            Step::Bare => matches!(self.now, Pipes(_) | Flag),
            Step::Listen => !self.listens,
            Step::Unlisten => self.listens,
            Step::Kill => true,
        }
    }

    /// Any step except a kill.
    pub fn take(&mut self, step: Step) {
        match step {
            Step::Make(pipe) | Step::Insert(pipe) => self.watch(pipe),
            Step::Remove(pipe) => self.unwatch(pipe),
            Step::Drop(pipe) => {
                self.unwatch(pipe);
                self.pipes[pipe] = None;
            }
            Step::Guard => {
                let (previous, target) =
                    (self.install(Flag), self.target.replace(self.guards.len()));
                self.guards.push((previous, target));
            }
            Step::Unguard => {
                let (previous, target) = self.guards.pop().expect("allowed");
                if (self.now.whole(), self.target) == (Flag, Some(self.guards.len())) {
                    // Without an earlier flag this one stays: somebody may have saved its handler.
                    (self.now, self.target) = (previous, target.or(self.target));
                }
            }
            Step::Register | Step::Listen => {
                *(if step == Step::Listen { &mut self.listens } else { &mut self.registered }) =
                    true;
                if self.below_hook.is_none() {
                    self.below_hook = Some(self.install(Hook));
                }
            }
            Step::Unregister => self.registered = false,
            Step::Unlisten => self.listens = false,
            Step::Chains => (self.chains, self.below_chains) = (true, self.install(Chains)),
            Step::Unchains => (self.chains, self.now) = (false, self.below_chains),
            Step::Alone => self.below_alone = Some(self.install(Alone)),
            Step::Unalone => self.now = self.below_alone.take().expect("allowed"),
            Step::Rearms => (self.rearms, self.now) = (true, Rearms),
            Step::Once => (self.once, self.now) = (true, Once),
            Step::Look => self.saved = Some(self.now),
            Step::Save => self.saved = Some(self.install(Ignore)),
            Step::Restore => self.now = self.saved.take().expect("allowed"),
            Step::Bare => self.now = self.now.bare(),
            Step::Kill => unreachable!("a kill has a result"),
        }
    }

    fn install(&mut self, new: Disposition) -> Disposition {
        std::mem::replace(&mut self.now, new)
    }
}
