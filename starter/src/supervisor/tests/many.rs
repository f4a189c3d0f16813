//! Many services: nothing grows with the square of their number.

use super::*;
use std::thread;

/// Each requires the one before it; the file has them the other way round.
fn chain(length: usize) -> World {
    let name = |number: usize| format!("s{number}");
    let services = (0..length).rev().map(|number| {
        let requires = if number == 0 { Vec::new() } else { vec![name(number - 1)] };
        (name(number), config::Service { requires, ..service(&[]) })
    });
    World { supervisor: Supervisor::new(services.collect(), Notes::default()), now: Instant::now() }
}

#[test]
fn a_turn_starts_no_more_than_some() {
    let mut world = chain(100);
    assert!(world.supervisor.step(world.now));
    assert_eq!(world.supervisor.kernel.log.len(), AT_ONCE);
    assert_eq!(world.supervisor.kernel.log[..2], ["start s0", "start s1"]);
    world.supervisor.unwant_all();
    // Those that have not been started are not.
    world.supervisor.step(world.now);
    assert_eq!(world.supervisor.kernel.log[AT_ONCE..], ["SIGTERM s31"]);
}

#[test]
fn a_long_chain_costs_what_its_services_cost() {
    // On a small stack: nothing recurs.
    let work = || {
        let (length, began) = (100_000, Instant::now());
        let mut world = chain(length);
        assert_eq!(world.step().len(), length);
        assert_eq!(world.supervisor.unwant("s0").unwrap().len(), length);
        for number in (0..length).rev() {
            assert_eq!(world.step(), [format!("SIGTERM s{number}")]);
            let pid = world.supervisor.services[&format!("s{number}")].pid().unwrap();
            let exited = Exited { pid, status: Status::from_raw(0), usage: None };
            assert!(world.supervisor.exited(&exited, world.now));
        }
        assert!(world.step().is_empty() && !world.supervisor.is_anything_alive());
        // The square of it would take hours.
        assert!(began.elapsed() < Duration::from_secs(60), "{:?}", began.elapsed());
    };
    thread::Builder::new().stack_size(256 * 1024).spawn(work).unwrap().join().unwrap();
}

#[test]
fn a_long_chain_whose_beginning_fails_is_told_of_at_once() {
    let mut world = chain(100_000);
    world.supervisor.kernel.absent = vec!["s0"];
    assert_eq!(world.step(), [""; 0]);
    let Progress::Missed(why) = world.supervisor.progress("s99999", Goal::Running) else {
        panic!("it will not start")
    };
    assert!(why.contains("`s99999` requires `s0`, which has failed"), "{why}");
}
