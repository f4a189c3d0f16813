#!/usr/bin/env python3
"""starter beside other supervisors: how long they take to start, restart and stop services, and
what they cost while nothing happens. README.md tells how it measures.

usage: bench/starter/run.py [--rounds N] [--only NAME]... [--write]
"""

import argparse
import ctypes
import os
import platform
import resource
import select
import shutil
import signal
import statistics
import struct
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import supervisors

ROOT = supervisors.ROOT
README = ROOT / "starter/README.md"
BEGIN, END = "<!-- bench/starter/run.py writes this -->", "<!-- until here -->"
PATIENCE = 20.0
IDLE = 10.0
KILLS = 3
DESCRIPTORS = 16384
PR_SET_CHILD_SUBREAPER = 36
REPORT = struct.Struct("qq")

# Name, unit, digits.
ROWS = {
    "start100": ("start of 100 services", "s", 3),
    "start1000": ("start of 1,000 services", "s", 3),
    "restart": ("from death to running again", "ms", 1),
    "pss": ("memory with 100 services (PSS)", "MB", 1),
    "rss": ("memory with 100 services (RSS)", "MB", 1),
    "wakeups": ("wake-ups in 10 s of nothing", "", 0),
    "stop100": ("stop of 100 services", "s", 3),
}


class Trial:
    """A supervisor with its services, from its start to its end."""

    def __init__(self, supervisor, service: Path, count: int):
        self.place = Path(tempfile.mkdtemp(prefix="bench-starter-"))
        self.fifo = self.place / "fifo"
        os.mkfifo(self.fifo)
        # For writing, too: otherwise it ends whenever nobody writes.
        self.reports = os.open(self.fifo, os.O_RDWR)
        self.supervisor = supervisor
        command = supervisor.write(self.place, service, count)
        environment = os.environ | {"BENCH_FIFO": str(self.fifo)}
        log = open(self.place / "output", "w")
        self.started = time.monotonic_ns()
        self.process = subprocess.Popen(
            command, env=environment, stdin=subprocess.DEVNULL, stdout=log, stderr=log,
            start_new_session=True, cwd=self.place,
        )
        log.close()

    def hear(self, count: int) -> list[tuple[int, int]]:
        """The next services that report: process and time."""
        end, found = time.monotonic() + PATIENCE, []
        while len(found) < count:
            left = end - time.monotonic()
            if left <= 0 or not select.select([self.reports], [], [], left)[0]:
                raise TimeoutError(f"{len(found)} of {count} services")
            data = os.read(self.reports, REPORT.size * 256)
            found += list(REPORT.iter_unpack(data))
        return found

    def own(self) -> list[int]:
        """The supervisor's processes: all below it that are no services."""
        return [pid for pid in below(self.process.pid) if comm(pid) != "bench-service"]

    def stop(self) -> float:
        """Until it and all services are gone, whoever has become their parent."""
        start = time.monotonic()
        self.process.send_signal(self.supervisor.stop_signal)
        while wait_any(start + PATIENCE - time.monotonic()):
            pass
        return time.monotonic() - start

    def clean_up(self):
        while processes := below(os.getpid())[1:]:
            for pid in processes:
                try:
                    os.kill(pid, signal.SIGKILL)
                except ProcessLookupError:
                    pass
            try:
                while wait_any(1):
                    pass
            except TimeoutError:
                pass
        os.close(self.reports)
        shutil.rmtree(self.place)


def wait_any(seconds: float) -> bool:
    """Reaps one child, orphans included. False: there is none."""
    signal.setitimer(signal.ITIMER_REAL, max(seconds, 0.001))
    try:
        return os.waitpid(-1, 0)[0] > 0
    except ChildProcessError:
        return False
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)


def too_long(*_):
    raise TimeoutError("it does not end")


def comm(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/comm").read_text().strip()
    except OSError:
        return ""


def below(root: int) -> list[int]:
    children: dict[int, list[int]] = {}
    for entry in os.scandir("/proc"):
        if entry.name.isdigit():
            try:
                stat = Path(entry.path, "stat").read_text()
            except OSError:
                continue
            parent = int(stat.rsplit(")", 1)[1].split()[1])
            children.setdefault(parent, []).append(int(entry.name))
    found = [root]
    for pid in found:
        found += children.get(pid, [])
    return found


def memory(pids: list[int], what: str) -> float:
    total = 0
    for pid in pids:
        for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
            if line.startswith(what):
                total += int(line.split()[1])
    return total * 1024 / 1e6


def switches(pids: list[int]) -> int:
    """How often their threads have gone to sleep, which is how often they were woken."""
    total = 0
    for pid in pids:
        for task in Path(f"/proc/{pid}/task").iterdir():
            for line in (task / "status").read_text().splitlines():
                if line.startswith("voluntary_ctxt_switches"):
                    total += int(line.split()[1])
    return total


def measure(supervisor, service: Path, count: int) -> dict[str, float]:
    trial = Trial(supervisor, service, count)
    results = {}
    try:
        reports = trial.hear(count)
        results[f"start{count}"] = (max(at for _, at in reports) - trial.started) / 1e9
        if count == 100:
            # Longer than a second: what ends sooner is restarted later by some.
            time.sleep(3)
            results["restart"] = statistics.median(kill(trial, pid) for pid, _ in reports[:KILLS])
            time.sleep(1)
            own = trial.own()
            before = switches(own)
            time.sleep(IDLE)
            results["wakeups"] = switches(own) - before
            results["pss"], results["rss"] = memory(own, "Pss:"), memory(own, "Rss:")
            results[f"stop{count}"] = trial.stop()
    except TimeoutError as error:
        print(f"  {supervisor.name}, {count}: {error}", file=sys.stderr)
    finally:
        trial.clean_up()
    return results


def start(supervisor, service: Path, count: int) -> float:
    trial = Trial(supervisor, service, count)
    try:
        return (max(at for _, at in trial.hear(count)) - trial.started) / 1e9
    finally:
        trial.clean_up()


def kill(trial: Trial, pid: int) -> float:
    start = time.monotonic_ns()
    os.kill(pid, signal.SIGKILL)
    return (trial.hear(1)[0][1] - start) / 1e6


def table(all, results, floor, rounds: int, loads: list[float]) -> str:
    lines = ["| | " + " | ".join(f"{one.name} {one.version()}" for one in all) + " |"]
    lines.append("|---" + "|---:" * len(all) + "|")
    for row, (name, unit, digits) in ROWS.items():
        cells = []
        for one in all:
            values = results[one.name].get(row, [])
            cell = f"{statistics.median(values):,.{digits}f} {unit}".strip() if values else "–"
            best = [statistics.median(r[row]) for r in results.values() if r.get(row)]
            if values and statistics.median(values) == min(best):
                cell = f"**{cell}**"
            cells.append(cell)
        lines.append(f"| {name} | " + " | ".join(cells) + " |")
    cpu = next(
        line.split(":")[1].strip()
        for line in Path("/proc/cpuinfo").read_text().splitlines()
        if line.startswith("model name")
    )
    lines += ["", f"Medians, {rounds} round{'s' * (rounds > 1)}, on {os.cpu_count()} processors ({cpu}), Linux "
        f"{platform.release()}, while the load of the machine was {min(loads):.1f} to "
        f"{max(loads):.1f}. –: not within {PATIENCE:.0f} s. A program in C that calls `posix_spawn` and does nothing "
        f"else takes {statistics.median(floor[100]):.3f} s for 100 of the services and "
        f"{statistics.median(floor[1000]):.3f} s for 1,000."]
    return "\n".join(lines)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--only", action="append", help="a supervisor")
    parser.add_argument("--cache", type=Path, default=ROOT / "target/bench-starter")
    parser.add_argument("--write", action="store_true", help="into starter/README.md")
    options = parser.parse_args()
    all = supervisors.fetch(options.cache.absolute())
    all = [one for one in all if not options.only or one.name in options.only]
    # Orphans come here.
    ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    signal.signal(signal.SIGALRM, too_long)
    # Enough for pipes to 1,000 services; supervisord takes no limit that is infinite.
    resource.setrlimit(resource.RLIMIT_NOFILE, (DESCRIPTORS, DESCRIPTORS))
    results = {one.name: {} for one in all}
    floor, loads = {100: [], 1000: []}, []
    for turn in range(options.rounds):
        for one in all[turn % len(all):] + all[: turn % len(all)]:
            loads.append(os.getloadavg()[0])
            found = {}
            for count in (100, 1000):
                found |= measure(one, options.cache.absolute() / "bench-service", count)
            for row, value in found.items():
                results[one.name].setdefault(row, []).append(value)
            print(one.name, {row: round(value, 4) for row, value in found.items()}, flush=True)
        for count, times in floor.items():
            lowest = supervisors.Floor(options.cache.absolute())
            times.append(start(lowest, options.cache.absolute() / "bench-service", count))
        # Each round may be the last one that there is time for.
        text = table(all, results, floor, turn + 1, loads)
        if options.write:
            before, rest = README.read_text().split(BEGIN)
            README.write_text(f"{before}{BEGIN}\n{text}\n{END}{rest.split(END)[1]}")
    print(text)


if __name__ == "__main__":
    main()
