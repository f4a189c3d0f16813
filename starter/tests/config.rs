//! Files that include others, environments, and what is told of mistakes.

mod common;

use common::{run_with, starter, Place};
use std::os::unix::ffi::OsStrExt;

/// What `check` says of this.
fn check(place: &Place, text: &[u8]) -> String {
    std::fs::write(place.join("x.toml"), text).unwrap();
    let output = starter().arg("check").arg("x.toml").current_dir(&place.0).output().unwrap();
    String::from_utf8(if output.status.success() { output.stdout } else { output.stderr }).unwrap()
}

#[test]
fn files_are_included() {
    let place = Place::new();
    std::fs::create_dir(place.join("conf.d")).unwrap();
    place.write("conf.d/20-web.toml", "[service.web]\ncommand = ['x']\nrequires = ['db']\n");
    place.write("conf.d/10-db.toml", "[service.db]\ncommand = ['x']\n");
    place.write("conf.d/note.txt", "no configuration");
    let main = b"include = ['conf.d/*.toml']\n[service.last]\ncommand = ['x']\n";
    assert_eq!(check(&place, main), "last\ndb\nweb\n");
    // Alone it is enough.
    assert_eq!(check(&place, b"include = ['conf.d/*.toml']\n"), "db\nweb\n");
    place
        .write("conf.d/30.toml", "[service.web]\ncommand = ['y']\nrequires = ['no']\ncolour = 1\n");
    place.write("conf.d/40.toml", "include = ['more']\n[service.z]\n");
    let text = check(&place, main);
    for line in [
        "conf.d/30.toml:1: service `web` is in conf.d/20-web.toml:1 already",
        "conf.d/40.toml:1: only the main file includes others",
        "conf.d/40.toml:2: service `z` has no `command`",
    ] {
        assert!(text.contains(line), "{line}: {text}");
    }
    let text =
        check(&place, b"include = ['none.toml', 'none/*.toml']\n[service.a]\ncommand = ['x']\n");
    assert_eq!(text, "x.toml:1: include `none.toml`: there is no such file\n");
}

#[test]
fn environments_come_from_files_too_and_variables_are_replaced() {
    let place = Place::new();
    place.write("web.env", "# a comment\nexport PORT=8080\nGREETING=\"good day\"\nLANG=C\n");
    let config = r#"
        [service.web]
        command = ["sh", "-c", "echo $PORT ${GREETING} ${HOST:-nowhere} ${SERVICE} $LANG $${LANG} $FROM > said"]
        environment_file = "web.env"
        environment = { LANG = "D", FROM = "${STARTER_TEST}/${PORT}" }
        restart = "never"
    "#;
    let running = run_with(config, |command| {
        let file = command.get_args().nth(1).unwrap().as_bytes().to_owned();
        let directory = std::path::Path::new(std::ffi::OsStr::from_bytes(&file)).parent().unwrap();
        std::fs::copy(place.join("web.env"), directory.join("web.env")).unwrap();
        command.env("STARTER_TEST", "tested");
    });
    running.wait_for_state("web", "done");
    assert_eq!(running.place.read("said"), "8080 good day nowhere web D D tested/8080\n");
    running.end();
    place.write("bad.env", "GOOD=1\nthis is none\n");
    let with = |file: &str| format!("[service.a]\ncommand = ['x']\nenvironment_file = '{file}'\n");
    let text = check(&place, with("bad.env").as_bytes());
    assert!(text.contains("bad.env:2: `this is none` is no NAME=VALUE"), "{text}");
    place.write("spaces.env", "GOOD=1\nBAD=one two\n");
    let text = check(&place, with("spaces.env").as_bytes());
    assert!(text.contains("spaces.env:2: `one two` is no NAME=VALUE"), "{text}");
    let text = check(&place, with("none.env").as_bytes());
    assert!(text.contains("none.env: "), "{text}");
    let text = check(&place, b"[service.a]\ncommand = ['x', '${NO_SUCH_VARIABLE}']\n");
    assert!(
        text.contains("x.toml:1: service `a`: `${NO_SUCH_VARIABLE}` is not set: set it"),
        "{text}"
    );
}

#[test]
fn messages_say_what_to_write_instead() {
    let place = Place::new();
    for (lines, message) in [
        ("restart_limit = -1", "x.toml:3: `restart_limit`: invalid value: integer `-1`, expected a number from 0 to 4294967295, or \"none\" for no limit"),
        ("restart_limit = 'never'", "expected a number from 0 to 4294967295, or \"none\" for no limit"),
        ("ready = { port = 0 }", "expected a port from 1 to 65535"),
        ("command = ['y']", "x.toml:3: duplicate key `command`"),
        ("optional = 'yes'", "expected true or false"),
        ("user = 5", "expected a text in quotes"),
        ("environment = 'A=B'", "expected a table"),
        ("umask = '999'", "expected a text of octal digits"),
        ("nice = 20", "expected a number from -20 (first) to 19 (last)"),
        ("output = 'file'", "expected \"log\", \"inherit\", \"nowhere\" or { file = PATH"),
        ("output = { file = 'x', size = 'big' }", "expected a size: bytes, or a text like"),
        ("descriptors = [3]", "3 is taken: descriptors from 4 on"),
        ("health = { every = 1 }", "exactly one of `exec` and `port` is needed"),
        ("before_start = []", "`before_start`: the program is missing"),
        ("after = ['a']", "cycle: `a` comes after `a`"),
    ] {
        let text = check(&place, format!("[service.a]\ncommand = ['x']\n{lines}\n").as_bytes());
        assert!(text.contains(message) && text.lines().count() == 1, "{lines}: {text}");
        assert!(!text.contains("u32") && !text.contains("u16"), "{text}");
    }
    let text = check(&place, b"[service.a]\ncommand = ['x']\n# caf\xe9\n");
    assert_eq!(text, "x.toml:3: byte 0xe9 is not UTF-8: save it as UTF-8\n");
    assert!(check(&place, b"").contains("x.toml: no services"));
    assert!(check(&place, b"[service]\n").contains("no services"));
    assert!(check(&place, b"service = 3\n").contains("x.toml:1: `service` must be a table"));
}

/// The words at the beginning of lines that assign them.
fn keys(text: &str, indent: &str) -> Vec<String> {
    let key = |line: &str| {
        let (key, _) = line.strip_prefix(indent)?.split_once(" = ")?;
        key.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_').then(|| key.to_owned())
    };
    text.lines().filter_map(key).collect()
}

#[test]
fn the_help_the_readme_and_the_message_name_the_same_keys() {
    let place = Place::new();
    let message = check(&place, b"[service.a]\ncommand = ['x']\nx = 1\n");
    let (_, known) = message.trim_end().split_once("a service has ").unwrap();
    let mut known: Vec<&str> = known.split(", ").collect();
    known.sort();
    let help = String::from_utf8(starter().arg("--help").output().unwrap().stdout).unwrap();
    let (_, help) = help.split_once("[service.web]").unwrap();
    let readme = include_str!("../README.md");
    let (_, readme) = readme.split_once("## All keys").unwrap();
    let (readme, _) = readme.split_once("\n## ").unwrap();
    for (place, mut named) in [("--help", keys(help, "  ")), ("README", keys(readme, ""))] {
        named.sort();
        assert_eq!(named, known, "{place}");
    }
}

#[test]
fn a_file_that_several_patterns_mean_is_read_once() {
    let place = Place::new();
    std::fs::create_dir(place.join("conf.d")).unwrap();
    place.write("conf.d/a.toml", "[service.a]\ncommand = ['x']\n");
    let config = "include = ['*.toml', 'conf.d/*.toml', 'conf.d/a.toml']\n\
                  [service.b]\ncommand = ['x']\n";
    let config = place.write("starter.toml", config);
    let output = starter().arg("check").arg(config).output().unwrap();
    assert_eq!(String::from_utf8(output.stdout).unwrap(), "b\na\n", "{:?}", output.stderr);
}

#[test]
fn two_services_do_not_write_into_one_file() {
    let place = Place::new();
    std::fs::create_dir(place.join("logs")).unwrap();
    std::os::unix::fs::symlink("logs", place.join("link")).unwrap();
    let service = |name: &str, file: &str| {
        format!("[service.{name}]\ncommand = ['x']\noutput = {{ file = '{file}' }}\n")
    };
    let logs = place.join("logs").canonicalize().unwrap();
    for same in ["logs/log", "./logs/../link/log", "link/log"] {
        let config = format!("include = ['b.toml']\n{}", service("a", "logs/log"));
        place.write("b.toml", &service("b", same));
        let message = format!(
            "b.toml:3: service `b` writes into {}/log, as `a` does (x.toml:4): each would rotate it \
             under the other\n",
            logs.display()
        );
        assert_eq!(check(&place, config.as_bytes()), message, "{same}");
        // The file is there by now.
        place.write("logs/log", "");
    }
    let two = service("a", "logs/log") + &service("b", "log") + &service("c", "logs/log.txt");
    assert_eq!(check(&place, two.as_bytes()), "a\nb\nc\n");
}

#[test]
fn what_is_included_is_not_waited_for() {
    let place = Place::new();
    let main = b"include = ['*.conf']\n[service.a]\ncommand = ['x']\n";
    nix::unistd::mkfifo(&place.join("b.conf"), nix::sys::stat::Mode::S_IRWXU).unwrap();
    assert_eq!(check(&place, main), "b.conf: only a regular file can be included\n");
    std::fs::remove_file(place.join("b.conf")).unwrap();
    std::fs::create_dir(place.join("b.conf")).unwrap();
    assert_eq!(check(&place, main), "b.conf: only a regular file can be included\n");
}
