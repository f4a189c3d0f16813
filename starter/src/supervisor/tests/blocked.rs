//! Requirements that will not be met.

use super::*;

#[test]
fn who_waits_for_what_has_failed_further_down_is_told() {
    let mut world = world(&[("a", service(&[])), ("b", service(&["a"])), ("c", service(&["b"]))]);
    world.supervisor.kernel.absent = vec!["a"];
    world.step();
    let names = world.supervisor.restart("c").unwrap();
    world.step();
    assert_eq!(world.state("a"), State::Failed);
    assert!(matches!(world.progress(&names, Goal::Running), Progress::Missed(_)));
}

#[test]
fn an_add_on_that_cannot_start_for_what_it_requires_holds_up_nobody() {
    let add_on = config::Service { optional: true, ..service(&["b"]) };
    let mut world = world(&[
        ("a", service(&[])),
        ("b", service(&["a"])),
        ("c", add_on),
        ("d", service(&["c"])),
    ]);
    world.supervisor.kernel.absent = vec!["a"];
    assert_eq!(world.step(), ["start d"]);
    let names = world.supervisor.want("d").unwrap();
    assert!(names.contains(&"a".to_owned()));
    // It is there now: the add-on follows.
    world.supervisor.kernel.absent.clear();
    assert_eq!(world.step(), ["start a", "start b", "start c"]);
}
