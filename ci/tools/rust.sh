# shellcheck shell=bash
# Compilers and targets for the scripts of ci/. Sourced, never run.

. "$(dirname "${BASH_SOURCE[0]}")/debian.sh"

export CARGO_TERM_COLOR=never CARGO_INCREMENTAL=0
# What the caller set for its own build must not leak into a build for another target.
unset RUSTFLAGS CARGO_ENCODED_RUSTFLAGS RUSTC RUSTDOC RUSTC_WRAPPER RUSTC_WORKSPACE_WRAPPER
unset CARGO_BUILD_TARGET CARGO_TARGET_DIR RUSTUP_TOOLCHAIN

# rust: the compiler that comes with the source of core and std, Debian's newer Rust. After it,
# `cargo` and `rustc` are the wrapped ones.
rust() {
    [ "$(dpkg --print-architecture 2>/dev/null)" = amd64 ] || die "runs on Debian on x86-64 only"
    once rust rust_now
    export PATH=$cache/bin:$PATH RUSTC=$cache/bin/rustc RUSTDOC=$cache/bin/rustdoc
}
rust_now() {
    local tool
    need gcc gcc --version
    need libc6-dev test -e /usr/include/stdio.h
    unpack_closure rust rustc-web cargo-web rust-web-src
    for tool in rustc cargo rustdoc; do wrap $tool rust usr/bin/$tool; done
}

# zig: a C compiler and linker that carries the headers of every C library.
zig() {
    pip_tool ziglang==0.17.1
    export ZIG_GLOBAL_CACHE_DIR=$cache/zig ZIG_LOCAL_CACHE_DIR=$cache/zig
    ZIG=$(echo "$cache"/venv/lib/python3*/site-packages/ziglang/zig)
    export ZIG
}

# core_for TARGET...: metadata of Rust's core library for each target, in $cache/sysroot. It is
# enough for a type-check and takes half the time of -Zbuild-std. MIR is kept so that check-abi can
# generate code against it.
core_for() {
    export -f core_now once die
    export cache me
    printf '%s\n' "$@" | xargs -P "$(nproc)" -I{} bash -c 'once core-{} core_now {}'
}
core_now() {
    local out=$cache/sysroot/lib/rustlib/$1/lib
    local source=$cache/deb/rust/usr/lib/rustlib/src/rust/library/core/src/lib.rs
    local flags=(--crate-type lib --emit metadata --target "$1" --out-dir "$out"
        --cap-lints allow -Zforce-unstable-if-unmarked)
    mkdir -p "$out"
    export RUSTC_BOOTSTRAP=1
    rustc --crate-name core --edition 2024 "$source" -Zalways-encode-mir "${flags[@]}" &&
        echo '#![feature(compiler_builtins)] #![compiler_builtins] #![no_std]' |
            rustc --crate-name compiler_builtins --edition 2021 - --sysroot "$cache/sysroot" \
                "${flags[@]}"
}

# rows WAY [--all|TARGET...]: the lines of targets.txt that are to be checked in this WAY; without
# targets those that have `WAY!`.
rows() {
    local way=$1
    shift
    awk -v way="$way" -v want=" $* " '
        /^#/ || !NF { next }
        {
            marked = 0
            split($3, ways, ",")
            for (i in ways) {
                if (ways[i] == way "!") marked = 2
                else if (ways[i] == way) marked = 1
            }
            if (want ~ /^ *$/) chosen = marked == 2
            else chosen = marked && (want == " --all " || index(want, " " $1 " "))
            if (chosen) print
        }' "$root/ci/targets.txt"
}

# Which programs the tests are stands in Cargo.toml alone: `--test '*'` is every one of them.
tests_and_examples=(--test '*' --examples)

# zig_build ROWS: builds tests and examples, with every feature, for the targets in the file ROWS.
# Writes to ROWS.built what it built, a line each: target, `test` or `example`, name, path.
zig_build() {
    local target zigname variable targets=()
    rust
    zig
    while read -r target zigname _; do
        ln -sf "$root/ci/tools/zig-cc" "$cache/bin/zig-cc-$zigname"
        variable=CARGO_TARGET_$(tr 'a-z.-' 'A-Z__' <<<"$target")
        export "${variable}_LINKER=$cache/bin/zig-cc-$zigname"
        # zig brings musl and its start files itself.
        case $target in
        *-musl*) export "${variable}_RUSTFLAGS=-Clink-self-contained=no -Clink-arg=-s" ;;
        esac
        targets+=(--target "$target")
    done <"$1"
    (
        cd "$root"
        export RUSTC_BOOTSTRAP=1 CARGO_PROFILE_DEV_DEBUG=0 CARGO_PROFILE_DEV_STRIP=none
        cargo build -q --locked --all-features "${tests_and_examples[@]}" "${targets[@]}" \
            -Zbuild-std=std,panic_unwind -Zbuild-std-features=panic-unwind \
            --target-dir "$cache/build" --message-format=json-render-diagnostics
    ) >"$1.json" || die "the build failed"
    python3 - "$1.json" >"$1.built" <<'PYTHON'
import json, sys
for message in map(json.loads, open(sys.argv[1])):
    if path := message.get("executable"):
        kind = "example" if "example" in message["target"]["kind"] else "test"
        print(path.split("/build/")[1].split("/")[0], kind, message["target"]["name"], path)
PYTHON
}

# packaged NAME: the library as it is published, alone, in $cache/NAME: what a dependent sees.
packaged() {
    local into=$cache/$1
    rust
    rm -rf "$into"
    mkdir -p "$into"
    (cd "$root" && cargo package -q -p posix-signal --no-verify --allow-dirty --exclude-lockfile \
        --target-dir "$cache/package-$1")
    tar -xf "$cache/package-$1"/package/posix-signal-*.crate -C "$into" --strip-components=1
    # Without this cargo would look for a workspace in the folders above.
    printf '\n[workspace]\n' >>"$into/Cargo.toml"
}
