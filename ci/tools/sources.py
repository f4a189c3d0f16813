"""The tests of the library as their sources have them, and what the test program says of them."""
import re
import subprocess
from collections import namedtuple

from host import ROOT, die, run

# `docs` without what follows; `xsh`: the places in POSIX; `rows`: of the table of differences.
Test = namedtuple("Test", "module name docs xsh rows body")
FUNCTION = re.compile(
    r"^((?: *///[^\n]*\n)*)(?: *#\[[^\n]*\]\n)*( *)(?:pub )?fn (\w+)\b(.*?)^\2\}", re.M | re.S)
CARGO = ("cargo", "test", "-q", "--locked", "--workspace", "--all-features", "--test", "tests")


def functions(file):
    """Those of a file, tests or not."""
    module = "::".join(file.relative_to(ROOT / "tests").with_suffix("").parts)
    for docs, _, name, body in FUNCTION.findall(file.read_text()):
        lines = re.findall(r"^ */// ?(.*)$", docs, re.M)
        text, xsh, rows = [], [], []
        for line in lines:
            if line.startswith("Row: "):
                rows.append(line[len("Row: "):])
            elif line.startswith("XSH ") or xsh:
                xsh.append(line)
            else:
                text.append(line)
        yield Test(module, name, " ".join(text), " ".join(xsh), rows, body)


def tests():
    """By full name, in the order of the test program."""
    found = {}
    for file in sorted((ROOT / "tests").rglob("*.rs")):
        for test in functions(file):
            found[f"{test.module}::{test.name}"] = test
    listed = [line.rpartition(": test")[0]
              for line in run(*CARGO, "--", "--list").splitlines() if line.endswith(": test")]
    if not listed:
        die("the test program lists no tests")
    # Those that a macro makes say nothing.
    return {name: found.get(name) or Test(*name.rsplit("::", 1), "", "", [], "") for name in listed}


def outcomes(names, environment):
    """Runs tests: `ok`, or what the program says otherwise."""
    command = (*CARGO, "--", "--exact", *sorted(names))
    done = subprocess.run(command, env=environment, stdout=subprocess.PIPE, text=True)
    if done.returncode:
        print(done.stdout)
        die("the named tests failed")
    return dict(re.findall(r"^test (\S+) \.\.\. (.*)$", done.stdout, re.M))
