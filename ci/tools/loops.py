"""Loops in the disassembly of a function that could be waiting for another thread: locks."""
import re
from collections import deque

PREFIX = r"(?:(?:bnd|notrack|data16|rex\.W|[cdefgs]s|addr32|repn?z|rep) +)*"
BRANCH = re.compile(PREFIX + r"(call|j[a-z]+|loop[a-z]*|xbegin)(?:,p[nt])? +(.*)")
RETURNS = re.compile(PREFIX + r"i?ret")
ENDS = re.compile(PREFIX + r"(i?ret|ud[012]|hlt)")
ATOMIC = re.compile(r"(\S+ +)*lock\b|(pause|tpause|umwait)\b")
# Instructions that make something new of what their target was.
STEP = re.compile(
    "add|sub|inc|dec|lea|sh[lr]|sa[lr]|ro[lr]|neg|bl[cs]|bt[rcs]|imul|adc|sbb|and|or|xor|not"
)
PARTS = {f"{part}{letter}{tail}": f"r{letter}x" for letter in "abcd"
         for part, tail in (("", "l"), ("", "h"), ("", "x"), ("e", "x"))}
PARTS.update({f"{part}{name}{tail}": f"r{name}" for name in ("si", "di", "bp", "sp")
              for part, tail in (("", "l"), ("", ""), ("e", ""))})
# What a function that is called may change.
SCRATCH = {"rax", "rcx", "rdx", "rsi", "rdi", "r8", "r9", "r10", "r11"}


def is_atomic(text):
    """An atomic read-modify-write, or the hint that one waits for another's."""
    if text.startswith("xchg"):
        return not re.fullmatch(r"%\w+,%\w+", text.split(None, 1)[1])
    return bool(ATOMIC.match(text))


def can_return(instructions):
    """Whether a function ever does, or goes over into another."""
    for _, text, relocations in instructions:
        branch = BRANCH.match(text)
        if RETURNS.match(text):
            return True
        if branch and branch[1] != "call" and (relocations or branch[2].startswith("*")):
            return True
    return False


def waiting(instructions, atomic, returns):
    """How many loops do an atomic read-modify-write or `pause`, or look at one place again. The
    instructions are (address, text, [(type of relocation, target)]); `atomic` says whether a
    function that is called does one, `returns` whether it returns."""
    where = {address: index for index, (address, _, _) in enumerate(instructions)}
    follows = [after(index, instructions, where, returns) for index in range(len(instructions))]
    found = 0
    for head, latches in retreats(follows).items():
        body = {head} | reaching(latches, head, follows)
        found += could_wait([instructions[index] for index in sorted(body)], atomic)
    return found


def after(index, instructions, where, returns):
    """The instructions that can follow one."""
    _, text, relocations = instructions[index]
    next_ = [index + 1] if index + 1 < len(instructions) else []
    if ENDS.match(text):
        return []
    branch = BRANCH.match(text)
    if not branch:
        return next_
    if branch[1] == "call":
        return next_ if all(returns(target) for _, target in relocations) else []
    inside = []
    # With a relocation it leads out of the function.
    if not relocations and not branch[2].startswith("*"):
        target = where.get(int(branch[2].split()[0], 16))
        inside = [] if target is None else [target]
    return inside if branch[1] == "jmp" else next_ + inside


def retreats(follows):
    """The heads of loops, each with what leads back to it; found depth first."""
    heads, state = {}, {}
    for start in range(len(follows)):
        if start in state:
            continue
        state[start] = "open"
        stack = [(start, iter(follows[start]))]
        while stack:
            index, rest = stack[-1]
            next_ = next(rest, None)
            if next_ is None:
                state[index] = "closed"
                stack.pop()
            elif next_ not in state:
                state[next_] = "open"
                stack.append((next_, iter(follows[next_])))
            elif state[next_] == "open":
                heads.setdefault(next_, set()).add(index)
    return heads


def reaching(latches, head, follows):
    """What leads to one of `latches` without passing `head`."""
    before = {}
    for index, nexts in enumerate(follows):
        for next_ in nexts:
            before.setdefault(next_, []).append(index)
    found = set(latches) - {head}
    queue = deque(found)
    while queue:
        new = set(before.get(queue.popleft(), ())) - found - {head}
        found |= new
        queue.extend(new)
    return found


def could_wait(body, atomic):
    for _, text, relocations in body:
        called = [target for _, target in relocations] if BRANCH.match(text) else []
        if is_atomic(text) or any(map(atomic, called)):
            return True
    loaded, stepped, calls = set(), set(), False
    for _, text, _ in body:
        if branch := BRANCH.match(text):
            calls |= branch[1] == "call"
            continue
        mnemonic, operands = parts(text)
        register = re.fullmatch(r"%(\w+)", operands[-1])
        target = whole(register[1]) if register else operands[-1]
        from_memory = len(operands) == 2 and not re.fullmatch(r"%\w+|\$.*", operands[0])
        if mnemonic.startswith("mov") and register and from_memory:
            loaded.add(target)
        elif STEP.match(mnemonic) and (mnemonic[:3] != "xor" or operands[0] != operands[-1]):
            stepped.add(target)
    # Nothing goes on from one round to the next: it waits for what it reads to change, or for ever.
    return not calls and not stepped - loaded or reads_again(body)


def reads_again(body):
    """Whether each round reads memory at the same address, not on the stack, that nothing in the
    loop writes: what else it does, it may be waiting for that to change."""
    written, read, stored = {"rsp", "rbp"}, set(), set()
    for _, text, relocations in body:
        if branch := BRANCH.match(text):
            written |= SCRATCH if branch[1] == "call" else set()
            continue
        mnemonic, operands = parts(text)
        only_reads = re.match(r"(v?p?test|cmp[bwlq]?$|bt[wlq]?$|v?u?comis)", mnemonic)
        symbols = tuple(target for _, target in relocations)
        for operand in operands:
            is_written = operand is operands[-1] and not only_reads
            if "(" in operand and not mnemonic.startswith(("lea", "nop")):
                (stored if is_written else read).add((operand, symbols))
            elif is_written:
                written.add(whole(operand[1:]))
    return any(not written & set(map(whole, re.findall(r"%(\w+)", operand)))
               for operand, _ in read - stored)


def parts(text):
    """The mnemonic and the operands."""
    mnemonic, _, rest = text.partition(" ")
    return mnemonic, [operand.strip() for operand in re.split(r",(?![^(]*\))", rest)]


def whole(register):
    """The register of which this is a part."""
    return PARTS.get(register, re.sub(r"^(r\d+)[bwd]$", r"\1", register))
