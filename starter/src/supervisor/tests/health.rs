//! Commands that look after services, and what services say of themselves.

use super::*;
use crate::config::{Health, Test};
use crate::service::Activity;

const EVERY: Duration = Duration::from_secs(30);

fn healthy(test: Test) -> config::Service {
    config::Service { health: Some(Health { test, every: EVERY, failures: 2 }), ..service(&[]) }
}

impl World {
    fn check(&mut self, name: &str, raw: i32) -> Vec<String> {
        let pid = self.supervisor.services[name].check().unwrap();
        let exited = Exited { pid, status: Status::from_raw(raw), usage: None };
        assert!(self.supervisor.exited(&exited, self.now));
        self.step()
    }
}

#[test]
fn a_command_can_tell_that_a_service_is_ready() {
    let ready = Ready::Exec(vec!["ask".to_owned()]);
    let mut world = world(&[("a", config::Service { ready, ..service(&[]) })]);
    assert_eq!(world.step(), ["start a"]);
    assert_eq!(world.after(Duration::ZERO), ["run a ask"]);
    assert_eq!(world.check("a", FAILURE), [""; 0]);
    assert_eq!(world.after(Duration::from_millis(200)), ["run a ask"]);
    world.check("a", 0);
    assert!(matches!(world.state("a"), State::Ready { .. }));
}

#[test]
fn a_command_that_does_not_answer_ends_with_the_service() {
    let ready = Ready::Exec(vec!["ask".to_owned()]);
    let mut world = world(&[("a", config::Service { ready, ..service(&[]) })]);
    world.step();
    world.after(Duration::ZERO);
    assert_eq!(world.after(Duration::from_secs(60)), ["SIGTERM a", "SIGKILL a check"]);
}

#[test]
fn failures_in_a_row_mean_that_it_has_failed() {
    let mut world = world(&[("a", healthy(Test::Exec(vec!["look".to_owned()])))]);
    world.step();
    for (raw, log) in [(FAILURE, ""), (0, ""), (FAILURE, ""), (FAILURE, "SIGTERM a")] {
        assert_eq!(world.after(EVERY), ["run a look"]);
        assert_eq!(world.check("a", raw).concat(), log);
    }
    world.exit("a", 0);
    assert!(matches!(world.state("a"), State::Backoff { .. }));
}

#[test]
fn a_check_that_takes_too_long_has_failed() {
    let mut world = world(&[("a", healthy(Test::Exec(vec!["look".to_owned()])))]);
    world.step();
    assert_eq!(world.after(EVERY), ["run a look"]);
    assert_eq!(world.after(EVERY), ["SIGKILL a check"]);
    assert_eq!(world.after(EVERY), ["run a look"]);
    assert_eq!(world.after(EVERY), ["SIGKILL a check", "SIGTERM a"]);
}

#[test]
fn a_port_is_looked_at() {
    let mut world = world(&[("a", healthy(Test::Port(80)))]);
    world.supervisor.kernel.answers = true;
    world.step();
    assert_eq!(world.after(EVERY), [""; 0]);
    world.supervisor.kernel.answers = false;
    assert_eq!(world.after(EVERY), [""; 0]);
    assert_eq!(world.after(EVERY), ["SIGTERM a"]);
}

#[test]
fn a_watchdog_wants_to_hear_something() {
    let time = Duration::from_secs(10);
    let mut world = world(&[("a", config::Service { watchdog: Some(time), ..service(&[]) })]);
    world.step();
    for _ in 0..3 {
        assert_eq!(world.after(Duration::from_secs(9)), [""; 0]);
        let now = world.now;
        world.supervisor.with("a", |service, kernel| service.alive(true, kernel, now));
    }
    assert_eq!(world.after(time), ["SIGTERM a"]);
    world.exit("a", 0);
    assert_eq!(world.after(Duration::from_secs(1)), ["start a"]);
    let now = world.now;
    world.supervisor.with("a", |service, kernel| service.alive(false, kernel, now));
    assert_eq!(world.step(), ["SIGTERM a"]);
}

#[test]
fn a_service_may_need_more_time() {
    let limit = Duration::from_secs(5);
    let config = config::Service {
        ready: Ready::Notify,
        ready_timeout: limit,
        stop_timeout: limit,
        ..service(&[])
    };
    let mut world = world(&[("a", config)]);
    world.step();
    for signals in [["SIGTERM a"], ["SIGKILL a"]] {
        world.after(Duration::from_secs(4));
        let now = world.now;
        world.supervisor.with("a", |service, _| service.extend(Duration::from_secs(20), now));
        assert_eq!(world.after(Duration::from_secs(19)), [""; 0]);
        assert_eq!(world.after(Duration::from_secs(1)), signals);
    }
}

#[test]
fn more_time_is_never_less() {
    let ready = Ready::After(Duration::from_secs(5));
    let mut world = world(&[("a", config::Service { ready, ..service(&[]) })]);
    world.step();
    let now = world.now;
    world.supervisor.with("a", |service, _| service.extend(Duration::from_secs(1), now));
    assert_eq!(world.after(Duration::from_secs(2)), [""; 0]);
    world.after(Duration::from_secs(3));
    assert!(matches!(world.state("a"), State::Ready { .. }));
}

#[test]
fn what_it_says_that_it_does_is_shown_and_who_stops_is_left_alone() {
    let time = Duration::from_secs(10);
    let mut world = world(&[("a", config::Service { watchdog: Some(time), ..service(&[]) })]);
    world.step();
    world.supervisor.with("a", |service, _| service.says(Activity::Reloading));
    assert_eq!(world.supervisor.services["a"].activity(), Some(Activity::Reloading));
    world.ready("a");
    assert_eq!(world.supervisor.services["a"].activity(), None);
    world.supervisor.with("a", |service, _| service.says(Activity::Stopping));
    assert_eq!(world.after(time), [""; 0]);
}

#[test]
fn why_it_was_told_to_stop_is_remarked() {
    let config = config::Service { ready: Ready::Notify, restart: Restart::Never, ..service(&[]) };
    let mut world = world(&[("a", config)]);
    world.step();
    assert_eq!(world.after(Duration::from_secs(60)), ["SIGTERM a"]);
    world.exit("a", SIGTERM.as_raw());
    let remark = world.supervisor.services["a"].remark();
    assert_eq!(remark, Some("not ready after 60 s: killed by SIGTERM"));
}
