"""ci/probe with the library in it as object files, and what the library's documentation claims."""
import os
import re
from concurrent.futures import ThreadPoolExecutor

import claims
from host import TARGET, die, run, target_directory
from reached import Object

FLAGS = "-Awarnings -Zplt=yes -Cjump-tables=no -Csymbol-mangling-version=v0"
BUILD_DIRECTORY = target_directory()


def cargo(*command, what, library, **environment):
    ours = re.compile("RUST(DOC)?FLAGS|CARGO_(ENCODED_|BUILD_|PROFILE_|TARGET_DIR)")
    inherited = {name: value for name, value in os.environ.items() if not ours.match(name)}
    environment = {**inherited, "RUSTC_BOOTSTRAP": "1", **environment}
    run("cargo", *command, what=what, cwd=library, env=environment)


def compile_probe(library, build):
    """The object file of ci/probe's roots with the library in it."""
    kind, way = build
    path = BUILD_DIRECTORY / f"{library.name}-{kind}-{way}.o"
    command = ["rustc", "-q", "--release", "--locked", "--target", TARGET, "--lib"]
    command += ["--target-dir", BUILD_DIRECTORY / directory(build)]
    command += ["--features", "defer"] if way != "off" else []
    command += ["--crate-type", "staticlib"] if kind == "static" else []
    command += ["--", f"--emit=link,obj={path}"]
    command += ["-Crelocation-model=static"] if kind == "static" else []
    flags = FLAGS + ' --cfg signal_without="all"' * (way == "without")
    what = f"the build of ci/probe ({kind}, {way})"
    cargo(*command, what=what, library=library / "ci/probe", RUSTFLAGS=flags)
    if not path.exists():
        die(f"{what} has made no {path}: remove {BUILD_DIRECTORY}")
    return path


def directory(build):
    """Where it is built: in one place only what leaves the others' objects as they are."""
    return "without" if build[1] == "without" else build[0]


def compile_all(library, builds):
    """The objects of several builds; those in one directory one after the other."""
    def those_in(where):
        here = [build for build in builds if directory(build) == where]
        return [(build, compile_probe(library, build)) for build in here]

    with ThreadPoolExecutor() as pool:
        done = pool.map(those_in, sorted(set(map(directory, builds))))
        paths = dict(pair for pairs in done for pair in pairs)
    return {build: Object(paths[build]) for build in builds}


def documented(library):
    """The functions that the library documents as async-signal-safe, from its rustdoc."""
    command = ["rustdoc", "-q", "--lib", "-p", "posix-signal", "--features", "defer"]
    command += ["--target", TARGET, "--target-dir", BUILD_DIRECTORY / "doc"]
    command += ["--", "--cap-lints=allow", "-Zunstable-options", "--output-format=json"]
    cargo(*command, what="rustdoc", library=library)
    try:
        return claims.documented(BUILD_DIRECTORY / "doc" / TARGET / "doc/signal.json")
    except claims.Unclear as sentence:
        die(f"what does the documentation say of async-signal-safety here? {sentence}")
    except (KeyError, TypeError, ValueError) as error:
        die(f"cannot read the JSON of this rustdoc: {error!r}")
