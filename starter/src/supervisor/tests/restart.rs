//! What counts as a failure, and what whoever asked is told.

use super::*;

#[test]
fn successes_and_long_runs_do_not_count() {
    let config = config::Service { restart: Restart::Always, ..service(&[]) };
    let mut world = world(&[("a", config)]);
    world.step();
    for _ in 0..50 {
        world.exit("a", 0);
        assert_eq!(world.after(Duration::from_millis(500)), ["start a"]);
    }
    for _ in 0..50 {
        world.after(Duration::from_secs(60));
        world.exit("a", FAILURE);
        assert_eq!(world.after(Duration::from_millis(500)), ["start a"]);
    }
}

#[test]
fn what_does_not_count_needs_no_restarts_to_be_left() {
    let config =
        config::Service { restart: Restart::Always, restart_limit: Some(0), ..service(&[]) };
    let mut world = world(&[("a", config)]);
    world.step();
    for (ran, raw) in [(0, 0), (60, FAILURE)] {
        world.after(Duration::from_secs(ran));
        world.exit("a", raw);
        assert_eq!(world.after(Duration::from_millis(500)), ["start a"]);
    }
    world.exit("a", FAILURE);
    assert_eq!(world.state("a"), State::Failed);
}

#[test]
fn the_window_can_be_short_and_there_need_be_no_limit() {
    let second = Duration::from_secs(1);
    let short = config::Service { restart_window: second, ..service(&[]) };
    let endless =
        config::Service { restart_limit: None, restart_delay_max: second, ..service(&[]) };
    for (config, ran) in [(short, second), (endless, Duration::ZERO)] {
        let mut world = world(&[("a", config)]);
        world.step();
        for _ in 0..50 {
            world.after(ran);
            world.exit("a", FAILURE);
            assert_eq!(world.after(second), ["start a"]);
        }
    }
}

#[test]
fn what_is_never_ready_has_not_run_well_however_long_that_took() {
    let late = config::Service { ready: Ready::Notify, restart_limit: Some(2), ..service(&[]) };
    assert!(late.ready_timeout >= late.restart_window);
    let mut world = world(&[("a", late.clone())]);
    assert_eq!(world.step(), ["start a"]);
    for delay in [500, 1000] {
        assert_eq!(world.after(late.ready_timeout), ["SIGTERM a"]);
        world.exit("a", SIGTERM.as_raw());
        assert_eq!(world.after(Duration::from_millis(delay)), ["start a"]);
    }
    world.after(late.ready_timeout);
    world.exit("a", SIGTERM.as_raw());
    assert_eq!(world.state("a"), State::Failed);
}

#[test]
fn who_asks_for_a_service_that_ends_at_once_is_told() {
    let mut world = world(&[("a", service(&[])), ("b", service(&["a"]))]);
    world.step();
    let names = world.supervisor.want("b").unwrap();
    // Others need not wait, but it is too early to call it a success.
    assert_eq!(world.progress(&names, Goal::Running), Progress::Pending);
    world.after(Duration::from_millis(100));
    assert_eq!(world.progress(&names, Goal::Running), Progress::Reached);
    world.exit("a", FAILURE);
    world.after(Duration::from_millis(500));
    assert_eq!(world.progress(&["a".to_owned()], Goal::Running), Progress::Pending);
    world.exit("a", FAILURE);
    let Progress::Missed(why) = world.progress(&["a".to_owned()], Goal::Running) else {
        panic!("it has ended")
    };
    assert!(why.contains("exited with code 3"), "{why}");
}

#[test]
fn a_service_can_be_ready_when_it_has_run_for_some_time() {
    let time = Duration::from_secs(2);
    let config = config::Service { ready: Ready::After(time), ..service(&[]) };
    let mut world = world(&[("a", config), ("b", service(&["a"]))]);
    assert_eq!(world.step(), ["start a"]);
    assert_eq!(world.after(Duration::from_millis(1999)), [""; 0]);
    assert_eq!(world.after(Duration::from_millis(1)), ["start b"]);
}

#[test]
fn an_old_failure_is_no_remark_on_a_healthy_service() {
    let mut world = world(&[("a", service(&[]))]);
    world.step();
    world.exit("a", FAILURE);
    assert_eq!(world.supervisor.services["a"].remark(), Some("exited with code 3"));
    world.after(Duration::from_millis(500));
    assert_eq!(world.supervisor.services["a"].remark(), None);
    assert_eq!(world.supervisor.services["a"].last_exit().unwrap().code(), Some(3));
}

#[test]
fn a_port_that_is_not_its_own_is_remarked_on() {
    let config = config::Service { ready: Ready::Port(80), ..service(&[]) };
    let mut world = world(&[("a", config)]);
    world.supervisor.kernel.probe = Some(Probe::Odd("port 80 is not its own".to_owned()));
    world.step();
    world.after(Duration::ZERO);
    assert!(matches!(world.state("a"), State::Starting { .. }));
    assert_eq!(world.supervisor.services["a"].remark(), Some("port 80 is not its own"));
    world.supervisor.kernel.probe = Some(Probe::Ready);
    world.after(Duration::from_secs(1));
    assert!(matches!(world.state("a"), State::Ready { .. }));
    assert_eq!(world.supervisor.services["a"].remark(), None);
}
