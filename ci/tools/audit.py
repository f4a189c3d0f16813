"""Every `unsafe` of src/: where, why, and which test exercises it."""
import re
from collections import namedtuple

from host import ROOT, die

PAGE = ROOT / "docs/unsafe.md"
# The tests: `FILE FUNCTION TEST`, and where that is not here `# WHERE`.
LIST = ROOT / "ci/unsafe.txt"
HEAD = """\
# Unsafe

Every `unsafe` in `src/`: its reason, which is the comment in front of it (for an `unsafe fn` what
its caller owes), and a test in which that function runs. `ci/promises` makes this page from the
sources and [`ci/unsafe.txt`](../ci/unsafe.txt), fails for an `unsafe` that has no reason or no test
there, and runs the tests. Code that is not compiled on Linux has the test that runs it elsewhere.
"""
Unsafe = namedtuple("Unsafe", "file function kind reason")

KEYWORD = re.compile(r"\bunsafe (\{|fn (\w+)|impl\b.*?\b(\w+)(?:<.*?>)? for (\w+)|extern\b)")
FUNCTION = re.compile(r"^( *)(?:pub(?:\([\w ]+\))? )?(?:const )?(?:unsafe )?(?:extern \"[\w-]+\" )?fn (\w+)")


def code(line):
    """A line without its comment and its strings."""
    return re.sub(r'//.*|"(?:\\.|[^"\\])*"', '""', line)


def comment(lines):
    """The text of the last comment that begins with SAFETY in these lines."""
    text = []
    for line in reversed(lines):
        found = re.match(r"\s*// ?(.*)", line)
        if found:
            text.insert(0, found[1])
            if found[1].startswith("SAFETY:"):
                return " ".join(text)[len("SAFETY:"):].strip()
        else:
            text = []
    return None


def promise(lines):
    """The section `# Safety` of the documentation that ends these lines."""
    docs = []
    for line in reversed(lines):
        if re.match(r"\s*#\[", line):
            continue
        found = re.match(r"\s*/// ?(.*)", line)
        if not found:
            break
        docs.insert(0, found[1])
    text = "\n".join(docs).partition("# Safety\n")[2]
    text = re.split(r"^(?:```|#|Source:)", text.strip(), flags=re.M)[0]
    return "The caller: " + " ".join(text.split()) if text else None


def scan(file):
    lines = re.split(r"#\[cfg\((?:all\()?test\b", file.read_text())[0].splitlines()
    name = file.relative_to(ROOT).as_posix()
    function, start = None, 0
    for i, line in enumerate(lines):
        found = FUNCTION.match(line)
        if found:
            function, start = found[2], i
        elif re.match(r"(unsafe )?(impl|static|const|struct|mod|macro_rules)\b", line):
            function, start = None, i
        for match in KEYWORD.finditer(code(line)):
            where = function or "–"
            if match[2]:
                kind, reason = "fn", promise(lines[:i])
                # Within another one's documented contract.
                reason = reason or comment(lines[:i])
            elif match[3]:
                kind, reason = f"impl {match[3]}", comment(lines[max(i - 8, 0):i])
                where = match[4]
            elif match[1] == "extern":
                continue
            else:
                kind, reason = "block", comment(lines[start:i])
            if reason is None:
                die(f"{name}:{i + 1}: no reason for this unsafe")
            yield Unsafe(name, where, kind, reason)


def all_unsafe():
    return [found for file in sorted((ROOT / "src").rglob("*.rs")) for found in scan(file)]


def listed(known):
    """The test and where, by file and function."""
    found = {}
    for number, line in enumerate(LIST.read_text().splitlines(), 1):
        if line.startswith("#") or not line:
            continue
        words, _, where = line.partition(" # ")
        file, function, test = words.split()
        if test not in known or (file, function) in found:
            die(f"{LIST.name}, line {number}: no such test, or a second line for this function")
        found[file, function] = (test, where)
    return found


def page(known):
    """The page, the tests that run here, and how many `unsafe` there are."""
    entries, text, file = listed(known), [HEAD], None
    everything = all_unsafe()
    used = {(found.file, found.function) for found in everything}
    for key in entries.keys() - used:
        die(f"{LIST.name}: there is no unsafe in {' '.join(key)}")
    for found in everything:
        if (found.file, found.function) not in entries:
            die(f"{LIST.name} has no test for the unsafe in {found.file}, {found.function}")
        test, where = entries[found.file, found.function]
        if file != found.file:
            file = found.file
            text.append(f"\n## {file}\n\n| in | unsafe | reason | test |\n|---|---|---|---|")
        reason = found.reason[0].upper() + found.reason[1:].replace("|", "\\|")
        elsewhere = f" ({where})" if where else ""
        text.append(f"| `{found.function}` | {found.kind} | {reason} | `{test}`{elsewhere} |")
    here = {entries[key][0] for key in used if not entries[key][1]}
    return "\n".join(text) + "\n", here, len(everything)
