"""A copy of the project in which mutants are built and tested."""
import json
import os
import re
import select
import shutil
import signal
import subprocess
import time
from typing import NamedTuple

from host import ROOT, die

# Seconds without a word of the tests, and in all. Only those in which this process ran count: the
# machine may have stood still. The longest test takes eight seconds on a machine that does no other
# work, the longest of a room four.
LIMIT, ROOM_LIMIT, IN_ALL = 60, 25, 1800

# In namespaces of its own: a mutant may signal every process that it sees, and fork until it is
# killed. The shell is process 1, so that the tests are not; all ends when it ends.
ALONE = ("setpriv", "--pdeathsig", "KILL",
         "unshare", "--pid", "--fork", "--mount-proc", "--kill-child", "sh", "-c",
         'mount -t tmpfs tmpfs /tmp && "$@"; exit $?', "sh")

# What these test are other programs, each of which would have to be built with the mutant.
OTHERS = re.compile("(examples|compile_errors)::")

# The builds: as it is, and without what can be substituted.
BUILDS = ("", '--cfg signal_without="all"')
TESTS = ("--test", "tests")


class Failure(NamedTuple):
    test: str
    timeout: bool


class Tree:
    def __init__(self, folder, flags):
        self.folder, self.flags, self.planted = folder, flags, set()
        folder.mkdir(parents=True, exist_ok=True)
        for old in folder.iterdir():
            if old.is_dir() and old.name != "target":
                shutil.rmtree(old)
        # With new times, so that cargo does not take the mutant that was last built here for it.
        shutil.copytree(ROOT, folder, copy_function=shutil.copyfile, dirs_exist_ok=True,
                        ignore=shutil.ignore_patterns("target", ".git"))
        self.program = self.build(*TESTS) or die("the tests do not build")
        listed = subprocess.run([self.program, "--list"], text=True, stdout=subprocess.PIPE).stdout
        self.skip = ";".join(f"{line.partition(': ')[0]}=another program"
                             for line in listed.splitlines() if OTHERS.match(line))

    def plant(self, mutants):
        """The source with these mutants, no two of which are in one place, and with no other."""
        for file in self.planted:
            shutil.copyfile(ROOT / file, self.folder / file)
        self.planted = {mutant["file"] for mutant in mutants}
        for file in self.planted:
            text = (self.folder / file).read_text()
            spans = [(offset(text, mutant["span"]["start"]), offset(text, mutant["span"]["end"]),
                      mutant["replacement"]) for mutant in mutants if mutant["file"] == file]
            for start, end, replacement in sorted(spans, reverse=True):
                text = text[:start] + replacement + text[end:]
            (self.folder / file).write_text(text)

    def build(self, *what):
        """The program with these tests, or None."""
        environment = {**os.environ, "RUSTFLAGS": f"{self.flags} -Awarnings",
                       "CARGO_INCREMENTAL": "1", "CARGO_PROFILE_DEV_DEBUG": "0",
                       "CARGO_TARGET_DIR": str(self.folder / "target")}
        done = subprocess.run(
            ["cargo", "test", "-q", "--locked", "--all-features", *what, "--no-run",
             "--message-format", "json"], cwd=self.folder, env=environment, text=True,
            stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
        messages = map(json.loads, done.stdout.splitlines())
        programs = [message["executable"] for message in messages if message.get("executable")]
        return programs[0] if done.returncode == 0 else None

    def unit_tests_fail(self):
        """Those within the files themselves, if they have any."""
        has_some = any("mod tests" in (self.folder / file).read_text() for file in self.planted)
        return self.fails([], self.build("--lib")) if has_some else None

    def fails(self, filters, program=None):
        """What fails twice, if anything does: a test can fail, or come to no end, because the
        machine is busy."""
        program, limit = program or self.program, ROOM_LIMIT if filters else LIMIT
        failure = self.run(program, filters, limit)
        if failure and not self.run(program, ["--exact", failure.test], limit):
            failure = self.run(program, filters, limit)
        return failure

    def run(self, program, filters, limit):
        """The first test that fails."""
        environment = {**os.environ, "SIGNAL_TEST_SCALE": "20", "RUST_BACKTRACE": "0",
                       "SIGNAL_TEST_SKIP": self.skip}
        command = [*ALONE, program, "--test-threads", "1", *filters]
        with subprocess.Popen(command, env=environment, stdin=subprocess.DEVNULL, bufsize=0,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                              start_new_session=True, cwd=self.folder) as process:
            try:
                return watch(process, limit)
            finally:
                if process.poll() is None:
                    os.killpg(process.pid, signal.SIGKILL)


def offset(text, place):
    """Of a line and a column, both from 1."""
    lines = text.splitlines(keepends=True)[: place["line"] - 1]
    return sum(map(len, lines)) + place["column"] - 1


def watch(process, limit):
    """Reads what the tests say until one of them fails."""
    text, silent, in_all = "", 0, 0
    while silent < limit and in_all < IN_ALL:
        start = time.monotonic()
        ready = select.select([process.stdout], [], [], 1)[0]
        passed = min(time.monotonic() - start, 1)
        silent, in_all = 0 if ready else silent + passed, in_all + passed
        if not ready:
            continue
        said = os.read(process.stdout.fileno(), 1 << 16)
        text = text.rpartition("\n")[2] + said.decode(errors="replace") if said else text
        lines = [line for line in text.splitlines() if line.startswith("test ")]
        for line in lines:
            if line.endswith("FAILED"):
                return Failure(line.split()[1], False)
        if not said:
            failed = process.wait() != 0
            return Failure(lines[-1].split()[1] if lines else "all", False) if failed else None
    return Failure(text.splitlines()[-1].split()[1] if text.startswith("test ") else "?", True)
