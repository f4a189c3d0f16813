use super::*;

use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::time::Duration;

fn parse(text: &str) -> Result<Services, Vec<Problem>> {
    let mut parsed = parse::Parsed::default();
    parse::parse(text, &Rc::new(PathBuf::from("x.toml")), &mut parsed);
    file::check(parsed)
}

fn problems(text: &str) -> Vec<(Option<usize>, String)> {
    let problems = parse(text).map(|_| ()).expect_err("this has problems");
    let line = |problem: &Problem| problem.place.as_ref().and_then(|place| place.line);
    problems.into_iter().map(|problem| (line(&problem), problem.message)).collect()
}

#[test]
fn every_key_is_understood() {
    let text = r#"
        [service.db]
        command = ["db", "--quiet"]
        optional = true
        environment = { LANG = "C" }
        directory = "/srv"
        user = "nobody"
        restart = "on-failure"
        restart_delay = 0.25
        restart_delay_max = "2min"
        restart_limit = 3
        ready = { port = 5432 }
        ready_timeout = "1.5s"
        stop_signal = "INT"
        stop_timeout = 7
        [service.web]
        command = ["web"]
        requires = ["db"]
        ready = { file = "/run/web" }
    "#;
    let services = parse(text).unwrap();
    let db = &services["db"];
    assert_eq!(db.command, ["db", "--quiet"]);
    assert!(db.optional && db.environment["LANG"] == "C");
    assert_eq!(
        (db.directory.as_deref(), db.user.as_deref()),
        (Some(Path::new("/srv")), Some("nobody"))
    );
    assert_eq!((db.restart, db.restart_limit), (Restart::OnFailure, Some(3)));
    assert_eq!(db.restart_delay, Duration::from_millis(250));
    assert_eq!(db.restart_delay_max, Duration::from_secs(120));
    assert_eq!((&db.ready, db.ready_timeout), (&Ready::Port(5432), Duration::from_millis(1500)));
    assert_eq!((db.stop_signal, db.stop_timeout), (signal::SIGINT, Duration::from_secs(7)));
    assert_eq!(services["web"].ready, Ready::File("/run/web".into()));
    assert_eq!(services["web"].requires, ["db"]);
}

#[test]
fn all_problems_come_at_once_with_their_lines() {
    let text = "[service.a]\n\
                comand = ['x']\n\
                requires = [\n 'b',\n 'nobody' ]\n\
                [service.b]\n\
                command = ['x']\n\
                requires = ['a']\n\
                restart = 'sometimes'\n\
                ready = { port = 70000 }\n\
                stop_signal = 'SIGFOO'\n\
                stop_timeout = '3 weeks'\n\
                [service.c]\n\
                command = []\n\
                [servce.d]\n\
                command = ['x']\n";
    let problems = problems(text);
    let lines: Vec<_> = problems.iter().map(|(line, _)| line.unwrap()).collect();
    assert_eq!(lines, [1, 2, 4, 5, 9, 10, 11, 12, 14, 15], "{problems:#?}");
    let has = |line, part: &str| {
        assert!(
            problems.iter().any(|(at, text)| *at == Some(line) && text.contains(part)),
            "{line} {part}: {problems:#?}"
        );
    };
    has(1, "`a` has no `command`");
    has(2, "unknown key `comand`");
    has(4, "cycle: `a` requires `b`, `b` requires `a`");
    has(5, "`nobody`, which does not exist");
    has(9, "sometimes");
    has(10, "70000");
    has(11, "SIGFOO");
    has(12, "3 weeks");
    has(14, "program is missing");
    has(15, "unknown key `servce`");
}

#[test]
fn what_is_no_toml_is_told_with_its_line_and_the_rest_is_looked_at() {
    let problems =
        problems("[service.a]\ncommand = = ['x']\n[service.b]\ncolour = 1\ncommand = ['x']\n");
    assert!(problems.iter().any(|(line, _)| *line == Some(2)), "{problems:?}");
    assert!(
        problems.iter().any(|(line, text)| *line == Some(4) && text.contains("colour")),
        "{problems:?}"
    );
}

#[test]
fn a_service_that_requires_itself_is_a_cycle() {
    let problems = problems("[service.a]\ncommand = ['x']\nrequires = ['a']\n");
    assert_eq!(problems, [(Some(3), "cycle: `a` requires `a`".to_owned())]);
}

#[test]
fn names_must_fit_into_files_and_log_lines() {
    for name in ["../x", "a b", "", ".", "x/y"] {
        let text = format!("[service.\"{name}\"]\ncommand = ['x']\n");
        assert!(problems(&text)[0].1.contains("is no name"), "{name}");
    }
}

#[test]
fn what_could_not_work_is_not_accepted() {
    for (lines, part) in [
        ("stop_signal = 'STOP'", "does not end"),
        ("directory = ''", "empty"),
        (r#"directory = "a\u0000b""#, "zero byte"),
        ("user = ''", "empty"),
        ("ready = { file = '' }", "empty"),
        ("ready = 'notify'\nready_timeout = 0", "`ready_timeout`"),
        ("before_start = ['y']\nready_timeout = 0", "`ready_timeout`"),
        ("watchdog = 0", "longer than 0"),
        ("restart_delay = '2min'", "longer than `restart_delay_max`"),
        ("command = 'y'", "expected a list"),
    ] {
        let command = if lines.starts_with("command") { "" } else { "command = ['x']\n" };
        let problems = problems(&format!("[service.a]\n{command}{lines}\n"));
        assert_eq!(problems.len(), 1, "{lines}: {problems:?}");
        assert!(problems[0].1.contains(part), "{lines}: {problems:?}");
    }
    let long = "a".repeat(65);
    assert!(problems(&format!("[service.{long}]\ncommand = ['x']\n"))[0].1.contains("at most 64"));
    // Less than the default delay is no mistake: there is a most, and it holds.
    assert!(
        parse("[service.a]\ncommand = ['x']\nrestart_delay_max = 0\nready_timeout = 0\n").is_ok()
    );
}

#[test]
fn times_have_bounds() {
    for time in ["-1", "1e9", "nan", "'5'", "'s'", "'-5s'", "'5days'", "true"] {
        assert_eq!(
            problems(&format!("[service.a]\ncommand = ['x']\nstop_timeout = {time}\n")).len(),
            1,
            "{time}"
        );
    }
}

#[test]
fn services_start_after_what_they_require_and_otherwise_as_in_the_file() {
    let text = "[service.web]\ncommand = ['x']\nrequires = ['db', 'cache']\n\
                [service.mail]\ncommand = ['x']\n\
                [service.cache]\ncommand = ['x']\n\
                [service.db]\ncommand = ['x']\n";
    assert_eq!(crate::graph::start_order(&parse(text).unwrap()), ["db", "cache", "web", "mail"]);
}

#[test]
fn a_long_file_keeps_count_of_its_lines() {
    let text: String = (0..5000)
        .map(|n| format!("[service.s{n}]\ncommand = ['x']\nrequires = ['none']\n"))
        .collect();
    let problems = problems(&text);
    assert_eq!((problems.len(), problems[4999].0), (5000, Some(15_000)));
}
