//! The decisions, without a process: a kernel that only takes notes.

use super::*;
use crate::config::{self, Ready, Restart};
use signal::child::Status;
use signal::{Signal, SIGCONT, SIGKILL, SIGTERM};
use std::time::Duration;

mod blocked;
mod commands;
mod deadline;
mod health;
mod many;
mod notes;
mod reload;
mod restart;

use self::notes::Notes;

struct World {
    supervisor: Supervisor<Notes>,
    now: Instant,
}

fn service(requires: &[&str]) -> config::Service {
    let requires = requires.iter().map(|name| (*name).to_owned()).collect();
    config::Service { command: vec!["x".to_owned()], requires, ..config::Service::default() }
}

fn world(services: &[(&str, config::Service)]) -> World {
    let services =
        services.iter().map(|(name, config)| ((*name).to_owned(), config.clone())).collect();
    World { supervisor: Supervisor::new(services, Notes::default()), now: Instant::now() }
}

impl World {
    fn step(&mut self) -> Vec<String> {
        while self.supervisor.step(self.now) {}
        std::mem::take(&mut self.supervisor.kernel.log)
    }

    fn after(&mut self, time: Duration) -> Vec<String> {
        self.now += time;
        self.step()
    }

    fn exit(&mut self, name: &str, raw: i32) -> Vec<String> {
        self.exit_before_anything_else(name, raw);
        self.step()
    }

    fn exit_before_anything_else(&mut self, name: &str, raw: i32) {
        let pid = self.supervisor.services[name].pid().unwrap();
        let exited = Exited { pid, status: Status::from_raw(raw), usage: None };
        assert!(self.supervisor.exited(&exited, self.now));
    }

    fn state(&self, name: &str) -> State {
        self.supervisor.services[name].state()
    }

    fn ready(&mut self, name: &str) {
        let now = self.now;
        self.supervisor.with(name, |service, _| service.ready(now));
    }

    /// How far those have come, all together.
    fn progress(&self, names: &[String], goal: Goal) -> Progress {
        let mut all = Progress::Reached;
        for name in names {
            match self.supervisor.progress(name, goal) {
                Progress::Reached => {}
                Progress::Pending => all = Progress::Pending,
                missed => return missed,
            }
        }
        all
    }
}

const FAILURE: i32 = 3 << 8;

#[test]
fn what_is_required_must_be_ready_first_and_the_rest_starts_at_once() {
    let notify = config::Service { ready: Ready::Notify, ..service(&[]) };
    let mut world = world(&[
        ("web", service(&["db", "cache"])),
        ("db", notify),
        ("cache", service(&[])),
        ("mail", service(&[])),
    ]);
    assert_eq!(world.step(), ["start db", "start cache", "start mail"]);
    world.ready("db");
    assert_eq!(world.step(), ["start web"]);
}

#[test]
fn stopping_goes_in_reverse_and_waits_for_each() {
    let mut world = world(&[("a", service(&[])), ("b", service(&["a"])), ("c", service(&["b"]))]);
    world.step();
    world.supervisor.unwant_all();
    assert_eq!(world.step(), ["SIGTERM c"]);
    assert_eq!(world.exit("c", 0), ["SIGTERM b"]);
    assert_eq!(world.exit("b", SIGTERM.as_raw()), ["SIGTERM a"]);
    assert_eq!(world.exit("a", 0), [""; 0]);
    assert!(!world.supervisor.is_anything_alive());
}

#[test]
fn who_does_not_stop_in_time_is_killed() {
    let mut world = world(&[("a", service(&[]))]);
    world.step();
    world.supervisor.unwant("a").unwrap();
    assert_eq!(world.step(), ["SIGTERM a"]);
    assert_eq!(world.after(Duration::from_millis(9_999)), [""; 0]);
    assert_eq!(world.after(Duration::from_millis(1)), ["SIGKILL a"]);
    assert_eq!(world.after(Duration::from_secs(100)), [""; 0]);
    assert_eq!(world.supervisor.deadline(), None);
    world.exit("a", SIGKILL.as_raw());
    assert_eq!(world.state("a"), State::Stopped);
}

#[test]
fn a_crash_is_followed_by_restarts_with_growing_delays_and_then_by_none() {
    let mut world = world(&[("a", config::Service { restart_limit: Some(3), ..service(&[]) })]);
    assert_eq!(world.step(), ["start a"]);
    for delay in [500, 1000, 2000] {
        assert_eq!(world.exit("a", FAILURE), [""; 0]);
        assert_eq!(world.after(Duration::from_millis(delay - 1)), [""; 0]);
        assert_eq!(world.after(Duration::from_millis(1)), ["start a"]);
    }
    assert_eq!(world.exit("a", FAILURE), [""; 0]);
    assert_eq!(world.state("a"), State::Failed);
    assert_eq!(world.supervisor.deadline(), None);
    world.supervisor.want("a").unwrap();
    assert_eq!(world.step(), ["start a"]);
}

#[test]
fn having_run_well_forgives_earlier_crashes() {
    let mut world = world(&[("a", config::Service { restart_limit: Some(1), ..service(&[]) })]);
    world.step();
    for _ in 0..5 {
        world.after(Duration::from_secs(60));
        world.exit("a", FAILURE);
        assert_eq!(world.after(Duration::from_millis(500)), ["start a"]);
    }
}

#[test]
fn the_policy_decides_about_success() {
    for (restart, status, ends) in [
        (Restart::Never, 0, Some(State::Done)),
        (Restart::Never, FAILURE, Some(State::Failed)),
        (Restart::OnFailure, 0, Some(State::Done)),
        (Restart::OnFailure, FAILURE, None),
        (Restart::Always, 0, None),
    ] {
        let mut world = world(&[("a", config::Service { restart, ..service(&[]) })]);
        world.step();
        world.exit("a", status);
        match ends {
            Some(state) => assert_eq!(world.state("a"), state),
            None => assert!(matches!(world.state("a"), State::Backoff { .. })),
        }
    }
}

#[test]
fn who_is_not_ready_in_time_has_failed() {
    let slow = config::Service {
        ready: Ready::Notify,
        ready_timeout: Duration::from_secs(5),
        ..service(&[])
    };
    let mut world = world(&[("a", slow), ("b", service(&["a"]))]);
    world.step();
    assert_eq!(world.after(Duration::from_secs(5)), ["SIGTERM a"]);
    world.exit("a", 0);
    assert!(matches!(world.state("a"), State::Backoff { .. }));
    // One that ends before it is ready has failed, whatever its code.
    assert_eq!(world.after(Duration::from_secs(1)), ["start a"]);
    world.exit("a", 0);
    assert!(matches!(world.state("a"), State::Backoff { .. }));
}

#[test]
fn what_is_left_behind_is_stopped_too_before_anything_else_happens() {
    let mut world = world(&[("a", service(&[]))]);
    world.supervisor.kernel.leaves = vec!["a"];
    world.step();
    assert_eq!(world.exit("a", FAILURE), ["SIGTERM a"]);
    assert!(world.supervisor.is_anything_alive());
    world.supervisor.kernel.leaves.clear();
    world.after(Duration::from_millis(25));
    assert!(matches!(world.state("a"), State::Backoff { .. }));
}

#[test]
fn what_is_left_behind_and_does_not_stop_is_killed() {
    let mut world = world(&[("a", config::Service { restart: Restart::Never, ..service(&[]) })]);
    world.supervisor.kernel.leaves = vec!["a"];
    world.step();
    world.exit("a", 0);
    assert_eq!(world.after(Duration::from_secs(10)), ["SIGKILL a"]);
    assert_eq!(world.state("a"), State::Done);
}

#[test]
fn an_add_on_may_be_absent_and_another_may_not() {
    let add_on = config::Service { optional: true, ..service(&[]) };
    let mut world = world(&[
        ("a", add_on),
        ("b", service(&["a"])),
        ("c", service(&[])),
        ("d", service(&["c"])),
    ]);
    world.supervisor.kernel.absent = vec!["a", "c"];
    assert_eq!(world.step(), ["start b"]);
    assert_eq!((world.state("a"), world.state("c")), (State::Absent, State::Failed));
    assert_eq!(world.state("d"), State::Stopped);
    let names = world.supervisor.want("d").unwrap();
    world.step();
    assert!(matches!(world.progress(&names, Goal::Running), Progress::Missed(_)));
}

#[test]
fn stop_takes_those_along_that_require_it_and_start_brings_what_is_required() {
    let mut world = world(&[("a", service(&[])), ("b", service(&["a"])), ("c", service(&[]))]);
    world.step();
    let names = world.supervisor.unwant("a").unwrap();
    assert_eq!(names, ["a", "b"]);
    assert_eq!(world.step(), ["SIGTERM b"]);
    assert_eq!(world.exit("b", 0), ["SIGTERM a"]);
    assert_eq!(world.progress(&names, Goal::Stopped), Progress::Pending);
    world.exit("a", 0);
    assert_eq!(world.progress(&names, Goal::Stopped), Progress::Reached);
    assert_eq!(world.supervisor.want("b").unwrap(), ["b", "a"]);
    assert_eq!(world.step(), ["start a", "start b"]);
    assert!(matches!(world.progress(&names, Goal::Stopped), Progress::Missed(_)));
    assert_eq!(world.supervisor.want("z"), Err(UnknownService("z".to_owned())));
}

#[test]
fn restart_goes_down_in_reverse_and_up_in_order() {
    let mut world = world(&[("a", service(&[])), ("b", service(&["a"])), ("c", service(&[]))]);
    world.step();
    let names = world.supervisor.restart("a").unwrap();
    assert_eq!(world.step(), ["SIGTERM b"]);
    assert_eq!(world.exit("b", 0), ["SIGTERM a"]);
    assert_eq!(world.progress(&names, Goal::Running), Progress::Pending);
    assert_eq!(world.exit("a", 0), ["start a", "start b"]);
    world.after(Duration::from_millis(100));
    assert_eq!(world.progress(&names, Goal::Running), Progress::Reached);
}

#[test]
fn who_restarts_something_is_told_that_what_it_requires_does_not_start() {
    let a = config::Service { ready: Ready::Notify, ..service(&[]) };
    let mut world = world(&[("a", a), ("b", service(&["a"])), ("c", service(&["b"]))]);
    world.step();
    world.ready("a");
    world.step();
    assert_eq!(world.supervisor.restart("c"), Ok(vec!["c".to_owned()]));
    world.step();
    world.exit("c", 0);
    world.exit("a", 256);
    world.exit("b", 256);
    let names = world.supervisor.restart("c").unwrap();
    assert_eq!(names, ["c", "b", "a"]);
    assert_eq!(world.step(), ["SIGTERM c", "start a"]);
    world.exit("c", 0);
    world.exit("a", 256);
    assert!(matches!(world.progress(&names, Goal::Running), Progress::Missed(_)));
}

#[test]
fn a_start_while_it_is_being_stopped_waits_for_the_end() {
    let mut world = world(&[("a", service(&[]))]);
    world.step();
    world.supervisor.unwant("a").unwrap();
    assert_eq!(world.step(), ["SIGTERM a"]);
    world.supervisor.want("a").unwrap();
    assert_eq!(world.step(), [""; 0]);
    assert_eq!(world.exit("a", 0), ["start a"]);
}

#[test]
fn killing_is_for_everything_at_once() {
    let mut world = world(&[("a", service(&[])), ("b", service(&["a"]))]);
    world.step();
    world.supervisor.unwant_all();
    world.supervisor.kill_all();
    assert_eq!(world.step(), ["SIGKILL a", "SIGKILL b"]);
    world.exit("a", SIGKILL.as_raw());
    world.exit("b", SIGKILL.as_raw());
    assert!(!world.supervisor.is_anything_alive());
}

#[test]
fn a_restart_leaves_alone_what_was_stopped_by_hand() {
    let mut world = world(&[("a", service(&[])), ("b", service(&["a"]))]);
    world.step();
    world.supervisor.unwant("b").unwrap();
    assert_eq!(world.step(), ["SIGTERM b"]);
    let names = world.supervisor.restart("a").unwrap();
    assert_eq!(names, ["a"]);
    assert_eq!(world.step(), [""; 0]);
    assert_eq!(world.exit("b", 0), ["SIGTERM a"]);
    assert_eq!(world.exit("a", 0), ["start a"]);
    world.after(Duration::from_millis(100));
    assert_eq!(world.progress(&names, Goal::Running), Progress::Reached);
}
