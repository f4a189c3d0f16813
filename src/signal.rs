//! Signals: the one table of names, descriptions and default effects.

use crate::errno::Errno;
use crate::sys::number;
use core::num::NonZeroI32;
use libc::c_int;

/// A signal number.
///
/// Any number from 1 to the platform's highest, realtime signals and those that the C library keeps
/// for itself included: a newtype and never a closed enum, since which signals exist is up to the
/// running system. `Option<Signal>` is as small as a `c_int`.
///
/// `Display` and `FromStr` speak the names of POSIX.1-2024 `sig2str` and `str2sig`. `Display`
/// writes `SIGCHLD`, `SIGRTMIN+1`, or the bare number of a signal without a name; `{:#}` leaves the
/// `SIG` out, as `sig2str` does. `FromStr` takes names with and without `SIG`, in any case, and
/// numbers. A signal that the platform does not have has no constant; a program for all platforms
/// asks by name: `"SIGINFO".parse::<Signal>()`.
///
/// ```
/// use signal::{Signal, SIGCHLD};
///
/// assert_eq!(SIGCHLD.to_string(), "SIGCHLD");
/// assert_eq!(format!("{SIGCHLD:#}"), "CHLD");
/// for name in ["CHLD", "SIGCHLD", "sigchld", &SIGCHLD.as_raw().to_string()] {
///     assert_eq!(name.parse(), Ok(SIGCHLD));
/// }
/// if let Some(signal) = Signal::realtime(2) {
///     assert_eq!("RTMIN+2".parse(), Ok(signal));
/// }
/// ```
///
/// All its functions are async-signal-safe, `Display` and `FromStr` included.
///
/// Source: POSIX.1-2024
/// [`<signal.h>`](https://pubs.opengroup.org/onlinepubs/9799919799/basedefs/signal.h.html),
/// [`sig2str`](https://pubs.opengroup.org/onlinepubs/9799919799/functions/sig2str.html).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(transparent)]
pub struct Signal(NonZeroI32);

/// What a signal does to a process that has not said otherwise.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum DefaultEffect {
    /// The process ends.
    Terminate,
    /// The process ends and leaves a core file where the limits allow one.
    CoreDump,
    /// Nothing happens.
    Ignore,
    /// The process stops until it is continued.
    Stop,
    /// A stopped process continues; a running one is left alone.
    Continue,
}

use DefaultEffect::{Continue, CoreDump, Ignore, Stop, Terminate};

/// A row of the table.
pub(crate) struct Known {
    pub(crate) signal: Signal,
    pub(crate) name: &'static str,
    description: &'static str,
    effect: DefaultEffect,
}

macro_rules! signals {
    (
        { $( $(#[$cfg:meta])? $name:ident $number:path, $effect:expr, $description:literal; )* }
        aliases { $( $(#[$alias_cfg:meta])? $alias:ident $original:ident; )* }
    ) => {
        $(
            $(#[$cfg])?
            #[doc = concat!("`", stringify!($name), "`: ", $description, ".")]
            pub const $name: Signal = Signal::existing($number);
        )*
        $(
            $(#[$alias_cfg])?
            #[doc = concat!("`", stringify!($alias), "`: another name of [`", stringify!($original), "`].")]
            pub const $alias: Signal = $original;
        )*

        pub(crate) const TABLE: &[Known] = &[$(
            $(#[$cfg])?
            Known { signal: $name, name: stringify!($name), description: $description, effect: $effect },
        )*];

        pub(crate) const ALIASES: &[(&str, Signal)] = &[$( $(#[$alias_cfg])? (stringify!($alias), $original), )*];
    };
}

const fn ignored_if(ignored: bool) -> DefaultEffect {
    if ignored {
        Ignore
    } else {
        Terminate
    }
}

const CPU_LIMIT: DefaultEffect = if cfg!(has_sigxcpu_dumps) { CoreDump } else { Terminate };

signals! { {
    SIGHUP libc::SIGHUP, Terminate, "Hangup";
    SIGINT libc::SIGINT, Terminate, "Interrupt";
    SIGQUIT libc::SIGQUIT, CoreDump, "Quit";
    SIGILL libc::SIGILL, CoreDump, "Illegal instruction";
    SIGTRAP libc::SIGTRAP, CoreDump, "Trace or breakpoint trap";
    SIGABRT libc::SIGABRT, CoreDump, "Aborted";
    #[cfg(has_sigemt)] SIGEMT number::SIGEMT, CoreDump, "Emulator trap";
    SIGFPE libc::SIGFPE, CoreDump, "Arithmetic exception";
    SIGKILL libc::SIGKILL, Terminate, "Killed";
    SIGBUS libc::SIGBUS, CoreDump, "Bus error";
    SIGSEGV libc::SIGSEGV, CoreDump, "Segmentation fault";
    SIGSYS libc::SIGSYS, CoreDump, "Bad system call";
    SIGPIPE libc::SIGPIPE, Terminate, "Broken pipe";
    SIGALRM libc::SIGALRM, Terminate, "Alarm clock";
    SIGTERM libc::SIGTERM, Terminate, "Terminated";
    SIGURG libc::SIGURG, Ignore, "Urgent I/O condition";
    SIGSTOP libc::SIGSTOP, Stop, "Stopped";
    SIGTSTP libc::SIGTSTP, Stop, "Stopped from the terminal";
    SIGCONT libc::SIGCONT, Continue, "Continued";
    SIGCHLD libc::SIGCHLD, Ignore, "Child stopped or ended";
    SIGTTIN libc::SIGTTIN, Stop, "Stopped by input from the terminal";
    SIGTTOU libc::SIGTTOU, Stop, "Stopped by output to the terminal";
    #[cfg(has_sigio)] SIGIO libc::SIGIO, ignored_if(cfg!(has_sigio_ignored)), "I/O possible";
    #[cfg(not(has_sigio))] SIGPOLL libc::SIGPOLL, ignored_if(false), "I/O possible";
    SIGXCPU libc::SIGXCPU, CPU_LIMIT, "CPU time limit exceeded";
    SIGXFSZ libc::SIGXFSZ, CPU_LIMIT, "File size limit exceeded";
    SIGVTALRM libc::SIGVTALRM, Terminate, "Virtual timer expired";
    SIGPROF libc::SIGPROF, Terminate, "Profiling timer expired";
    SIGWINCH libc::SIGWINCH, Ignore, "Window size changed";
    #[cfg(has_siginfo)] SIGINFO libc::SIGINFO, Ignore, "Information request";
    SIGUSR1 libc::SIGUSR1, Terminate, "User-defined signal 1";
    SIGUSR2 libc::SIGUSR2, Terminate, "User-defined signal 2";
    #[cfg(has_sigpwr)] SIGPWR number::SIGPWR, ignored_if(cfg!(has_sigpwr_ignored)), "Power failure";
    #[cfg(has_sigstkflt)] SIGSTKFLT libc::SIGSTKFLT, Terminate, "Stack fault";
    #[cfg(has_siglost)] SIGLOST libc::SIGLOST, Terminate, "Resource lost";
    #[cfg(has_sigthr)] SIGTHR number::SIGTHR, ignored_if(cfg!(has_sigthr_ignored)), "Thread library";
    #[cfg(has_siglibrt)] SIGLIBRT number::SIGLIBRT, Terminate, "Realtime library";
} aliases {
    SIGIOT SIGABRT;
    #[cfg(has_sigcld)] SIGCLD SIGCHLD;
    #[cfg(all(has_sigpoll, has_sigio))] SIGPOLL SIGIO;
} }

impl Signal {
    /// The signal with this number: `None` for 0, negative numbers and those above the platform's
    /// highest.
    pub const fn from_raw(number: c_int) -> Option<Signal> {
        match NonZeroI32::new(number) {
            Some(nonzero) if number > 0 && number <= number::HIGHEST => Some(Signal(nonzero)),
            _ => None,
        }
    }

    const fn existing(number: c_int) -> Signal {
        match Signal::from_raw(number) {
            Some(signal) => signal,
            None => panic!("a signal of this platform is above its highest number"),
        }
    }

    /// The number.
    pub const fn as_raw(self) -> c_int {
        self.0.get()
    }

    fn known(self) -> Option<&'static Known> {
        TABLE.iter().find(|entry| entry.signal == self)
    }

    /// The name (`"SIGCHLD"`); `None` for realtime signals and others without one.
    #[doc(alias = "sig2str")]
    pub fn name(self) -> Option<&'static str> {
        self.known().map(|entry| entry.name)
    }

    /// What it means, in a few words: `"Broken pipe"`.
    #[doc(alias = "strsignal")]
    pub fn description(self) -> &'static str {
        match self.known() {
            Some(entry) => entry.description,
            None if self.is_realtime() => "Realtime signal",
            None => "Unknown or reserved signal",
        }
    }

    /// What it does to a process that neither catches nor ignores it.
    pub fn default_effect(self) -> DefaultEffect {
        self.known().map_or(Terminate, |entry| entry.effect)
    }

    /// `SIGRTMIN + offset` of the running C library; `None` beyond `SIGRTMAX`, and where the
    /// platform has no realtime signals (macOS, OpenBSD, DragonFly, Hurd).
    ///
    /// ```
    /// # use signal::Signal;
    /// assert_eq!(Signal::realtime(0).map(|signal| signal.to_string()).as_deref().unwrap_or("SIGRTMIN"), "SIGRTMIN");
    /// assert_eq!(Signal::realtime(1000), None);
    /// ```
    #[doc(alias = "SIGRTMIN")]
    #[doc(alias = "SIGRTMAX")]
    pub fn realtime(offset: u32) -> Option<Signal> {
        let (first, last) = number::realtime()?;
        let offset = c_int::try_from(offset).ok()?;
        first.checked_add(offset).filter(|number| *number <= last).and_then(Signal::from_raw)
    }

    /// Whether it lies between the running C library's `SIGRTMIN` and `SIGRTMAX`: such signals
    /// queue, in order, and can carry a value ([`queue`](crate::queue)).
    pub fn is_realtime(self) -> bool {
        number::realtime().map_or(false, |(first, last)| (first..=last).contains(&self.as_raw()))
    }

    /// Every signal that has a name and every realtime signal, in the order of their numbers.
    pub fn all() -> impl Iterator<Item = Signal> {
        (1..=number::HIGHEST)
            .filter_map(Signal::from_raw)
            .filter(|signal| signal.is_realtime() || signal.known().is_some())
    }
}

impl From<Signal> for c_int {
    fn from(signal: Signal) -> c_int {
        signal.as_raw()
    }
}

/// [`Errno::EINVAL`] for a number that [`Signal::from_raw`] does not take.
impl TryFrom<i32> for Signal {
    type Error = Errno;

    fn try_from(number: i32) -> Result<Signal, Errno> {
        Signal::from_raw(number).ok_or(Errno::EINVAL)
    }
}

/// As from an `i32`.
impl TryFrom<u32> for Signal {
    type Error = Errno;

    fn try_from(number: u32) -> Result<Signal, Errno> {
        c_int::try_from(number).ok().and_then(Signal::from_raw).ok_or(Errno::EINVAL)
    }
}
