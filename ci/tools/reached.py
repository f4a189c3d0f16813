"""An object file as a graph: which function refers to which, and what each does by itself.

Each function and each static must have a section of its own, all calls must go by name
(-Zplt=yes), and there must be no jump tables (-Cjump-tables=no). Then a relocation names the
target of every direct call, and what else is called or jumped to is a pointer in the source too.
"""
import re
from collections import Counter, deque
from functools import lru_cache

from host import die, run
from loops import BRANCH, can_return, is_atomic, waiting

# Where a table of functions can stand.
DATA = re.compile(r"\.l?(ro)?data\b|\.data\.rel|\.l?bss\b|\.tdata\b|\.tbss\b")
ADDEND = re.compile(r"[-+]0x[0-9a-f]+$")
SYSTEM_CALL = re.compile(r"(syscall|sysenter|int +\$0x80|lcall)\b")
TRAP = re.compile(r"(ud[012]|int3|int1|icebp|hlt|into)\b|int +\$0x(?!80\b)")
THREAD_LOCAL = re.compile(r"TPOFF|TLSGD|TLSLD|TLSDESC")
# Those of C that do not return.
ENDS = {"abort", "_exit", "_Unwind_Resume", "__stack_chk_fail"}
OWN_CRATE = re.compile(r"(?<![\w:])(signal|roots)\[[0-9a-f]+\]")


def plain(name):
    """A demangled name without hashes and without generic arguments."""
    name = re.sub(r"\[[0-9a-f]+\]", "", name)
    name = re.sub(r"(\.llvm\.\d+|::h[0-9a-f]{16})$", "", name)
    kept, groups = [], []
    for index, letter in enumerate(name):
        if letter == "<":
            before = name[index - 1] if index else " "
            groups.append(before.isalnum() or before in "_:")
            if groups[-1] and not any(groups[:-1]) and kept[-2:] == [":", ":"]:
                del kept[-2:]
        elif letter == ">" and groups and name[index - 1] != "-":
            if groups.pop() or any(groups):
                continue
        if not any(groups):
            kept.append(letter)
    return "".join(kept)


class Function:
    """One function: its instructions are (address, text, [(type of relocation, target)])."""

    def __init__(self):
        self.instructions = []
        self.calls, self.addresses = [], []
        self.counts = Counter()
        self.atomic = self.thread_local = False

    def understand(self, returns, name, section):
        dead = False
        for _, text, relocations in self.instructions:
            branch = BRANCH.match(text)
            pointer = branch and branch[2].startswith("*")
            # Through the table of addresses that the loader fills: a direct call after all.
            if pointer and any("GOTPCREL" in type_ for type_, _ in relocations):
                pointer = False
            targets = [target for _, target in relocations]
            if branch and not pointer and not targets:
                # Within the section: a call of itself, or another function that stands there.
                near = re.findall(r"<([^+>]*)", text)
                targets = [to for to in near if branch[1] == "call" or to in section and to != name]
            (self.calls if branch and not pointer else self.addresses).extend(targets)
            self.thread_local |= any(THREAD_LOCAL.search(type_) for type_, _ in relocations)
            self.atomic |= is_atomic(text)
            self.counts["indirect"] += bool(pointer)
            self.counts["syscall"] += bool(SYSTEM_CALL.match(text))
            # The function of C that makes any.
            self.counts["syscall"] += branch is not None and "syscall" in targets
            # The compiler fills up with ud2 behind a call that does not return.
            self.counts["trap"] += bool(TRAP.match(text)) and not dead
            dead = branch and branch[1] == "call" and not all(map(returns, targets))


class Object:
    def __init__(self, path):
        self.file = path
        # By section its symbols, and by symbol its section.
        self.symbols, self.section_of, self.undefined = {}, {}, set()
        # By section of data what it refers to.
        self.functions, self.data = {}, {}
        self.read_symbols()
        self.read_code()
        self.read_data()
        self.endless = {name for name, function in self.functions.items()
                        if not can_return(function.instructions)}
        for name, function in self.functions.items():
            near = self.symbols.get(self.section_of.get(name), [])
            function.understand(self.returns, name, [to for to in near if to in self.functions])
        names = sorted(set(self.section_of) | self.undefined)
        self.demangled = dict(zip(names, run("c++filt", input="\n".join(names)).split("\n")))
        self.own = {name for name in names if OWN_CRATE.search(self.demangled[name])}

    def read_symbols(self):
        for line in run("objdump", "-t", self.file).splitlines():
            match = re.match(r"[0-9a-f]{16} (.{7}) (\S+)\t[0-9a-f]{16} (?:\.\w+ )?(\S+)$", line)
            if not match or match[1].endswith("df"):
                continue
            _, section, name = match.groups()
            if section == "*UND*":
                self.undefined.add(name)
            elif name != section:
                self.section_of[name] = section
                self.symbols.setdefault(section, []).append(name)

    def read_code(self):
        function = None
        for line in run("objdump", "-drw", "--no-show-raw-insn", self.file).splitlines():
            if header := re.match(r"[0-9a-f]+ <(.*)>:$", line):
                function = self.functions.setdefault(header[1], Function())
            elif instruction := re.match(r" *([0-9a-f]+):\t([^\t#]*)", line):
                relocations = re.findall(r"\t[0-9a-f]+: (R_X86_64_\S+)\t(\S+)", line)
                relocations = [(type_, ADDEND.sub("", target)) for type_, target in relocations]
                address, text = int(instruction[1], 16), instruction[2].strip()
                function.instructions.append((address, text, relocations))
        if not any("_X86_64_" in type_ for function in self.functions.values()
                   for _, _, relocations in function.instructions for type_, _ in relocations):
            die(f"cannot read the code in {self.file}")

    def read_data(self):
        section = None
        for line in run("objdump", "-rw", self.file).splitlines():
            if header := re.match(r"RELOCATION RECORDS FOR \[(.*)\]:", line):
                section = header[1] if DATA.match(header[1]) else None
            elif section and (record := re.match(r"[0-9a-f]{16} R_X86_64_\S+\s+(\S+)", line)):
                self.data.setdefault(section, []).append(ADDEND.sub("", record[1]))

    @lru_cache(None)
    def name(self, symbol):
        return plain(self.demangled.get(symbol, symbol))

    def is_own(self, node):
        return node in self.own and node in self.functions

    @lru_cache(None)
    def resolve(self, target):
        """What a relocation names: functions, a section of data, or something from elsewhere."""
        if target in self.functions or target in self.undefined:
            return [target]
        section = self.section_of.get(target, target)
        code = [name for name in self.symbols.get(section, []) if name in self.functions]
        return code or [section] * bool(DATA.match(section))

    @lru_cache(None)
    def returns(self, target):
        """Whether a call comes back."""
        return target not in ENDS and not any(node in self.endless for node in self.resolve(target))

    @lru_cache(None)
    def refers(self, node):
        """What a function or a section of data refers to."""
        function = self.functions.get(node)
        targets = function.calls + function.addresses if function else self.data.get(node, [])
        return list(dict.fromkeys(found for target in targets for found in self.resolve(target)))

    def address_taken(self):
        """The functions whose address is a value somewhere."""
        targets = {target for targets in self.data.values() for target in targets}
        for function in self.functions.values():
            targets.update(function.addresses)
        found = {node for target in targets for node in self.resolve(target)}
        return found & self.functions.keys()

    @lru_cache(None)
    def called(self, node):
        """The functions of ours that a function calls, and those that they call."""
        found, queue = set(), deque([node])
        while queue:
            for target in self.functions[queue.popleft()].calls:
                new = {callee for callee in self.resolve(target) if self.is_own(callee)} - found
                found |= new
                queue.extend(new)
        return found

    @lru_cache(None)
    def atomic(self, target):
        """Whether a function of ours does an atomic read-modify-write, or one that it calls."""
        own = [node for node in self.resolve(target) if self.is_own(node)]
        called = {callee for node in own for callee in self.called(node)}
        return any(self.functions[node].atomic for node in called.union(own))

    @lru_cache(None)
    def does(self, node):
        """What must be accounted for in the function itself, and how often it is there."""
        function = self.functions[node]
        counts = dict(function.counts)
        counts["loop"] = waiting(function.instructions, self.atomic, self.returns)
        counts["recursion"] = int(node in self.called(node))
        return {kind: count for kind, count in counts.items() if count}

    def walk(self, root, ends_at, skipped):
        """The way to each function of ours that is reached from `root`, and, for each call of
        another function or of one of which `ends_at(caller, callee)`, the way to the caller."""
        ways, ends = {root: (root,)}, {}
        queue = deque([root])
        while queue:
            node = queue.popleft()
            # A table's functions are called by who refers to the table.
            caller = next((step for step in reversed(ways[node]) if step in self.functions), node)
            for target in self.refers(node):
                code = target in self.functions or target in self.undefined
                if target in skipped:
                    continue
                if code and (not self.is_own(target) or ends_at(caller, target)):
                    ends.setdefault((caller, target), ways[node])
                elif target not in ways:
                    ways[target] = ways[node] + (target,)
                    queue.append(target)
        return ways, ends

    def path(self, way):
        """A way in words, without the tables on it."""
        steps = [step for step in way if step in self.functions or step in self.undefined]
        return " > ".join(self.name(step) for step in steps)
