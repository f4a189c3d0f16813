"""The supervisors, each set up as its documentation says, to restart at once where it can be."""

import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
DEBIAN = {"runit": "runsvdir", "s6": "s6-svscan", "musl-tools": "musl-gcc"}
PYPI = ["supervisor==4.3.0", "circus==0.19.0"]
HORUST = "0.1.14"


class Supervisor:
    """One contestant. `write` puts its configuration into a directory and returns its command."""

    name = ""
    stop_signal = signal.SIGTERM

    def __init__(self, cache: Path):
        self.cache = cache

    def version(self) -> str:
        raise NotImplementedError

    def write(self, place: Path, service: Path, count: int) -> list[str]:
        raise NotImplementedError


class Starter(Supervisor):
    name = "starter"

    def version(self):
        return run([ROOT / "target/small/starter", "--version"])

    def write(self, place, service, count):
        (place / "server.toml").write_text(
            "".join(
                f'[service.s{n}]\ncommand = ["{service}"]\nrestart = "always"\nrestart_delay = 0\n'
                for n in range(count)
            )
        )
        program = ROOT / "target/small/starter"
        return [str(program), "run", str(place / "server.toml"), "--socket", str(place / "socket")]


class Supervisord(Supervisor):
    name = "supervisord"

    def version(self):
        return run([self.cache / "venv/bin/supervisord", "--version"])

    def write(self, place, service, count):
        text = f"[supervisord]\nnodaemon=true\nminfds={max(1024, 8 * count)}\nlogfile={place}/log\n"
        text += f"pidfile={place}/pid\nchildlogdir={place}\nuser=root\n"
        for n in range(count):
            text += f"[program:s{n}]\ncommand={service}\nautorestart=true\n"
        (place / "supervisord.conf").write_text(text)
        return [str(self.cache / "venv/bin/supervisord"), "-c", str(place / "supervisord.conf")]


class Runit(Supervisor):
    name = "runit"
    # SIGTERM leaves the services behind.
    stop_signal = signal.SIGHUP

    def version(self):
        return debian_version("runit")

    def write(self, place, service, count):
        directories(place / "sv", service, count)
        return ["runsvdir", str(place / "sv")]


class S6(Supervisor):
    name = "s6"

    def version(self):
        return debian_version("s6")

    def write(self, place, service, count):
        directories(place / "sv", service, count)
        return ["s6-svscan", "-c", "2000", str(place / "sv")]


class Circus(Supervisor):
    name = "circus"

    def version(self):
        return run([self.cache / "venv/bin/circusd", "--version"])

    def write(self, place, service, count):
        text = f"[circus]\nendpoint = ipc://{place}/e\npubsub_endpoint = ipc://{place}/p\n"
        for n in range(count):
            text += f"[watcher:s{n}]\ncmd = {service}\ncopy_env = True\n"
        (place / "circus.ini").write_text(text)
        return [str(self.cache / "venv/bin/circusd"), str(place / "circus.ini")]


class Horust(Supervisor):
    name = "horust"

    def version(self):
        return HORUST

    def write(self, place, service, count):
        (place / "services").mkdir()
        for n in range(count):
            text = f'command = "{service}"\n[restart]\nstrategy = "always"\nbackoff = "0s"\n'
            text += "[environment]\nkeep-env = true\n"
            (place / f"services/s{n}.toml").write_text(text)
        program = self.cache / "horust/bin/horust"
        services = ["--services-path", str(place / "services")]
        return [str(program), *services, "--uds-folder-path", str(place)]


class Floor(Supervisor):
    """No supervisor: what the kernel takes to start so many."""

    name = "posix_spawn"

    def write(self, place, service, count):
        return [str(self.cache / "bench-floor"), str(service), str(count)]


def directories(place: Path, service: Path, count: int):
    """Service directories; the program itself is `run`: no shell comes before it."""
    for n in range(count):
        (place / f"s{n}").mkdir(parents=True)
        (place / f"s{n}/run").symlink_to(service)


def run(command) -> str:
    return subprocess.check_output(list(map(str, command)), text=True).split()[-1]


def debian_version(package: str) -> str:
    policy = subprocess.check_output(["apt-cache", "policy", package], text=True)
    return policy.split("Installed: ")[1].split()[0]


def fetch(cache: Path) -> list[Supervisor]:
    """Gets what is not there yet, from Debian, PyPI and crates.io, and builds the starter."""
    cache.mkdir(parents=True, exist_ok=True)
    missing = [package for package, program in DEBIAN.items() if not shutil.which(program)]
    if missing:
        install = ["apt-get", "-q", "install", "-y", "--no-install-recommends", *missing]
        if os.geteuid() != 0:
            sys.exit(f"they must be installed: {' '.join(install)}")
        subprocess.check_call(install)
    if not (cache / "venv").exists():
        subprocess.check_call(["python3", "-m", "venv", cache / "venv"])
        subprocess.check_call([cache / "venv/bin/pip", "-q", "install", *PYPI])
    if not (cache / "horust").exists():
        install = ["cargo", "install", "-q", "--locked", "horust", "--version", HORUST]
        if subprocess.call([*install, "--root", cache / "horust"]):
            print("horust cannot be built here: it is left out")
    subprocess.check_call(
        ["cargo", "build", "--profile", "small", "-q", "-p", "posix-signal-starter"], cwd=ROOT
    )
    for name in ("service", "floor"):
        flags = ["-O2", "-Wall", "-static", "-o", cache / f"bench-{name}"]
        subprocess.check_call(["musl-gcc", *flags, Path(__file__).with_name(f"{name}.c")])
    all = [kind(cache) for kind in (Starter, Supervisord, Runit, S6, Circus, Horust)]
    return [one for one in all if one.name != "horust" or (cache / "horust/bin/horust").exists()]
