//! Deadlines that no longer matter.

use super::*;

#[test]
fn a_time_limit_that_no_longer_matters_keeps_nobody_awake() {
    let slow = config::Service {
        ready: Ready::Notify,
        ready_timeout: Duration::from_secs(1),
        ..service(&[])
    };
    let mut world = world(&[("a", slow)]);
    world.supervisor.kernel.leaves = vec!["a"];
    world.step();
    assert_eq!(world.exit("a", 0), ["SIGTERM a"]);
    world.after(Duration::from_secs(2));
    assert!(world.supervisor.deadline().unwrap() > world.now);
}

#[test]
fn what_has_been_killed_is_not_looked_at_any_more() {
    let mut world = world(&[("a", config::Service { ready: Ready::Port(1), ..service(&[]) })]);
    world.step();
    world.supervisor.kill_all();
    world.after(Duration::from_secs(100));
    assert_eq!(world.supervisor.deadline(), None);
}
