//! Commands before and after, soft order, what is not started by itself, signals.

use super::*;
use crate::config::{OnFailure, StopSignalTo};

fn words(word: &str) -> Vec<String> {
    vec![word.to_owned()]
}

#[test]
fn a_command_before_the_start_must_succeed() {
    let config = config::Service { before_start: words("prepare"), ..service(&[]) };
    let mut world = world(&[("a", config)]);
    assert_eq!(world.step(), ["run a prepare"]);
    assert!(matches!(world.state("a"), State::Preparing { .. }));
    assert_eq!(world.exit("a", 0), ["start a"]);
    assert_eq!(world.exit("a", FAILURE), [""; 0]);
    assert_eq!(world.after(Duration::from_millis(500)), ["run a prepare"]);
    assert_eq!(world.exit("a", FAILURE), [""; 0]);
    assert!(matches!(world.state("a"), State::Backoff { .. }));
    assert_eq!(world.after(Duration::from_secs(1)), ["run a prepare"]);
    world.supervisor.unwant("a").unwrap();
    assert_eq!(world.step(), ["SIGTERM a"]);
    world.exit("a", SIGTERM.as_raw());
    assert_eq!(world.state("a"), State::Stopped);
}

#[test]
fn a_command_before_the_start_has_a_time_limit() {
    let time = Duration::from_secs(5);
    let config =
        config::Service { before_start: words("prepare"), ready_timeout: time, ..service(&[]) };
    let mut world = world(&[("a", config)]);
    world.step();
    assert_eq!(world.after(time), ["SIGTERM a"]);
}

#[test]
fn a_command_after_the_end_runs_before_anything_else() {
    let config = config::Service { after_stop: words("tidy"), ..service(&[]) };
    let mut world = world(&[("b", config)]);
    world.step();
    world.supervisor.unwant_all();
    world.step();
    assert_eq!(world.exit("b", 0), ["run b tidy"]);
    assert!(world.supervisor.is_anything_alive());
    assert_eq!(world.after(Duration::from_secs(10)), ["SIGKILL b"]);
    world.exit("b", SIGKILL.as_raw());
    assert_eq!(world.state("b"), State::Stopped);
}

#[test]
fn a_soft_order_waits_for_what_starts_and_for_nothing_else() {
    let slow = config::Service { ready: Ready::Notify, ..service(&[]) };
    let later = config::Service { after: vec!["a".to_owned()], ..service(&[]) };
    let mut world = world(&[("b", later), ("a", slow)]);
    assert_eq!(world.step(), ["start a"]);
    world.ready("a");
    assert_eq!(world.step(), ["start b"]);
    world.supervisor.unwant_all();
    assert_eq!(world.step(), ["SIGTERM b"]);
    assert_eq!(world.exit("b", 0), ["SIGTERM a"]);
    world.exit("a", 0);
    // It does not bring the other.
    world.supervisor.want("b").unwrap();
    assert_eq!(world.step(), ["start b"]);
    // Nor does it follow it down.
    world.supervisor.want("a").unwrap();
    world.step();
    assert_eq!(world.supervisor.unwant("a").unwrap(), ["a"]);
    assert_eq!(world.step(), ["SIGTERM a"]);
}

#[test]
fn a_failure_does_not_hold_up_what_only_comes_after() {
    let later = config::Service { after: vec!["a".to_owned()], ..service(&[]) };
    let mut world = world(&[("b", later), ("a", service(&[]))]);
    world.supervisor.kernel.absent = vec!["a"];
    assert_eq!(world.step(), ["start b"]);
}

#[test]
fn what_is_not_started_by_itself_waits_until_it_is_needed() {
    let idle = |requires: &[&str]| config::Service { autostart: false, ..service(requires) };
    let mut world =
        world(&[("a", idle(&[])), ("b", service(&["a"])), ("c", idle(&["d"])), ("d", idle(&[]))]);
    assert_eq!(world.step(), ["start a", "start b"]);
    assert_eq!(world.state("c"), State::Stopped);
    assert_eq!(world.supervisor.want("c").unwrap(), ["c", "d"]);
    assert_eq!(world.step(), ["start d", "start c"]);
}

#[test]
fn the_signal_to_stop_can_be_for_the_leader_alone() {
    let config = config::Service { stop_signal_to: StopSignalTo::Leader, ..service(&[]) };
    let mut world = world(&[("a", config)]);
    world.step();
    world.supervisor.signal("a", SIGTERM).unwrap();
    assert_eq!(world.step(), ["SIGTERM a alone"]);
    world.supervisor.unwant("a").unwrap();
    assert_eq!(world.step(), ["SIGTERM a alone"]);
    assert_eq!(world.after(Duration::from_secs(10)), ["SIGKILL a"]);
    world.exit("a", SIGKILL.as_raw());
    assert!(world.supervisor.signal("a", SIGTERM).unwrap_err().contains("does not run"));
    assert!(world.supervisor.signal("z", SIGTERM).unwrap_err().contains("no service"));
}

#[test]
fn a_failure_can_be_the_end_of_it_all() {
    let config =
        config::Service { on_failure: OnFailure::Exit, restart: Restart::Never, ..service(&[]) };
    for (status, code) in [(FAILURE, Some(3)), (SIGKILL.as_raw(), Some(137)), (0, None)] {
        let mut world = world(&[("a", config.clone())]);
        world.step();
        assert_eq!(world.supervisor.fatal(), None);
        world.exit("a", status);
        assert_eq!(world.supervisor.fatal(), code);
    }
    let mut world = world(&[("a", config)]);
    world.supervisor.kernel.absent = vec!["a"];
    world.step();
    assert_eq!(world.supervisor.fatal(), Some(127));
}

#[test]
fn a_failure_without_a_code_is_one_all_the_same() {
    let config = config::Service {
        ready: Ready::Notify,
        on_failure: OnFailure::Exit,
        restart: Restart::Never,
        ..service(&[])
    };
    let mut world = world(&[("a", config)]);
    world.step();
    world.exit("a", 0);
    assert_eq!(world.supervisor.fatal(), Some(1));
}

#[test]
fn what_a_leader_leaves_behind_is_told_when_it_has_ended() {
    let config = config::Service { stop_signal_to: StopSignalTo::Leader, ..service(&[]) };
    let mut world = world(&[("a", config)]);
    world.supervisor.kernel.leaves = vec!["a"];
    world.step();
    world.supervisor.unwant("a").unwrap();
    assert_eq!(world.step(), ["SIGTERM a alone"]);
    assert_eq!(world.exit("a", 0), ["SIGTERM a"]);
    world.supervisor.kernel.leaves.clear();
    world.after(Duration::from_millis(25));
    assert_eq!(world.state("a"), State::Stopped);
}
