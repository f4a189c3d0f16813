//! The steps for real, and what has come of them.

use crate::heard::Heard;
use crate::neighbours::{self as n, action};
use crate::oracle::Disposition;
use crate::step::{Step, PIPES};
use libc::c_int;
use nix::sys::signal::{sigaction, SigAction, Signal};
use std::future::Future;
use std::pin::pin;
use std::sync::atomic::Ordering::SeqCst;
use std::task::{Context, Waker};
use tokio::runtime::Runtime;
use tokio::signal::unix::SignalKind;

enum Pipe {
    First(signal::SelfPipe),
    Second(second::SelfPipe),
}

/// The signal as the first version has it.
pub fn first() -> signal::Signal {
    signal::Signal::from_raw(n::NUMBER).expect("a signal")
}

pub fn second() -> second::Signal {
    second::Signal::from_raw(n::NUMBER).expect("a signal")
}

impl Pipe {
    fn new(index: usize) -> Result<Pipe, c_int> {
        if index == 2 {
            second::SelfPipe::new(second()).map(Pipe::Second).map_err(|error| error.raw_os_error())
        } else {
            signal::SelfPipe::new(first()).map(Pipe::First).map_err(|error| error.raw_os_error())
        }
    }

    fn insert(&self) -> Result<(), c_int> {
        match self {
            Pipe::First(pipe) => pipe.insert(first()).map_err(|error| error.raw_os_error()),
            Pipe::Second(pipe) => pipe.insert(second()).map_err(|error| error.raw_os_error()),
        }
    }

    fn remove(&self) {
        match self {
            Pipe::First(pipe) => pipe.remove(first()).expect("removed"),
            Pipe::Second(pipe) => pipe.remove(second()).expect("removed"),
        }
    }

    /// Whether the signal, and nothing else, has arrived.
    fn has_heard(&self) -> bool {
        let arrived = match self {
            Pipe::First(pipe) => {
                pipe.pending().iter().map(|signal| signal.as_raw()).collect::<Vec<_>>()
            }
            Pipe::Second(pipe) => pipe.pending().iter().map(|signal| signal.as_raw()).collect(),
        };
        assert!(arrived.is_empty() || arrived == [n::NUMBER]);
        !arrived.is_empty()
    }
}

/// tokio's signal driver, and one listener.
pub struct Listener {
    runtime: Runtime,
    stream: Option<tokio::signal::unix::Signal>,
}

impl Listener {
    pub fn new(number: c_int) -> Listener {
        let runtime =
            tokio::runtime::Builder::new_current_thread().enable_io().build().expect("a runtime");
        let mut listener = Listener { runtime, stream: None };
        listener.listen(number);
        listener
    }

    fn listen(&mut self, number: c_int) {
        let _runtime = self.runtime.enter();
        self.stream = tokio::signal::unix::signal(SignalKind::from_raw(number)).ok();
        assert!(self.stream.is_some());
    }

    /// Whether a signal has come since the last look. The driver runs when the runtime has nothing
    /// else to do.
    pub fn has_heard(&mut self) -> bool {
        let mut has_heard = false;
        self.runtime.block_on(async {
            for _ in 0..3 {
                tokio::task::yield_now().await;
                if let Some(stream) = self.stream.as_mut() {
                    let received = pin!(stream.recv());
                    has_heard |= received.poll(&mut Context::from_waker(Waker::noop())).is_ready();
                }
            }
        });
        has_heard
    }
}

fn nix_action(new: &SigAction) -> SigAction {
    // SAFETY: the handler counts, or was there before.
    unsafe { sigaction(Signal::SIGUSR1, new) }.expect("installed")
}

#[derive(Default)]
pub struct World {
    pipes: [Option<Pipe>; PIPES],
    guards: Vec<signal::InstallGuard>,
    registered: Option<signal_hook::SigId>,
    below_chains: Option<libc::sigaction>,
    below_alone: Option<SigAction>,
    saved: Option<libc::sigaction>,
    listener: Option<Listener>,
}

impl World {
    fn pipe(&self, at: usize) -> &Pipe {
        self.pipes[at].as_ref().expect("allowed")
    }

    /// Takes a step; the error number with which it was refused.
    pub fn take(&mut self, step: Step) -> Result<(), c_int> {
        match step {
            Step::Make(at) => self.pipes[at] = Some(Pipe::new(at)?),
            Step::Drop(at) => self.pipes[at] = None,
            Step::Insert(at) => self.pipe(at).insert()?,
            Step::Remove(at) => self.pipe(at).remove(),
            Step::Guard => {
                let guard = signal::InstallGuard::new(first(), &n::FLAGS[self.guards.len()]);
                self.guards.push(guard.map_err(|error| error.raw_os_error())?);
            }
            Step::Unguard => drop(self.guards.pop()),
            Step::Register => {
                let count = || {
                    n::HOOK.fetch_add(1, SeqCst);
                };
                // SAFETY: an atomic store.
                self.registered =
                    unsafe { signal_hook::low_level::register(n::NUMBER, count) }.ok();
                assert!(self.registered.is_some());
            }
            Step::Unregister => {
                assert!(signal_hook::low_level::unregister(
                    self.registered.take().expect("allowed")
                ));
            }
            Step::Chains => self.below_chains = Some(n::install_chains()),
            Step::Unchains => drop(action(self.below_chains.take().as_ref())),
            Step::Alone => self.below_alone = Some(nix_action(&n::nix_action())),
            Step::Unalone => drop(nix_action(&self.below_alone.take().expect("allowed"))),
            Step::Rearms => drop(action(Some(&n::rearming()))),
            Step::Once => drop(action(Some(&n::one_shot()))),
            Step::Look => self.saved = Some(action(None)),
            Step::Save => self.saved = Some(action(Some(&n::ignoring()))),
            Step::Restore => drop(action(self.saved.take().as_ref())),
            Step::Bare => n::put_back_by_signal(),
            Step::Listen => match self.listener.as_mut() {
                Some(listener) => listener.listen(n::NUMBER),
                None => self.listener = Some(Listener::new(n::NUMBER)),
            },
            Step::Unlisten => self.listener.as_mut().expect("allowed").stream = None,
            // SAFETY: takes plain values.
            Step::Kill => assert_eq!(unsafe { libc::kill(libc::getpid(), n::NUMBER) }, 0),
        }
        Ok(())
    }

    /// Who has heard since the last look.
    pub fn heard(&mut self) -> Heard {
        assert!(!n::UNPROTECTED.load(SeqCst), "a handler was called with its signal unblocked");
        let mut heard = Heard {
            hook: n::HOOK.swap(0, SeqCst),
            listener: self.listener.as_mut().is_some_and(Listener::has_heard),
            chains: n::CHAINS.swap(0, SeqCst),
            alone: n::ALONE.swap(0, SeqCst),
            rearms: n::REARMS.swap(0, SeqCst),
            once: n::ONCE.swap(0, SeqCst),
            ..Heard::default()
        };
        for (heard, pipe) in heard.pipes.iter_mut().zip(&self.pipes) {
            *heard = pipe.as_ref().is_some_and(Pipe::has_heard);
        }
        for (heard, flag) in heard.flags.iter_mut().zip(&n::FLAGS) {
            *heard = flag.swap(false, SeqCst);
        }
        heard
    }

    /// Whether that is installed, with the flags and the mask of its owner.
    pub fn has_installed(&self, wanted: Disposition) -> bool {
        // glibc's own, which no caller has set.
        const RESTORER: c_int = 0x0400_0000;
        let found = action(None);
        let is = |wanted: &libc::sigaction| {
            // SAFETY: two sets.
            let mask = |at| unsafe {
                libc::sigismember(&found.sa_mask, at) == libc::sigismember(&wanted.sa_mask, at)
            };
            found.sa_sigaction == wanted.sa_sigaction
                && found.sa_flags & !RESTORER == wanted.sa_flags & !RESTORER
                && (1..32).all(mask)
        };
        let is_flag = || {
            matches!(
                signal::query(first()).map(|action| action.handler()),
                Ok(signal::Handler::Flag(_))
            )
        };
        let of_nix = n::alone as *const () as usize;
        if wanted != wanted.whole() && found.sa_flags & libc::SA_SIGINFO != 0 {
            return false;
        }
        match wanted {
            Disposition::Default => found.sa_sigaction == libc::SIG_DFL,
            Disposition::Ignore => is(&n::ignoring()),
            Disposition::Chains => is(&n::chaining()),
            Disposition::Rearms => is(&n::rearming()),
            Disposition::Once => is(&n::one_shot()),
            Disposition::Alone => {
                found.sa_sigaction == of_nix && found.sa_flags & !RESTORER == libc::SA_RESTART
            }
            Disposition::Flag | Disposition::BareFlag => is_flag(),
            // Functions whose addresses only their owners know.
            Disposition::Hook | Disposition::Pipes(_) | Disposition::BarePipes(_) => {
                let known = [libc::SIG_DFL, libc::SIG_IGN, of_nix];
                let others =
                    [n::chaining(), n::rearming(), n::one_shot()].map(|known| known.sa_sigaction);
                !known.iter().chain(&others).any(|known| *known == found.sa_sigaction) && !is_flag()
            }
        }
    }
}
