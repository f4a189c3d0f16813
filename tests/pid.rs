//! Process ids.

use crate::common;
use signal::{Errno, Pid};
use std::collections::HashSet;

fn only_positive_numbers_are_ids() {
    for number in [0, -1, -2, i32::MIN] {
        assert_eq!(Pid::from_raw(number), None);
        assert_eq!(Pid::try_from(number), Err(Errno::EINVAL));
    }
    for number in [0, 1 << 31, u32::MAX] {
        assert_eq!(Pid::try_from(number), Err(Errno::EINVAL));
    }
    for number in [1, 2, i32::MAX] {
        let pid = Pid::from_raw(number).unwrap();
        assert_eq!((pid.as_raw(), i32::from(pid)), (number, number));
        assert_eq!((Pid::try_from(number), Pid::try_from(number as u32)), (Ok(pid), Ok(pid)));
    }
    assert_eq!(std::mem::size_of::<Option<Pid>>(), std::mem::size_of::<libc::pid_t>());
}

fn current_and_parent_follow_a_fork() {
    let parent = Pid::current();
    assert_eq!(parent.as_raw() as u32, std::process::id());
    let child =
        common::fork(|| i32::from(Pid::parent() != Some(parent) || Pid::current() == parent));
    assert_ne!(child, parent);
    assert!(common::wait_for(child).success());
}

#[cfg(feature = "std")]
fn a_spawned_child_has_its_id() {
    let mut child = std::process::Command::new("true").spawn().unwrap();
    let pid = Pid::from(&child);
    assert_eq!(pid.as_raw() as u32, child.id());
    assert!(signal::exists(pid));
    assert!(child.wait().unwrap().success());
}

fn ids_are_shown_compared_and_hashed_as_numbers() {
    let (low, high) = (Pid::from_raw(7).unwrap(), Pid::from_raw(4711).unwrap());
    assert_eq!((low.to_string(), format!("{high:?}")), ("7".to_owned(), "Pid(4711)".to_owned()));
    assert_eq!(format!("{low:>5}|{high:<6}|"), "    7|4711  |");
    assert!(low < high);
    assert_eq!([low, high, low].iter().collect::<HashSet<_>>().len(), 2);
}

tests! {
    only_positive_numbers_are_ids,
    current_and_parent_follow_a_fork,
    #[cfg(feature = "std")]
    a_spawned_child_has_its_id,
    ids_are_shown_compared_and_hashed_as_numbers,
}
