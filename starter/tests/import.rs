//! `starter import`: what comes out is a configuration, and what does not is listed.

mod common;

use common::{starter, Place};
use std::path::Path;
use toml::{Table, Value};

struct Outcome {
    code: Option<i32>,
    services: Table,
    left: String,
}

fn samples() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/import"))
}

/// Whatever comes out must be right.
fn import(directory: &Path, files: &[&str]) -> Outcome {
    let output = starter().current_dir(directory).arg("import").args(files).output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    let place = Place::new();
    let mut check = starter();
    check.arg("check").arg(place.write("x.toml", &text)).env("WEB_CONCURRENCY", "4");
    let checked = check.output().unwrap();
    assert!(checked.status.success(), "{files:?}: {checked:?}\n{text}");
    let mut document: Table = text.parse().unwrap();
    let Some(Value::Table(services)) = document.remove("service") else { panic!("{text}") };
    let left = String::from_utf8(output.stderr).unwrap();
    Outcome { code: output.status.code(), services, left }
}

/// The keys of a service as TOML, without those that the test has no interest in.
fn keys(outcome: &Outcome, service: &str, wanted: &[&str]) -> String {
    let table = outcome.services[service].as_table().unwrap();
    let line = |key: &&str| match table.get(*key) {
        Some(value) => format!("{key} = {value}\n"),
        None => format!("{key} -\n"),
    };
    wanted.iter().map(line).collect()
}

#[track_caller]
fn is_left(outcome: &Outcome, parts: &[&str]) {
    let found = outcome.left.lines().any(|line| parts.iter().all(|part| line.contains(part)));
    assert!(found, "{parts:?} in\n{}", outcome.left);
}

#[test]
fn supervisord_with_all_that_is_usual() {
    let outcome = import(samples(), &["supervisord.conf"]);
    assert_eq!(outcome.code, Some(4));
    let names: Vec<&String> = outcome.services.keys().collect();
    assert_eq!(names, ["migrate", "gunicorn", "celery_00", "celery_01", "beat"]);
    let wanted = ["command", "after", "environment", "output", "restart", "stop_signal_to"];
    assert_eq!(
        keys(&outcome, "gunicorn", &wanted),
        "command = [\"/srv/app/venv/bin/gunicorn\", \"app.wsgi:application\", \"--bind\", \"127.0.0.1:8000\", \"--workers\", \"${WEB_CONCURRENCY}\"]
after = [\"migrate\"]
environment = { LANG = \"C.UTF-8\", DJANGO_SETTINGS_MODULE = \"app.settings\", SECRET = \"a,b=$${c}\", DEBUG = \"0\" }
output = { file = \"/var/log/app/gunicorn.log\", size = 10485760, count = 3 }
restart = \"always\"
stop_signal_to -
"
    );
    let wanted =
        ["ready", "restart", "restart_limit", "restart_window", "stop_signal", "stop_timeout"];
    assert_eq!(
        keys(&outcome, "celery_01", &wanted),
        "ready = { after = 10 }
restart -
restart_limit = 5
restart_window = 10
stop_signal = \"SIGINT\"
stop_timeout = 600
"
    );
    let command = outcome.services["celery_01"]["command"].as_array().unwrap();
    assert_eq!(command[5].as_str(), Some("worker01@%h"));
    assert_eq!(keys(&outcome, "migrate", &["restart", "ready"]), "restart = \"never\"\nready -\n");
    assert_eq!(keys(&outcome, "beat", &["autostart"]), "autostart = false\n");
    is_left(&outcome, &["supervisord.conf:49: [program:celery] exitcodes: 0 alone is success"]);
    is_left(&outcome, &["[group:app]", "no groups"]);
    is_left(&outcome, &["[eventlistener:crashmail]"]);
    is_left(&outcome, &["[unix_http_server]"]);
    assert_eq!(outcome.left.lines().count(), 9, "{}", outcome.left);
}

#[test]
fn a_procfile_is_a_shells() {
    let place = Place::new();
    std::fs::copy(samples().join("Procfile"), place.join("Procfile")).unwrap();
    place.write(".env", "CONCURRENCY=5\n");
    let outcome = import(&place.0, &["Procfile"]);
    assert_eq!(outcome.code, Some(4));
    let command = "command = [\"sh\", \"-c\", \"bundle exec puma -t 5:5 -p $${PORT:-3000} -e $${RACK_ENV:-development}\"]\n";
    assert_eq!(keys(&outcome, "web", &["command"]), command);
    let directory = outcome.services["worker"]["directory"].as_str().unwrap();
    assert_eq!(Path::new(directory), place.0);
    let file = outcome.services["worker"]["environment_file"].as_str().unwrap();
    assert_eq!(Path::new(file), place.join(".env"));
    assert_eq!(keys(&outcome, "release", &["autostart"]), "autostart = false\n");
    is_left(&outcome, &["Procfile:2", "PORT"]);
}

#[test]
fn nothing_left_out_is_success() {
    let place = Place::new();
    place.write("Procfile", "a: sleep 1\n");
    let outcome = import(&place.0, &["Procfile"]);
    assert_eq!((outcome.code, outcome.left.as_str()), (Some(0), ""));
}

/// What `worker.service` comes to.
const WORKER: &str = "\
command = [\"/bin/sh\", \"-fc\", '''exec /srv/worker/bin/run --threads \"$${THREADS}\" $EXTRA --tag 'a b' --cost \"5\\$\"''']
requires = [\"redis-server\"]
after -
environment = { RAILS_ENV = \"production\", GREETING = \"hello $${world}\", HOME = \"/var/lib/worker\" }
directory = \"/srv/worker\"
user = \"worker\"
group = \"worker\"
umask = \"0027\"
nice = -5
nofile = 1024
core = \"unlimited\"
output = { file = \"/var/log/worker.log\" }
before_start = [\"/bin/sh\", \"-fc\", \"{ /bin/mkdir -p /tmp/worker || :; } && /srv/worker/bin/check\"]
after_stop = [\"/bin/rm\", \"-rf\", \"/tmp/worker\"]
restart = \"on-failure\"
restart_delay = 90
restart_delay_max = 90
restart_limit = \"none\"
ready -
watchdog = 20
stop_signal = \"SIGINT\"
stop_signal_to = \"leader\"
stop_timeout = 30
";

const TOGETHER: [&str; 3] = ["redis-server.service", "worker.service", "web.service"];

#[test]
fn a_unit_with_nearly_everything() {
    let outcome = import(samples(), &TOGETHER);
    let key = |line: &'static str| line.split(' ').next().unwrap();
    let wanted: Vec<&str> = WORKER.lines().map(key).collect();
    assert_eq!(keys(&outcome, "worker", &wanted), WORKER);
}

#[test]
fn units_know_each_other_and_what_is_left_out_has_its_line() {
    let outcome = import(samples(), &TOGETHER);
    assert_eq!(keys(&outcome, "web", &["after"]), "after = [\"worker\"]\n");
    for parts in [
        ["worker.service:4", "`network.target`"],
        ["worker.service:16", "called `worker`"],
        ["worker.service:19", "`on-abnormal`: what comes nearest is \"on-failure\""],
        ["worker.service:21", "LimitNOFILE"],
        ["worker.service:31", "OOMScoreAdjust, MemoryMax"],
        ["redis-server.service:10", "no time is longer than a day"],
        ["redis-server.service:18", "PrivateTmp, PrivateDevices, ProtectHome"],
    ] {
        is_left(&outcome, &parts);
    }
}

#[test]
fn units_of_debian() {
    let ssh = import(samples(), &["ssh.service"]);
    let command = "command = [\"/bin/sh\", \"-fc\", \"exec /usr/sbin/sshd -D $SSHD_OPTS\"]\nready = \"notify\"\n";
    assert_eq!(keys(&ssh, "ssh", &["command", "ready"]), command);
    is_left(&ssh, &["[Unit] ConditionPathExists"]);
    is_left(&ssh, &["[Service] ExecReload", "starter signal NAME HUP"]);

    let nginx = import(samples(), &["nginx.service"]);
    let keys_of_nginx = "autostart = false\nrestart = \"never\"\nstop_timeout = 5\n";
    assert_eq!(keys(&nginx, "nginx", &["autostart", "restart", "stop_timeout"]), keys_of_nginx);
    is_left(&nginx, &["nginx.service:8: [Service] Type", "must stay in the foreground"]);
    is_left(&nginx, &["[Service] ExecStop", "`stop_signal`"]);

    let postgresql = import(samples(), &["postgresql@15-main.service", "postgresql.service"]);
    let after = "after = [\"postgresql@15-main\"]\n";
    assert_eq!(keys(&postgresql, "postgresql", &["after"]), after);
    is_left(&postgresql, &["[Unit] PartOf", "unless it `requires` that"]);

    let redis = import(samples(), &["redis-server@main.service"]);
    let command = redis.services["redis-server@main"]["command"].as_array().unwrap();
    assert_eq!(command[1].as_str(), Some("/etc/redis/redis-main.conf"));
    import(samples(), &["haproxy.service", "cron.service"]);
}

#[test]
fn what_is_no_service_is_listed() {
    let place = Place::new();
    place.write("a.service", "[Service]\nExecStart=/bin/true\nnonsense\n");
    place.write("a.timer", "[Timer]\nOnCalendar=daily\n");
    place.write("redis@.service", "[Service]\nExecStart=/bin/redis %i\n");
    place.write("bad.service", "[Service]\nExecStart=/bin/sh -c 'oh\n");
    let files = ["a.service", "a.timer", "redis@.service", "bad.service"];
    let outcome = import(&place.0, &files);
    assert_eq!(outcome.services.keys().collect::<Vec<_>>(), ["a"]);
    is_left(&outcome, &["a.service:3", "is neither"]);
    is_left(&outcome, &["a.timer:1", "no section [Service]"]);
    is_left(&outcome, &["redis@.service:2", "starter import redis@NAME.service"]);
    is_left(&outcome, &["bad.service:2", "[Service] ExecStart", "missing closing quote"]);
    let output = starter().args(["import", "/no/such.service"]).output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&output.stderr).contains("/no/such.service: No such file"));
}

#[test]
fn names_are_made_to_fit() {
    let place = Place::new();
    place.write(
        "s.conf",
        "[program:my app]\ncommand=a\n[program:my-app]\ncommand=b\n[program:.x]\ncommand=c\n",
    );
    let outcome = import(&place.0, &["s.conf"]);
    let names: Vec<&String> = outcome.services.keys().collect();
    assert_eq!(names, ["my-app", "my-app-2", "service.x"]);
    is_left(&outcome, &["the name `my app`", "`my-app`"]);
}
