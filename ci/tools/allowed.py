"""ci/handler-calls.txt: what may be reached, and why. A line is one of

    [@BUILD[+BUILD]] call NAME [in FUNCTION]    # reason
    [@BUILD[+BUILD]] KIND COUNT in FUNCTION     # reason

The reason may also stand on lines of its own below, which begin with a space.
A function that is listed is not looked into. The reason may be left out for what POSIX lists.
BUILD is static or shared; off, defer or without (see ci/handler-calls). In NAME, `*` stands for
anything.
"""
import re
from typing import NamedTuple

from host import ROOT, die

LIST, POSIX = ROOT / "ci/handler-calls.txt", ROOT / "ci/async-signal-safe.txt"
FORM = re.compile(r"(?:@(\S+) +)?(?:(call) +(\S.*?)|(\w+) +(\d+))(?: in +(\S.*))?$")
KINDS = ("indirect", "loop", "syscall", "trap", "recursion")


class Line:
    def __init__(self, number, text):
        match = FORM.match(text)
        if not match or match[4] and not (match[4] in KINDS and match[6]):
            die(f"{LIST.name}, line {number}: cannot read {text!r}")
        self.number, self.text = number, text
        self.builds = set((match[1] or "").split("+")) - {""}
        if not self.builds <= {"static", "shared", "off", "defer", "without"}:
            die(f"{LIST.name}, line {number}: there is no build @{match[1]}")
        self.kind, self.what = match[2] or match[4], match[3]
        self.count, self.where = int(match[5] or 1), match[6]
        self.pattern = self.what and re.compile(re.escape(self.what).replace(r"\*", ".*"))
        # Whether there is one; and the most that was found of what is allowed.
        self.reason, self.found = False, 0

    def covers(self, build, kind, what, where, own=False):
        """Only a function of another crate is meant by a name with `*`."""
        if self.kind != kind or self.where not in (None, where) or not self.builds <= set(build):
            return False
        foreign = self.what and what and not own
        return self.what == what or bool(foreign and self.pattern.fullmatch(what))


class Wrong(NamedTuple):
    """Something that is found and not allowed, or the other way round."""

    build: tuple
    kind: str
    what: str
    where: str
    words: str
    way: str = ""


def posix_functions():
    lines = POSIX.read_text().splitlines()
    return {word for line in lines for word in line.partition("#")[0].split()}


def read(posix):
    """The lines of each list."""
    lists, current = {"handlers": [], "documented": []}, None
    for number, line in enumerate(LIST.read_text().splitlines(), 1):
        # Not the sign in `{closure#0}`.
        text, reason = (re.split(r"(?:^|\s)#", line, maxsplit=1) + [""])[:2]
        text = text.strip()
        if text.startswith("["):
            current = lists.get(text.strip("[]"))
        elif text and current is None:
            die(f"{LIST.name}, line {number}: belongs to no list")
        elif text:
            current.append(Line(number, text))
        if current and (text or line[:1].isspace()):
            current[-1].reason |= bool(reason.strip())
    for line in lists["handlers"] + lists["documented"]:
        if not line.reason and not (line.kind == "call" and line.what in posix):
            die(f"{LIST.name}, line {line.number}: {line.text!r} has no reason")
    return lists


def judge(found, lines, build, allowed=frozenset()):
    """What is found and not allowed."""
    for (kind, what, where), (count, ways) in sorted(found.items(), key=str):
        covering = [line for line in lines if line.covers(build, kind, what, where)]
        for line in covering:
            line.found = max(line.found, count)
        most = max((line.count for line in covering), default=0)
        if what in allowed or count <= most:
            continue
        roots = list(ways)
        others = f" and {len(roots) - 3} more" if len(roots) > 3 else ""
        thing = f"call {what}" if kind == "call" else f"{kind} {count}"
        allows = "is not allowed" if not most else f"is more than {most}"
        words = f"{', '.join(roots[:3])}{others}: {thing} in {where} {allows}"
        yield Wrong(build, kind, what, where, words, ways[roots[0]])


def stale(lines):
    """Lines that allow what is not there."""
    for line in lines:
        if line.found < line.count:
            yield f"{LIST.name}, line {line.number}: {line.text}: {line.found} found"
