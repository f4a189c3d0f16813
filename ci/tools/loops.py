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
FLAGS = re.compile(f"cmp|test|ptest|comis|ucomis|bt|popcnt|[lt]zcnt|bs[fr]|{STEP.pattern}")
PARTS = {f"{part}{letter}{tail}": f"r{letter}x" for letter in "abcd"
         for part, tail in (("", "l"), ("", "h"), ("", "x"), ("e", "x"))}
PARTS.update({f"{part}{name}{tail}": f"r{name}" for name in ("si", "di", "bp", "sp")
              for part, tail in (("", "l"), ("", ""), ("e", ""))})


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
    """How many loops do an atomic read-modify-write or `pause`, or nothing but read. The
    instructions are (address, text, [(type of relocation, target)]); `atomic` says whether a
    function that is called does one, `returns` whether it returns."""
    where = {address: index for index, (address, _, _) in enumerate(instructions)}
    follows = [after(index, instructions, where, returns) for index in range(len(instructions))]
    found = 0
    for head, latches in retreats(follows).items():
        body = {head} | reaching(latches, head, follows)
        found += could_wait(instructions, sorted(body), follows, atomic)
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


def could_wait(instructions, body, follows, atomic):
    loaded, stepped, copied = set(), set(), []
    for _, text, relocations in (instructions[index] for index in body):
        called = [target for _, target in relocations] if BRANCH.match(text) else []
        if is_atomic(text) or any(map(atomic, called)):
            return True
    for _, text, _ in (instructions[index] for index in body):
        branch = BRANCH.match(text)
        if branch and branch[1] == "call":
            return False
        if branch:
            continue
        mnemonic, _, rest = text.partition(" ")
        operands = [operand.strip() for operand in re.split(r",(?![^(]*\))", rest)]
        register = re.fullmatch(r"%(\w+)", operands[-1])
        target = whole(register[1]) if register else operands[-1]
        from_memory = len(operands) == 2 and not re.fullmatch(r"%\w+|\$.*", operands[0])
        if mnemonic.startswith("mov") and register and from_memory:
            loaded.add(target)
        elif register and "mov" in mnemonic and (source := re.fullmatch(r"%(\w+)", operands[0])):
            copied.append((whole(source[1]), target))
        elif STEP.match(mnemonic) and (mnemonic[:3] != "xor" or operands[0] != operands[-1]):
            stepped.add(target)
    stepped -= loaded
    for _ in copied:
        stepped |= {target for source, target in copied if source in stepped}
    # Nothing by which it ends goes on from one round to the next: it waits for what it reads to
    # change, or for ever.
    ends = {whole(register) for index in body if set(follows[index]) - set(body)
            for register in looked_at(instructions, index)}
    return not stepped & ends


def looked_at(instructions, branch):
    """The registers in what a branch looks at: the last instruction before it that sets the flags."""
    for _, text, _ in reversed(instructions[max(branch - 8, 0):branch]):
        if FLAGS.match(text):
            return re.findall(r"%(\w+)", text)
        if BRANCH.match(text) and BRANCH.match(text)[1] in ("call", "jmp"):
            break
    return []


def whole(register):
    """The register of which this is a part."""
    return PARTS.get(register, re.sub(r"^(r\d+)[bwd]$", r"\1", register))
