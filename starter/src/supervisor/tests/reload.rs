//! Reloading.

use super::*;

fn reload(world: &mut World, services: &[(&str, config::Service)]) {
    world.supervisor.reload(
        services.iter().map(|(name, config)| ((*name).to_owned(), config.clone())).collect(),
    );
}

#[test]
fn a_reload_restarts_only_what_changed() {
    let mut world = world(&[
        ("a", service(&[])),
        ("b", service(&["a"])),
        ("c", service(&[])),
        ("d", service(&[])),
    ]);
    world.step();
    let changed = config::Service { command: vec!["y".to_owned()], ..service(&[]) };
    let patient = config::Service { stop_timeout: Duration::from_secs(99), ..service(&[]) };
    reload(
        &mut world,
        &[("a", changed.clone()), ("b", service(&["a"])), ("c", patient), ("e", service(&[]))],
    );
    assert_eq!(world.step(), ["SIGTERM a", "start e", "SIGTERM d"]);
    assert_eq!(world.exit("a", 0), ["start a"]);
    assert_eq!(*world.supervisor.services["a"].config(), changed);
    assert_eq!(world.supervisor.services["c"].config().stop_timeout, Duration::from_secs(99));
    world.exit("d", 0);
    assert_eq!(world.supervisor.services.keys().collect::<Vec<_>>(), ["a", "b", "c", "e"]);
}

#[test]
fn a_second_reload_while_the_first_goes_on_wins() {
    let mut world = world(&[("a", service(&[])), ("b", service(&[]))]);
    world.step();
    let with = |word: &str| config::Service { command: vec![word.to_owned()], ..service(&[]) };
    reload(&mut world, &[("a", with("y"))]);
    assert_eq!(world.step(), ["SIGTERM a", "SIGTERM b"]);
    reload(&mut world, &[("a", with("z")), ("b", service(&[]))]);
    assert_eq!(world.step(), [""; 0]);
    assert_eq!(world.exit("a", 0), ["start a"]);
    assert_eq!(*world.supervisor.services["a"].config(), with("z"));
    assert_eq!(world.exit("b", 0), ["start b"]);
}

#[test]
fn a_reload_leaves_stopped_what_was_stopped_by_hand_and_tries_again_what_has_changed() {
    let mut world = world(&[
        ("a", service(&[])),
        ("b", config::Service { restart: Restart::Never, ..service(&[]) }),
    ]);
    world.step();
    world.supervisor.unwant("a").unwrap();
    world.step();
    world.exit("a", 0);
    world.exit("b", FAILURE);
    let changed = config::Service { command: vec!["y".to_owned()], ..service(&[]) };
    reload(&mut world, &[("a", changed.clone()), ("b", changed)]);
    assert_eq!(world.step(), ["start b"]);
    assert_eq!(world.state("a"), State::Stopped);
}

#[test]
fn what_has_done_its_work_does_it_again_only_if_that_changed() {
    let once = config::Service { restart: Restart::Never, ..service(&[]) };
    let mut world = world(&[("a", once.clone())]);
    world.step();
    world.exit("a", 0);
    let patient = config::Service { stop_timeout: Duration::from_secs(99), ..once.clone() };
    reload(&mut world, &[("a", patient)]);
    assert_eq!(world.step(), [""; 0]);
    assert_eq!(world.state("a"), State::Done);
    reload(&mut world, &[("a", config::Service { command: vec!["y".to_owned()], ..once })]);
    assert_eq!(world.step(), ["start a"]);
}

#[test]
fn what_is_on_its_way_out_cannot_be_started() {
    let mut world = world(&[("a", service(&[])), ("b", service(&[]))]);
    world.step();
    reload(&mut world, &[("b", service(&[]))]);
    assert_eq!(world.step(), ["SIGTERM a"]);
    assert!(world.supervisor.check("a").is_err() && world.supervisor.want("a").is_err());
    assert_eq!(world.exit("a", 0), [""; 0]);
    assert_eq!(world.supervisor.services.keys().collect::<Vec<_>>(), ["b"]);
}

#[test]
fn requirements_that_a_reload_turns_round_keep_nobody_from_stopping() {
    let mut world = world(&[("a", service(&["b"])), ("b", service(&[])), ("c", service(&["a"]))]);
    world.step();
    reload(&mut world, &[("a", other(&[])), ("b", service(&["a"])), ("c", other(&["a"]))]);
    assert_eq!(world.step(), ["SIGTERM c"]);
    world.supervisor.unwant_all();
    assert_eq!(world.step(), [""; 0]);
    // `a`, as it runs, requires `b`, which requires `a` by now.
    assert_eq!(world.exit("c", 0), ["SIGTERM a", "SIGTERM b"]);
}

#[test]
fn what_is_looked_at_by_a_reload_is_looked_at_from_then_on() {
    let every = Duration::from_secs(30);
    let test = config::Test::Exec(vec!["look".to_owned()]);
    let health = Some(config::Health { test, every, failures: 1 });
    let mut world = world(&[("a", service(&[]))]);
    world.step();
    world.after(every);
    reload(&mut world, &[("a", config::Service { health, ..service(&[]) })]);
    assert_eq!(world.step(), ["run a look"]);
    // A check goes on, whatever a reload changes meanwhile.
    reload(&mut world, &[("a", service(&[]))]);
    assert_eq!(world.after(every), ["SIGKILL a check"]);
    assert_eq!(world.after(every), [""; 0]);
}

#[test]
fn what_is_required_since_a_reload_is_started_and_waited_for() {
    let lazy = config::Service { autostart: false, ready: Ready::Notify, ..service(&[]) };
    let other = config::Service { command: vec!["y".to_owned()], ..service(&["lazy"]) };
    for (new, stopped) in [(service(&["lazy"]), &[][..]), (other, &["SIGTERM a"])] {
        let mut world = world(&[("a", service(&[])), ("lazy", lazy.clone())]);
        assert_eq!(world.step(), ["start a"]);
        reload(&mut world, &[("a", new), ("lazy", lazy.clone())]);
        let mut log = world.step();
        log.extend(world.exit("a", FAILURE));
        log.extend(world.after(Duration::from_millis(500)));
        assert_eq!(log, [stopped, &["start lazy"]].concat());
        world.ready("lazy");
        assert_eq!(world.step(), ["start a"]);
    }
}

#[test]
fn what_is_to_start_by_itself_since_a_reload_starts() {
    let idle = config::Service { autostart: false, ..service(&[]) };
    let mut world = world(&[("a", idle.clone())]);
    assert_eq!(world.step(), [""; 0]);
    reload(&mut world, &[("a", idle.clone())]);
    assert_eq!(world.step(), [""; 0]);
    reload(&mut world, &[("a", service(&[]))]);
    assert_eq!(world.step(), ["start a"]);
    // It runs, and somebody wants it to.
    reload(&mut world, &[("a", idle)]);
    assert_eq!(world.step(), [""; 0]);
}

fn other(requires: &[&str]) -> config::Service {
    config::Service { command: vec!["y".to_owned()], ..service(requires) }
}

#[test]
fn what_an_earlier_reload_wanted_does_not_come_back_after_a_later_one() {
    let mut world = world(&[("a", service(&[])), ("b", service(&[]))]);
    world.step();
    world.supervisor.restart("a").unwrap();
    reload(&mut world, &[("a", other(&["b"])), ("b", service(&[]))]);
    assert_eq!(world.step(), ["SIGTERM a"]);
    world.exit_before_anything_else("a", 0);
    // The other way round: with both, each would wait for the other for ever.
    reload(&mut world, &[("a", service(&[])), ("b", other(&["a"]))]);
    assert_eq!(world.step(), ["SIGTERM b", "start a"]);
    assert_eq!(*world.supervisor.services["a"].config(), service(&[]));
    assert_eq!(world.exit("b", 0), ["start b"]);
}

#[test]
fn what_is_started_while_it_is_to_stop_gets_its_new_configuration() {
    for restart in [false, true] {
        let mut world = world(&[("a", service(&[])), ("b", service(&["a"]))]);
        world.step();
        world.supervisor.unwant("a").unwrap();
        assert_eq!(world.step(), ["SIGTERM b"]);
        reload(&mut world, &[("a", other(&[])), ("b", service(&["a"]))]);
        world.supervisor.want("b").unwrap();
        assert_eq!(world.exit("b", 0), ["SIGTERM a"]);
        world.exit_before_anything_else("a", 0);
        if restart {
            world.supervisor.restart("a").unwrap();
        }
        assert_eq!(world.step(), ["start a", "start b"]);
        assert_eq!(*world.supervisor.services["a"].config(), other(&[]));
    }
}

#[test]
fn what_is_on_its_way_out_is_not_brought_back_by_what_still_runs_on_it() {
    let mut world = world(&[("a", service(&[])), ("b", service(&["a"]))]);
    world.step();
    reload(&mut world, &[("b", other(&[]))]);
    assert_eq!(world.supervisor.want("b").unwrap(), ["b"]);
    assert_eq!(world.supervisor.restart("b").unwrap(), ["b"]);
    assert_eq!(world.step(), ["SIGTERM b"]);
    assert_eq!(world.exit("b", 0), ["start b", "SIGTERM a"]);
    world.exit("a", 0);
    assert_eq!(world.supervisor.services.keys().collect::<Vec<_>>(), ["b"]);
}

#[test]
fn who_waits_is_told_what_a_reload_has_changed() {
    let idle = config::Service { autostart: false, ..service(&[]) };
    let mut world = world(&[("a", idle.clone()), ("b", idle.clone())]);
    world.supervisor.want("a").unwrap();
    world.step();
    let names = world.supervisor.unwant("a").unwrap();
    world.step();
    world.supervisor.take_changed();
    reload(&mut world, &[("a", service(&[])), ("b", idle)]);
    assert!(matches!(world.progress(&names, Goal::Stopped), Progress::Missed(_)));
    assert!(world.supervisor.take_changed().contains(&"a".to_owned()));
}
