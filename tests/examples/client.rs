//! The echo client.

use super::{example, helps, output, refused, Server};
use crate::common;
use signal::child::Status;
use signal::{Handler, SIGTERM};
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::os::unix::io::AsRawFd;
use std::process::Stdio;
use std::thread;
use std::time::{Duration, Instant};

/// Runs a client with this standard input, which ends if `ends` is true; its status, output and
/// errors.
fn client(arguments: &[&str], input: Vec<u8>, ends: bool) -> (Status, Vec<u8>, String) {
    // The client may end before it has read everything. The standard library resets its SIGPIPE.
    signal::install(signal::SIGPIPE, Handler::Ignore).unwrap();
    let mut command = example("echo_client");
    command.args(arguments).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    let mut stdin = child.stdin.take().unwrap();
    let writer = thread::spawn(move || {
        let _ = stdin.write_all(&input);
        (!ends).then_some(stdin)
    });
    let mut stderr = child.stderr.take().unwrap();
    let errors = thread::spawn(move || {
        let mut text = String::new();
        stderr.read_to_string(&mut text).map(|_| text)
    });
    let mut output = Vec::new();
    child.stdout.take().unwrap().read_to_end(&mut output).unwrap();
    let status = child.wait().unwrap().into();
    let errors = errors.join().unwrap().unwrap();
    drop(writer.join().unwrap());
    (status, output, errors)
}

fn the_client_gets_back_what_it_sends() {
    let server = Server::start(&[]);
    let address = server.address.to_string();
    // More than all the buffers in between can hold.
    let large = common::scaled(20_000_000);
    for size in [0, 1, 100_000, large] {
        let input: Vec<u8> = (0..size).map(|index| (index % 251) as u8).collect();
        let (status, output, errors) = client(&[&address, "--timeout", "60"], input.clone(), true);
        assert!(status.success(), "{status}: {errors}");
        assert!(output == input, "{} of {} bytes", output.len(), input.len());
        assert_eq!(errors, "");
    }
    server.send(SIGTERM);
    assert!(server.ended().0.success());
}

fn the_client_notices_when_the_server_ends() {
    let mut server = Server::start(&["--grace", "0"]);
    let address = server.address.to_string();
    let talk = thread::spawn(move || client(&[&address], b"ping\n".to_vec(), false));
    server.logged(" serves ");
    server.send(SIGTERM);
    let (status, _, errors) = talk.join().unwrap();
    assert_eq!(status.code(), Some(1), "{errors}");
    assert!(errors.contains("closed the connection") || errors.contains("was lost"), "{errors}");
    assert!(server.ended().0.success());
}

fn the_client_says_when_not_all_came_back() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let talk = thread::spawn(move || client(&[&address], vec![b'x'; 10], true));
    let (mut socket, _) = listener.accept().unwrap();
    let mut all = Vec::new();
    socket.read_to_end(&mut all).unwrap();
    socket.write_all(&all[..4]).unwrap();
    drop(socket);
    let (status, output, errors) = talk.join().unwrap();
    assert_eq!((status.code(), output.len()), (Some(1), 4), "{errors}");
    assert!(
        errors.contains("the server closed the connection: 4 of 10 bytes came back"),
        "{errors}"
    );
}

fn the_client_says_when_it_is_refused() {
    let address = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().to_string();
    let (status, _, errors) = client(&["--timeout=60", &address], Vec::new(), true);
    assert_eq!(status.code(), Some(1), "{errors}");
    assert!(errors.contains(&format!("cannot connect to {address}: ")), "{errors}");
    assert!(errors.to_lowercase().contains("connection refused"), "{errors}");
}

fn the_client_waits_no_longer_than_it_is_told() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    // A listener that accepts nothing; fill its queue until connections are not answered.
    // SAFETY: a descriptor and a plain value.
    assert_eq!(unsafe { libc::listen(listener.as_raw_fd(), 0) }, 0);
    let mut backlog = Vec::new();
    while let Ok(client) = TcpStream::connect_timeout(&address, Duration::from_millis(300)) {
        backlog.push(client);
        if backlog.len() > 500 {
            common::skip("this system's backlog has no end");
        }
    }
    let start = Instant::now();
    let (status, _, errors) = client(&["--timeout", "0.5", &address.to_string()], Vec::new(), true);
    assert_eq!(status.code(), Some(1), "{errors}");
    assert!(errors.contains(&format!("{address} did not answer within 0.5 s")), "{errors}");
    assert!(start.elapsed() >= Duration::from_millis(500));
}

fn the_client_dies_of_a_broken_pipe_as_others_do() {
    let server = Server::start(&[]);
    let mut command = example("echo_client");
    command.arg(server.address.to_string()).stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut child = command.spawn().unwrap();
    drop(child.stdout.take());
    child.stdin.take().unwrap().write_all(b"ping\n").unwrap();
    assert_eq!(Status::from(child.wait().unwrap()).signal(), Some(signal::SIGPIPE));
}

fn bad_options_of_the_client() {
    for (arguments, message) in [
        (&["--timeout", "0"][..], "--timeout wants a number of seconds above 0, not \"0\""),
        (&["--timeout"], "--timeout wants a value"),
        (&["--timeout=soon"], "--timeout wants a number"),
        (&["127.0.0.1:1", "127.0.0.1:2"], "unknown argument \"127.0.0.1:2\""),
        (&["--verbose"], "unknown argument \"--verbose\""),
    ] {
        refused("echo_client", arguments, message);
    }
    helps("echo_client");
    let (status, _, errors) = client(&["127.0.0.1"], Vec::new(), true);
    assert_eq!(status.code(), Some(1));
    assert!(errors.contains("cannot find \"127.0.0.1\""), "{errors}");
}

fn the_client_demo_succeeds() {
    let output = output(example("echo_client").arg("--demo"));
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    assert!(output.stdout.ends_with(b"comes back from the server.\n"));
}

tests! {
    the_client_gets_back_what_it_sends,
    the_client_notices_when_the_server_ends,
    the_client_says_when_not_all_came_back,
    the_client_says_when_it_is_refused,
    the_client_waits_no_longer_than_it_is_told,
    the_client_dies_of_a_broken_pipe_as_others_do,
    bad_options_of_the_client,
    the_client_demo_succeeds,
}
