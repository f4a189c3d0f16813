use super::*;
use crate::watched::Source;
use polling::Poller;
use std::sync::Arc;

fn pair() -> (Connection, UnixStream) {
    let (ours, theirs) = UnixStream::pair().unwrap();
    ours.set_nonblocking(true).unwrap();
    let poller = Arc::new(Poller::new().unwrap());
    let ours = Watched::new(&poller, ours, Source::Connection(1)).unwrap();
    (Connection::new(ours, Instant::now()), theirs)
}

fn read(connection: &mut Connection) -> Option<Request> {
    connection.handle(false, Instant::now())
}

fn status() -> Request {
    Request::Status { names: IndexSet::new() }
}

#[test]
fn a_request_may_come_in_pieces() {
    let (mut connection, mut client) = pair();
    client.write_all(b"{\"command\":\"sta").unwrap();
    assert_eq!(read(&mut connection), None);
    client.write_all(b"tus\"}\n").unwrap();
    assert_eq!(read(&mut connection), Some(status()));
}

#[test]
fn a_name_that_is_repeated_counts_once() {
    let (mut connection, mut client) = pair();
    client.write_all(b"{\"command\":\"start\",\"names\":[\"a\",\"b\",\"a\"]}\n").unwrap();
    let names = IndexSet::from(["a".to_owned(), "b".to_owned()]);
    assert_eq!(read(&mut connection), Some(Request::Start { names }));
}

#[test]
fn several_requests_are_answered_one_after_the_other() {
    let (mut connection, mut client) = pair();
    let now = Instant::now();
    client.write_all(b"{\"command\":\"status\"}\n{\"command\":\"stop-all\"}\n").unwrap();
    assert_eq!(read(&mut connection), Some(status()));
    let second = connection.answer(&Answer::Done(vec!["a".to_owned()]), now);
    assert_eq!(second, Some(Request::StopAll {}));
    assert_eq!(connection.answer(&Answer::Done(vec!["b".to_owned()]), now), None);
    client.write_all(b"{\"command\":\"status\"}\n").unwrap();
    assert_eq!(read(&mut connection), Some(status()));
    drop(connection);
    let mut answers = String::new();
    client.read_to_string(&mut answers).unwrap();
    assert_eq!(answers, "{\"done\":[\"a\"]}\n{\"done\":[\"b\"]}\n");
}

#[test]
fn garbage_is_answered_and_the_connection_closed() {
    for garbage in [
        &b"\xff\x00{}\n"[..],
        b"{\"command\":\"status\",\"more\":1}\n",
        b"{\"command\":\"stop-all\",\"more\":1}\n",
        b"{\"command\":\"stop\",\"names\":[],\"more\":1}\n",
    ] {
        let (mut connection, mut client) = pair();
        client.write_all(garbage).unwrap();
        assert_eq!(read(&mut connection), None);
        assert!(connection.is_closed());
        drop(connection);
        let mut answer = String::new();
        client.read_to_string(&mut answer).unwrap();
        assert!(answer.contains("no request"), "{answer}");
    }
}

#[test]
fn a_line_without_end_is_cut() {
    let (mut connection, mut client) = pair();
    for _ in 0..=LONGEST / 4096 {
        client.write_all(&[b'x'; 4096]).unwrap();
        assert_eq!(read(&mut connection), None);
    }
    assert!(connection.is_closed());
}

#[test]
fn who_keeps_us_waiting_is_left() {
    let (mut connection, _client) = pair();
    connection.expire(Instant::now());
    assert!(!connection.is_closed());
    connection.expire(Instant::now() + PATIENCE);
    assert!(connection.is_closed());
}

#[test]
fn an_answer_that_is_not_fetched_waits_in_memory_and_not_for_ever() {
    let (mut connection, mut client) = pair();
    let (name, now) = ("x".repeat(1 << 20), Instant::now());
    connection.answer(&Answer::Done(vec![name]), now);
    assert_eq!(connection.phase, Phase::Writing { last: false });
    let mut fetched = 0;
    while connection.phase != Phase::Reading {
        fetched += client.read(&mut [0; 65536]).unwrap();
        connection.handle(true, now);
    }
    drop(connection);
    fetched += std::io::copy(&mut client, &mut std::io::sink()).unwrap() as usize;
    assert!(fetched > 1 << 20);
    let (mut connection, _client) = pair();
    connection.answer(&Answer::Done(vec!["x".repeat(1 << 20)]), now);
    connection.expire(now + 2 * PATIENCE);
    assert!(connection.is_closed());
}

#[test]
fn who_follows_and_does_not_fetch_is_left() {
    let (mut connection, _client) = pair();
    connection.follow("a".to_owned(), "first\n".to_owned());
    connection.hear("b", &"x".repeat(2 * UNFETCHED));
    assert!(!connection.is_closed());
    connection.hear("a", &"x".repeat(2 * UNFETCHED));
    assert!(connection.is_closed());
}
