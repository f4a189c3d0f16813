"""Which functions the documentation calls async-signal-safe, from what rustdoc makes of it (JSON).

Said of a function, it is about that function; of a type, a trait or a module, about all functions
in it that do not say otherwise.
"""
import json
import re

WORD = re.compile(r"async-signal-safe", re.I)
# "Async-signal-safe.", "…, async-signal-safe.", "All its functions are async-signal-safe."
CLAIM = re.compile(
    r"(^|[,;:] )async-signal-safe\b(?! (code|calls|functions))"
    r"|\b(its|all|these|functions?|methods?|it|this) (\w+ ){0,3}(is|are)( \w+)? async-signal-safe",
    re.I,
)
DENIAL = re.compile(r"\bnot( \w+)? async-signal-safe", re.I)
# What is asked of the caller, or said of something else.
OTHER = re.compile(r"\bmust be async-signal-safe|async-signal-safe (code|calls|functions)", re.I)
EXCEPTION = re.compile(r",? except (.*?)(,(?= (?:is|are) )|(?= (?:is|are) async)|$)")


class Unclear(Exception):
    """A sentence that speaks of async-signal-safety, and nobody can tell what it claims."""


def sentences(docs):
    """What is not code."""
    text = re.sub(r"^(```|~~~).*?^\1", "", docs or "", flags=re.M | re.S)
    for paragraph in re.split(r"\n\s*\n|\n\s*(?=[-*|] )", text):
        for sentence in re.split(r"(?<=[.!?])\s+", " ".join(paragraph.split())):
            yield sentence.lstrip("-*> ").replace("*", "")


def claim(docs, name):
    """Whether it is claimed, denied (False), or nothing is said (None); and what is excepted."""
    said, excepted = None, set()
    for sentence in filter(WORD.search, sentences(docs)):
        exception = EXCEPTION.search(sentence)
        main = EXCEPTION.sub("", sentence)
        if DENIAL.search(main):
            said = said or False
        elif CLAIM.search(main):
            said = True
            if exception:
                excepted |= set(re.findall(r"`(?:\w+::)*(\w+)", exception[1]))
        elif not OTHER.search(main):
            raise Unclear(f"{name}: {sentence}")
    return said, excepted


def words(type_):
    """A type in one word, to tell apart the implementations of a trait."""
    kind, inner = next(iter(type_.items())) if isinstance(type_, dict) else ("", "")
    if kind == "resolved_path":
        return inner["path"].split("::")[-1]
    if kind in ("slice", "array", "borrowed_ref"):
        element = inner if kind == "slice" else inner["type"]
        return f"{words(element)}_{kind.split('_')[-1]}"
    return inner if kind == "primitive" else ""


class Crate:
    def __init__(self, whole):
        self.index = whole["index"]
        self.documented = set()
        # The words of the front page are about the crate.
        self.items(self.index[str(whole["root"])]["inner"]["module"]["items"], "", False, set())

    def items(self, numbers, prefix, claimed, excepted):
        """Functions, types and modules; `claimed` is what is said of all of them together."""
        for item in filter(None, (self.index.get(str(number)) for number in numbers)):
            (kind, inner), = item["inner"].items()
            if kind == "use":
                target = self.index.get(str(inner["id"]))
                if target and inner["is_glob"]:
                    self.items(target["inner"]["module"]["items"], prefix, claimed, excepted)
                elif target:
                    self.items([inner["id"]], prefix, claimed, excepted)
            elif kind == "function" or item["visibility"] == "public":
                self.item(kind, inner, item, prefix, claimed, excepted)

    def item(self, kind, inner, item, prefix, claimed, excepted):
        if kind not in ("module", "function", "struct", "enum", "union", "trait"):
            return
        name = prefix + item["name"]
        # The chapters of the guide speak of handlers, and have no functions.
        if name == "guide":
            return
        said, but = claim(item["docs"], name)
        said = claimed if said is None else said
        said = said and item["name"] not in excepted
        if kind == "function":
            self.documented |= {name} if said else set()
        elif kind in ("module", "trait"):
            self.items(inner["items"], name + "::", said, excepted | but)
        else:
            for number in inner["impls"]:
                implementation = self.index[str(number)]
                self.implementation(implementation, item["id"], name, said, excepted | but)

    def implementation(self, item, type_, name, claimed, excepted):
        inner = item["inner"]["impl"]
        for_ = inner["for"].get("borrowed_ref", {}).get("type", inner["for"])
        if for_.get("resolved_path", {}).get("id") != type_:
            # Of another type, which has this one for an argument.
            return
        derived = "automatically_derived" in str(item["attrs"])
        if derived or inner["is_synthetic"] or inner["blanket_impl"]:
            return
        numbers = inner["items"]
        if inner["trait"]:
            arguments = (inner["trait"]["args"] or {}).get("angle_bracketed", {}).get("args", [])
            which = filter(None, (words(argument.get("type")) for argument in arguments))
            trait = "_".join([inner["trait"]["path"].split("::")[-1], *which])
            name += ("_ref" if "borrowed_ref" in inner["for"] else "") + "::" + trait
        else:
            items = [self.index[str(number)] for number in numbers]
            numbers = [item["id"] for item in items if item["visibility"] == "public"]
        self.items(numbers, name + "::", claimed, excepted)


def documented(path):
    """The functions that are documented as async-signal-safe: their paths from the crate's root."""
    with open(path) as file:
        return sorted(Crate(json.load(file)).documented)
