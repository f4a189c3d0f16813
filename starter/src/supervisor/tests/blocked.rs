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

fn endless(requires: &[&str]) -> config::Service {
    config::Service { restart_limit: None, ..service(requires) }
}

#[test]
fn who_waits_for_what_is_tried_again_and_again_is_told() {
    let mut world = world(&[
        ("a", service(&[])),
        ("b", endless(&[])),
        ("c", service(&["a", "b"])),
        ("d", config::Service { optional: true, ..service(&["c"]) }),
        ("e", service(&["d"])),
    ]);
    world.step();
    world.exit("b", FAILURE);
    let names = world.supervisor.restart("a").unwrap();
    assert!(!names.contains(&"b".to_owned()));
    world.step();
    assert_eq!(world.progress(&names, Goal::Running), Progress::Pending);
    for name in ["e", "d", "c", "a"] {
        world.exit(name, 0);
    }
    for name in ["c", "d", "e"] {
        let Progress::Missed(why) = world.supervisor.progress(name, Goal::Running) else {
            panic!("`{name}` has to wait for `b`")
        };
        let because = "requires `b`, which has ended: exited with code 3; it is tried again";
        assert_eq!(why, format!("`{name}` {because}"));
    }
    let up = ["start b", "start c", "start d", "start e"];
    assert_eq!(world.after(Duration::from_millis(500)), up);
}

#[test]
fn who_waits_is_told_even_if_it_is_tried_again_without_a_delay() {
    let hasty =
        config::Service { restart_delay: Duration::ZERO, ready: Ready::Notify, ..endless(&[]) };
    let mut world = world(&[("a", hasty), ("b", service(&["a"]))]);
    assert_eq!(world.step(), ["start a"]);
    world.exit_before_anything_else("a", FAILURE);
    world.supervisor.step(world.now);
    for name in ["a", "b"] {
        let progress = world.supervisor.progress(name, Goal::Running);
        assert!(matches!(progress, Progress::Missed(_)), "{name}: {progress:?}");
    }
    assert_eq!(world.step(), ["start a"]);
}

#[test]
fn what_only_comes_after_does_not_wait_for_what_waits_for_another_try() {
    let patient = config::Service { restart_delay: Duration::from_secs(10), ..endless(&[]) };
    let after = config::Service { after: vec!["b".to_owned()], autostart: false, ..service(&[]) };
    let mut world = world(&[("a", patient), ("b", service(&["a"])), ("c", after)]);
    world.step();
    world.exit("a", FAILURE);
    world.exit("b", FAILURE);
    assert_eq!(world.after(Duration::from_millis(500)), [""; 0]);
    world.supervisor.want("c").unwrap();
    assert_eq!(world.step(), ["start c"]);
}

#[test]
fn who_starts_what_had_failed_is_not_told_of_the_failure_before() {
    let names: Vec<String> = (0..=AT_ONCE).map(|number| format!("s{number}")).collect();
    let idle = config::Service { autostart: false, ..service(&[]) };
    let mut all = vec![("a", service(&[])), ("b", service(&["a"]))];
    all.extend(names.iter().map(|name| (name.as_str(), idle.clone())));
    let mut world = world(&all);
    world.supervisor.kernel.absent = vec!["a"];
    world.step();
    world.supervisor.kernel.absent.clear();
    names.iter().for_each(|name| drop(world.supervisor.want(name).unwrap()));
    let names = world.supervisor.want("b").unwrap();
    // The others are started first, and that is enough for one turn.
    world.supervisor.step(world.now);
    assert_eq!(world.progress(&names, Goal::Running), Progress::Pending);
}
