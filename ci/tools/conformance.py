"""docs/conformance.md: the requirements of POSIX, their tests, and what differs in a section."""
import re

from host import ROOT, die
from sources import functions

PAGE = ROOT / "docs/conformance.md"
POSIX = "https://pubs.opengroup.org/onlinepubs/9799919799/functions"
PLACE = re.compile(r"XSH ([a-z_]+|[\d.]+)")
HEAD = """\
# Conformance

What POSIX.1-2024 requires of signals, as far as this crate's functions can express it, in our own
words, and the test that would fail. `ci/promises` makes this page from the tests in
[`tests/posix/`](../tests/posix.rs) and others that name a requirement, and runs them.

A requirement about signals in general is tried with every signal that can be caught. Each of
`posix::` is tried without the feature `defer`; with it, after a section was used; and inside a
section of a `DeferGuard`. **In a section** says what it is there: the *same*, *at its end* (the
section delays it, and nothing else), or *differs*. What is not the same is a row of the table of
differences in [`DeferGuard`'s documentation](../src/defer.rs): a difference without a row fails,
and so does a row that makes no difference. A dash: not tried in a section.

`cargo test --all-features --test tests -- posix::` runs them.
"""


def table_rows():
    """The rows of the table of differences, and whether it is for what must not be used."""
    lines = re.findall(r"^/// \| ([^|]+?) \|(.*)\|$", (ROOT / "src/defer.rs").read_text(), re.M)
    return {label: "not to be used" in cells for label, cells in lines}


def full(row, rows):
    found = [label for label in rows if label.startswith(row)]
    return found[0] if len(found) == 1 else die(f"{row!r} begins {len(found)} rows of the table")


def constants():
    text = (ROOT / "tests/posix.rs").read_text()
    return dict(re.findall(r"pub const (\w+): &str =\s*\"(.*?)\";", text))


def named_rows(test, helpers, names, seen=()):
    """What `differs` and `waits` name in a test and in what it calls of its module."""
    found = {("differs", names[name]) for name in re.findall(r"\bdiffers\((\w+)", test.body)}
    if re.search(r"\bwaits\(", test.body):
        found.add(("waits", names["HANDLERS"]))
    for helper in helpers:
        if helper.name not in (*seen, test.name) and re.search(rf"\b{helper.name}\b", test.body):
            found |= named_rows(helper, helpers, names, (*seen, test.name))
    return found


def plain(label):
    """Without the links of rustdoc."""
    return re.sub(r"\[(`[^`]+`)\](\(crate::[^)]*\))?", r"\1", label)


def address(place):
    """Of a function, or of a section of XSH."""
    if place == "setitimer":
        return f"{POSIX}/setitimer.html".replace("9799919799", "9699919799")
    return f"{POSIX}/{'V2_chap02' if place[0].isdigit() else place}.html"


def groups(tests):
    """Requirements by function; of a test elsewhere by the first that it names."""
    modules = {}
    for name, test in tests.items():
        if test.module.startswith("posix::"):
            if not test.xsh or not test.docs:
                die(f"{name} does not say what POSIX requires, and where")
            modules.setdefault(test.module, {})[name] = test
    for name, test in tests.items():
        if test.xsh and test.module[:5] != "posix":
            function = re.match(r"XSH (\S+?),?( |$)", test.xsh)[1]
            module = f"posix::{function}"
            modules[module if module in modules else "posix::sigaction"][name] = test
    return modules


def page(tests):
    """The page, and the names of the tests on it."""
    rows, names = table_rows(), constants()
    shown, text, on_page = {label: [] for label in rows}, [HEAD], set()
    for name, test in tests.items():
        for row in test.rows:
            shown[full(row, rows)].append(name)
    for module, members in groups(tests).items():
        file = ROOT / "tests" / (module.replace("::", "/") + ".rs")
        helpers = list(functions(file))
        title = re.match(r"//! (.*?)$", file.read_text(), re.M)[1]
        text.append(f"## {module[len('posix::'):]}\n\n{title}\n")
        text.append("| requirement | POSIX | test | in a section |\n|---|---|---|---|")
        for name, test in members.items():
            cell = "–"
            if test.module.startswith("posix::"):
                differences = sorted(named_rows(test, helpers, names))
                for _, row in differences:
                    shown[full(row, rows)].append(name)
                words = {"waits": "at its end", "differs": "differs"}
                cell = "; ".join(f"{words[kind]}: {plain(row)}" for kind, row in differences) or "same"
            where = PLACE.sub(r"[\1]", test.xsh)
            text.append(f"| {test.docs} | {where} | `{name}` | {cell} |")
            on_page.add(name)
        text.append("")
    places = {place for group in groups(tests).values() for test in group.values()
              for place in PLACE.findall(test.xsh)}
    text.append("## The table of differences\n\nEach row, and the tests that show it.\n")
    text.append("| row | tests |\n|---|---|")
    for label, not_to_be_used in rows.items():
        if not shown[label] and not not_to_be_used:
            die(f"no test shows the row {label!r} of the table of differences")
        cell = ", ".join(f"`{name}`" for name in shown[label][:3]) or "none: not to be used"
        more = f", and {len(shown[label]) - 3} more above" if len(shown[label]) > 3 else ""
        text.append(f"| {plain(label)} | {cell}{more} |")
        on_page.update(shown[label])
    text += ["", *(f"[{place}]: {address(place)}" for place in sorted(places))]
    count = sum(len(members) for members in groups(tests).values())
    return "\n".join(text) + "\n", on_page, count
