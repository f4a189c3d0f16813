//! What `starter --help` says beyond the commands.

pub const CONFIGURATION: &str = "\
THE CONFIGURATION is a TOML file with one table for each service. Only `command` is needed; the values shown are
what holds without the key, or an example where that is nothing.

  include = [\"conf.d/*.toml\"]       before the tables: other files with services

  [service.web]                     letters, digits, - _ . @
  command = [\"webd\", \"-p\", \"80\"]    the program, found by PATH unless it has a /, and its arguments. It must stay
                                    in the foreground
  requires = []                     names of services that must be ready first
  after = []                        names of services that come first if they start too
  optional = false                  whether the others may start if its program is not installed, or it has failed
  autostart = true                  false: only when somebody asks for it, or another that starts requires it
  environment = {}                  added to the starter's own: { LANG = \"C\" }
  environment_file = \"web.env\"      more of it, a line NAME=VALUE each, as in a .env file: in '…' a
                                    `$` is no variable
  directory = \".\"                   where it works; relative paths are taken from the configuration's directory
  user = \"www\"                      who it runs as, by name or number: user, groups, HOME; not set: as the starter
  group = \"www-data\"                its group, if that is not the user's
  umask = \"022\"                     not set: the starter's; so are the next three
  nice = 10                         from -20, which comes first, to 19
  nofile = 1024                     how many descriptors it may have, or \"unlimited\"
  core = 0                          how large a core dump may be in bytes, or \"unlimited\"
  descriptors = []                  numbers of descriptors that the starter was started with and this service gets
  output = \"log\"                    where what it writes goes: the log, with its name before each line; or
           \"inherit\"                where the starter's own goes; or \"nowhere\"; or
           { file = \"web.log\", size = \"10MB\", count = 5 }
                                    a file of its own; when it is larger than `size` it is renamed, and `count` old
                                    ones are kept
  before_start = []                 a command that must succeed before each start
  after_stop = []                   a command that is run after each end
  restart = \"on-failure\"            or \"never\", \"always\"
  restart_delay = 0.5               seconds before the first restart, twice as long before each further one (or \"500ms\",
                                    \"5s\", \"2min\", \"1h\")
  restart_delay_max = 60            but no longer than this
  restart_limit = 10                failures in a row, then it has failed for good; or \"none\"
  restart_window = 60               having run as long as this and been ready, or ended with success, it starts from
                                    the first again
  on_failure = \"nothing\"            when it has failed for good; or \"exit\": the starter stops all and exits with the
                                    exit code of this service (1 if that is 0), or 128 and the number of the signal
  ready = \"started\"                 ready as soon as it has been started, or
          { after = 0.5 }           when it has run for this time
          \"notify\"                  when it says so: a line to the descriptor whose number is in NOTIFY_FD, or READY=1
                                    to the socket NOTIFY_SOCKET, as for systemd
          { port = 80 }             when it listens on this TCP port of localhost
          { file = \"web.sock\" }     when this file (from `directory`) appears or is written anew
          { exec = [\"true\"] }       when this command succeeds
  ready_timeout = 60                seconds; then it counts as failed
  health = { exec = [\"true\"], every = 30, failures = 3 }
                                    when it is ready, this command is run so often (or { port = 80 }: somebody must
                                    listen there); so many failures in a row, and it has failed
  watchdog = 10                     it must say WATCHDOG=1 to NOTIFY_SOCKET within so many seconds each time
  stop_signal = \"SIGTERM\"           sent to
  stop_signal_to = \"group\"          all processes of its session's group, and of its cgroup; or \"leader\": its own alone
  stop_timeout = 10                 seconds; then all are killed

${NAME} in a value means the variable from the service's environment or the starter's, ${NAME:-this} has a default,
${SERVICE} is the service's name, and $${NAME} is left to the program.

A WALK-THROUGH
  starter check server.toml         is it right, and in which order will they start?
  starter run server.toml           starts all; Ctrl-C stops all
  starter status                    what runs (from another terminal)
  starter top                       the same, and what it uses, as it changes
  starter logs -f web               what it writes
  starter restart web               stops it and what requires it, and starts all that again
  starter reload                    the file has changed

SIGNALS to a running starter
  SIGTERM, SIGINT, SIGQUIT          stops all services in reverse order and exits with 0; again: kills them
  SIGHUP                            reads the configuration again; only services that changed restart
  SIGUSR1                           logs the state of each service
  SIGUSR2                           opens the log's file and those of services again

EXIT CODES: 0 it is done, 1 it is not (standard error says why), 2 the command line is wrong, 3 (status NAME) it
does not run, 4 (import) not all of it could be said.";
