//! One service: the states that it goes through.
//!
//! ```text
//!            before_start            start        ready
//!  Stopped --------------> Preparing -----> Starting -----> Ready
//!    ^  ^                       \              |  \           |
//!    |  | until                  `-------------|---`-- stop --+----> Stopping
//!    |  Backoff <----------------------------- exit ----------'         |
//!    |                            `---> Done, Failed                    |
//!    `---------------------- after_stop, Finishing ---------------------'
//! ```

mod exit;
mod health;
mod intent;
mod state;
mod timers;

pub use self::intent::Change;
pub use self::state::{Activity, Blocked, Intent, Outcome, State};

use self::timers::Timers;
use crate::config;
use crate::report;
use crate::supervisor::{Kernel, SpawnError, Target};
use signal::child::Status;
use signal::{Pid, SIGCONT, SIGKILL};
use std::time::{Duration, Instant};

/// How long a service that is ready as soon as it is started must have run before whoever asked
/// for it is told so: many a mistake shows within that time.
pub const SETTLED: Duration = Duration::from_millis(100);

pub struct Service {
    name: String,
    config: config::Service,
    /// Replaces the configuration once the service has stopped. Boxed: it is hardly ever there.
    next: Option<Box<config::Service>>,
    state: State,
    intent: Intent,
    blocked: Blocked,
    /// Failures in a row.
    failures: u32,
    starts: u64,
    /// When it was last started.
    started: Option<Instant>,
    /// Whether it has been ready since.
    was_ready: bool,
    last_exit: Option<Status>,
    /// The exit code for whoever runs the starter, if this service ends it.
    code: i32,
    /// What is to be known of it: how it last ended, or what it says itself.
    remark: Option<String>,
    activity: Option<Activity>,
    timers: Timers,
    /// A command that looks whether it is ready or healthy.
    check: Option<Pid>,
    /// Checks in a row that failed.
    unhealthy: u32,
}

impl Service {
    pub fn new(name: &str, config: config::Service) -> Service {
        Service {
            name: name.to_owned(),
            intent: if config.autostart { Intent::Run } else { Intent::Stop },
            config,
            next: None,
            state: State::Stopped,
            blocked: Blocked::No,
            failures: 0,
            starts: 0,
            started: None,
            was_ready: false,
            last_exit: None,
            code: 0,
            remark: None,
            activity: None,
            timers: Timers::default(),
            check: None,
            unhealthy: 0,
        }
    }

    pub fn name(&self) -> &str {
        &self.name
    }

    pub fn config(&self) -> &config::Service {
        &self.config
    }

    pub fn state(&self) -> State {
        self.state
    }

    pub fn activity(&self) -> Option<Activity> {
        self.activity
    }

    pub fn remark(&self) -> Option<&str> {
        self.remark.as_deref()
    }

    pub fn starts(&self) -> u64 {
        self.starts
    }

    pub fn last_exit(&self) -> Option<Status> {
        self.last_exit
    }

    pub fn pid(&self) -> Option<Pid> {
        self.state.pid()
    }

    pub fn check(&self) -> Option<Pid> {
        self.check
    }

    pub fn is_alive(&self) -> bool {
        self.state.is_alive()
    }

    /// Whether it is not started again unless somebody asks for it.
    pub fn has_failed(&self) -> bool {
        matches!(self.state, State::Absent | State::Failed)
    }

    /// Whether it had run, and waits before it is started again.
    pub fn has_ended(&self) -> bool {
        matches!(self.state, State::Backoff { ended: true, .. })
    }

    /// Whether those that require it can start.
    pub fn satisfies(&self) -> bool {
        let there = matches!(self.state, State::Ready { .. } | State::Done);
        // An add-on that waits in vain is as good as one that has failed.
        let given_up =
            self.config.optional && (self.has_failed() || self.blocked == Blocked::ForGood);
        !self.is_to_stop() && (there || given_up)
    }

    /// Whether those that only come after it have to wait.
    pub fn is_on_its_way(&self) -> bool {
        match self.state {
            State::Stopped => !self.is_to_stop() && self.blocked == Blocked::No,
            State::Preparing { .. } | State::Starting { .. } => true,
            _ => false,
        }
    }

    /// Whether it can be said to whoever asked for it that it runs.
    pub fn has_settled(&self) -> bool {
        self.satisfies() && self.timers.settled.is_none()
    }

    pub fn blocked(&self) -> Blocked {
        self.blocked
    }

    pub fn set_blocked(&mut self, blocked: Blocked) -> bool {
        std::mem::replace(&mut self.blocked, blocked) != blocked
    }

    pub fn start(&mut self, kernel: &mut impl Kernel, now: Instant) {
        (self.remark, self.activity, self.unhealthy) = (None, None, 0);
        self.was_ready = false;
        if self.config.before_start.is_empty() {
            return self.launch(kernel, now);
        }
        match kernel.run(&self.name, &self.config, &self.config.before_start) {
            Ok(pid) => {
                tracing::info!(service = self.name, pid = pid.as_raw(), "before_start");
                self.started = Some(now);
                self.timers.ready_by = now.checked_add(self.config.ready_timeout);
                self.state = State::Preparing { pid };
            }
            Err(error) => self.cannot_start(error, kernel, now),
        }
    }

    fn launch(&mut self, kernel: &mut impl Kernel, now: Instant) {
        let pid = match kernel.spawn(&self.name, &self.config) {
            Ok(pid) => pid,
            Err(error) => return self.cannot_start(error, kernel, now),
        };
        self.starts += 1;
        self.started = Some(now);
        self.state = State::Starting { pid };
        self.timers = Timers::default();
        self.timers.ready_by = now.checked_add(self.config.ready_timeout);
        tracing::info!(service = self.name, pid = pid.as_raw(), "started");
        match self.config.ready {
            config::Ready::Started => {
                self.ready(now);
                self.timers.settled = Some(now + SETTLED);
            }
            config::Ready::After(time) => {
                (self.timers.probe, self.timers.ready_by) = (Some(now + time), None);
            }
            config::Ready::Notify => {}
            _ => self.timers.probe = Some(now),
        }
    }

    fn cannot_start(&mut self, error: SpawnError, kernel: &mut impl Kernel, now: Instant) {
        self.timers = Timers::default();
        match error {
            SpawnError::Absent(why) if self.config.optional => {
                tracing::info!(service = self.name, "optional, and absent: {why}");
                self.remark = Some(why);
                self.state = State::Absent;
            }
            error => {
                tracing::error!(service = self.name, "cannot start: {error}");
                self.remark = Some(error.to_string());
                self.started = Some(now);
                // As a shell has it.
                self.code = if matches!(error, SpawnError::Absent(_)) { 127 } else { 126 };
                match error {
                    SpawnError::Passing(_) => self.conclude(Outcome::Failure, false, kernel, now),
                    _ => self.state = State::Failed,
                }
            }
        }
    }

    pub fn ready(&mut self, now: Instant) {
        if let State::Starting { pid } = self.state {
            let after = report::seconds(self.ran(now));
            tracing::info!(service = self.name, pid = pid.as_raw(), after_seconds = after, "ready");
            self.state = State::Ready { pid };
            self.was_ready = true;
            self.timers = Timers::default();
            self.timers.watchdog = self.config.watchdog.map(|time| now + time);
            self.timers.health = self.config.health.as_ref().map(|health| now + health.every);
        }
        self.activity = None;
    }

    /// Asks it to end, all of it; after its time-out it is killed.
    pub fn stop(&mut self, kernel: &mut impl Kernel, now: Instant, outcome: Outcome) {
        let Some(pid) = self.pid() else { return };
        if matches!(self.state, State::Stopping { .. } | State::Finishing { .. }) {
            return;
        }
        let signal = self.config.stop_signal;
        tracing::info!(service = self.name, pid = pid.as_raw(), "stopping with {signal}");
        let target = match self.config.stop_signal_to {
            config::StopSignalTo::Group => Target::Service(pid),
            config::StopSignalTo::Leader => Target::Leader(pid),
        };
        kernel.signal(&self.name, target, signal);
        // What is stopped does not notice until it goes on.
        kernel.signal(&self.name, target, SIGCONT);
        self.end_check(kernel);
        self.state = State::Stopping { pid, leader: true, kill_at: self.kill_at(now), outcome };
        self.timers = Timers::default();
    }

    /// Ends it at once.
    pub fn kill(&mut self, kernel: &mut impl Kernel) {
        self.end_check(kernel);
        if let Some(pid) = self.pid() {
            kernel.signal(&self.name, Target::Service(pid), SIGKILL);
            self.timers = Timers::default();
            match &mut self.state {
                State::Finishing { kill_at, .. } => *kill_at = None,
                state => {
                    let outcome = Outcome::Failure;
                    *state = State::Stopping { pid, leader: true, kill_at: None, outcome };
                }
            }
        } else if let State::Stopping { pid, .. } = self.state {
            kernel.signal(&self.name, Target::LeftBy(pid), SIGKILL);
        }
    }

    /// A signal that somebody asked for, to where its `stop_signal` goes.
    pub fn signal(&self, kernel: &mut impl Kernel, signal: signal::Signal) -> bool {
        let target = match self.config.stop_signal_to {
            config::StopSignalTo::Group => Target::Service,
            config::StopSignalTo::Leader => Target::Leader,
        };
        self.pid().is_some_and(|pid| kernel.signal(&self.name, target(pid), signal))
    }

    pub fn ran(&self, now: Instant) -> Duration {
        self.started.map_or(Duration::ZERO, |started| now.saturating_duration_since(started))
    }

    fn kill_at(&self, now: Instant) -> Option<Instant> {
        now.checked_add(self.config.stop_timeout)
    }
}
