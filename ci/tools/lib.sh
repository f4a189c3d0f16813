# shellcheck shell=bash
# What the scripts in ci/ share. Sourced, never run. Everything is fetched from the package registries that the
# machine is set up for (Debian, PyPI, crates.io) and unpacked below $cache, so that the system stays as it was.

set -euo pipefail
root=$(cd "$(dirname "$0")/.." && pwd)
cache=${SIGNAL_CI_CACHE:-$root/target/ci}
me=$(basename "$0")
mkdir -p "$cache/bin"
export SIGNAL_CI_CACHE=$cache CARGO_TERM_COLOR=never CARGO_INCREMENTAL=0
# What the caller's shell or cargo set for its own build must not leak into a build for another target.
unset RUSTFLAGS CARGO_ENCODED_RUSTFLAGS RUSTC RUSTDOC RUSTC_WRAPPER CARGO_BUILD_TARGET CARGO_TARGET_DIR RUSTUP_TOOLCHAIN

die() { echo "$me: $*" >&2; exit 1; }

# need PACKAGE COMMAND...: the few things that are better installed than unpacked. COMMAND tells whether they are there.
need() {
  local package=$1; shift
  "$@" >/dev/null 2>&1 && return
  [ "$(id -u)" = 0 ] && [ -e /etc/debian_version ] || die "this needs $package: install it"
  apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "$package" >/dev/null ||
    die "cannot install $package"
}

# once NAME COMMAND...: runs COMMAND unless it has succeeded before; a lock keeps a second script from doing it too.
once() {
  local stamp=$cache/stamps/$1; shift
  mkdir -p "$cache/stamps"
  [ -e "$stamp" ] && return
  exec 9>"$stamp.lock"; flock 9
  if [ ! -e "$stamp" ]; then "$@" 9>&- || die "failed: $*"; touch "$stamp"; fi
  exec 9>&-
}

# apt_for SUITE ARCH get|cache ARGS...: apt with lists of its own for another suite or processor. The mirror is the
# one that this machine's own apt uses.
apt_for() {
  local suite=$1 arch=$2 tool=$3 dir=$cache/apt/$1-$2; shift 3
  "apt-$tool" -qq -o Dir::Etc::sourcelist="$dir/sources.list" -o Dir::Etc::sourceparts=/dev/null \
    -o Dir::Etc::preferencesparts=/dev/null -o Dir::State::lists="$dir/lists" -o Dir::State::status=/dev/null \
    -o Dir::Cache="$dir/cache" -o Debug::NoLocking=1 -o APT::Architecture="$arch" -o APT::Architectures="$arch" \
    -o APT::Sandbox::User=root -o APT::Get::List-Cleanup=0 -o Acquire::Retries=3 -o Acquire::Languages=none "$@"
}

apt_lists() {
  local suite=$1 arch=$2 dir=$cache/apt/$1-$2 mirror mirrors s
  # A mirror's index targets are known only after a first update.
  mirrors=$(apt-get indextargets --format '$(REPO_URI)' 'Created-By: Packages')
  [ -n "$mirrors" ] || { apt-get update -qq; mirrors=$(apt-get indextargets --format '$(REPO_URI)' 'Created-By: Packages'); }
  mirror=$(grep -m1 '/debian/*$' <<<"$mirrors") || die "this machine's apt has no Debian mirror"
  mkdir -p "$dir/lists/partial" "$dir/cache/archives/partial"
  for s in $suite $([ "$suite" != bookworm ] || echo bookworm-updates bookworm-backports); do
    echo "deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] $mirror $s main"
  done >"$dir/sources.list"
  # The newer Rust compiler comes as a security update. Its index exists for this machine's processor only.
  if [ "$suite/$arch" = bookworm/amd64 ] && mirror=$(grep -m1 '/debian-security/*$' <<<"$mirrors"); then
    echo "deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] $mirror bookworm-security main" >>"$dir/sources.list"
  fi
  apt_for "$suite" "$arch" get update
}

unpack_now() {
  local into=$1 suite=$2 arch=$3 dir=$cache/deb/$1; shift 3
  once "apt-$suite-$arch" apt_lists "$suite" "$arch"
  rm -rf "$dir"; mkdir -p "$dir/.deb"
  (cd "$dir/.deb" && apt_for "$suite" "$arch" get download "$@") || return 1
  for deb in "$dir"/.deb/*.deb; do dpkg -x "$deb" "$dir" || return 1; done
  rm -rf "$dir/.deb"
}

# unpack INTO SUITE ARCH PACKAGE[=VERSION|/SUITE]...: Debian packages into $cache/deb/INTO.
unpack() { once "deb-$1" unpack_now "$@"; }

# unpack_closure INTO PACKAGE...: programs of this machine's own kind, with every package they need that the machine lacks.
# Compilers and their libraries count as lacking: they must come from one place.
unpack_closure() { once "deb-$1" unpack_closure_now "$@"; }
unpack_closure_now() {
  local into=$1 packages; shift
  once apt-bookworm-amd64 apt_lists bookworm amd64
  packages=$(apt_for bookworm amd64 get install --print-uris -y --no-install-recommends "$@" |
    sed -n "s/^'[^']*' \([^_ ]*\)_\([^_ ]*\)_.*/\1=\2/p" | sed 's/%3a/:/' | while IFS== read -r name version; do
      case $name in
      *rust* | cargo* | *llvm*) echo "$name=$version" ;;
      *) dpkg-query -W -f '${Status}' "$name" 2>/dev/null | grep -q 'ok installed' || echo "$name=$version" ;;
      esac
    done) || return 1
  # shellcheck disable=SC2086
  unpack_now "$into" bookworm amd64 $packages
}

# wrap NAME DEB PATH: an executable $cache/bin/NAME for a program unpacked in DEB, that finds its own libraries.
wrap() {
  local d=$cache/deb/$2
  cat >"$cache/bin/$1" <<WRAP
#!/bin/sh
export LD_LIBRARY_PATH="$d/usr/lib/x86_64-linux-gnu:$d/lib/x86_64-linux-gnu"
exec "$d/$3" "\$@"
WRAP
  chmod +x "$cache/bin/$1"
}

# The compiler with library source: Debian's newer Rust. After it, `cargo` and `rustc` are the wrapped ones.
rust_now() {
  need gcc gcc --version; need libc6-dev test -e /usr/include/stdio.h
  unpack_closure rust rustc-web cargo-web rust-web-src rust-web-clippy
  for tool in rustc cargo rustdoc cargo-clippy clippy-driver; do wrap $tool rust usr/bin/$tool; done
}
rust() {
  [ "$(dpkg --print-architecture 2>/dev/null)" = amd64 ] || die "runs on Debian on x86-64 only"
  once rust rust_now
  export PATH=$cache/bin:$PATH RUSTC=$cache/bin/rustc RUSTDOC=$cache/bin/rustdoc
}

# pip_tool PACKAGE...: PyPI packages in a virtual environment of their own.
venv_now() { need python3-venv python3 -c 'import ensurepip'; python3 -m venv "$cache/venv"; }
pip_tool() {
  once venv venv_now
  local package
  for package in "$@"; do once "pip-$package" "$cache/venv/bin/pip" -q install "$package"; done
}

# zig: a C compiler and linker that carries every C library's headers.
zig() {
  pip_tool ziglang==0.17.1
  export ZIG_GLOBAL_CACHE_DIR=$cache/zig ZIG_LOCAL_CACHE_DIR=$cache/zig
  ZIG=$(echo "$cache"/venv/lib/python3*/site-packages/ziglang/zig); export ZIG
}

# core_for TARGET...: metadata of Rust's core library for each target, in the sysroot $cache/sysroot. A type-check needs no
# more, and it takes half the time of -Zbuild-std. MIR is kept so that check-abi can generate code against it.
core_now() {
  local t=$1 out=$cache/sysroot/lib/rustlib/$1/lib
  mkdir -p "$out"
  RUSTC_BOOTSTRAP=1 rustc --crate-name core --edition=2024 "$cache/deb/rust/usr/lib/rustlib/src/rust/library/core/src/lib.rs" \
    --crate-type lib --emit=metadata --target "$t" --cap-lints allow -Zforce-unstable-if-unmarked -Zalways-encode-mir \
    --out-dir "$out" &&
    echo '#![feature(compiler_builtins)] #![compiler_builtins] #![no_std]' |
    RUSTC_BOOTSTRAP=1 rustc --sysroot "$cache/sysroot" --crate-name compiler_builtins --edition=2021 - --crate-type lib \
      --emit=metadata --target "$t" -Zforce-unstable-if-unmarked --cap-lints allow --out-dir "$out"
}
core_for() {
  export -f core_now once die; export cache me
  printf '%s\n' "$@" | xargs -P "$(nproc)" -I{} bash -c 'once core-{} core_now {}'
}

# rows WAY [--all|TARGET...]: the lines of targets.txt that are to be checked in this WAY; without arguments those with `WAY!`.
rows() {
  local way=$1; shift
  awk -v way="$way" -v want=" $* " '
    /^#/ || !NF { next }
    { on = 0; split($3, ways, ","); for (i in ways) { if (ways[i] == way "!") on = 2; else if (ways[i] == way) on = 1 } }
    on && (want ~ /^ *$/ ? on == 2 : want == " --all " || index(want, " " $1 " "))' "$root/ci/targets.txt"
}

# zig_build ROWS: builds all tests and examples, with every feature, for the targets in the file ROWS. Writes what it built
# to ROWS.built, a line each: target, `test` or `example`, name, path.
zig_build() {
  rust; zig
  local target zigname var args=()
  while read -r target zigname _; do
    ln -sf "$root/ci/tools/zig-cc" "$cache/bin/zig-cc-$zigname"
    var=CARGO_TARGET_$(tr 'a-z.-' 'A-Z__' <<<"$target")
    export "${var}_LINKER=$cache/bin/zig-cc-$zigname"
    # zig brings musl and its start files itself.
    case $target in *-musl*) export "${var}_RUSTFLAGS=-Clink-self-contained=no -Clink-arg=-s" ;; esac
    args+=(--target "$target")
  done <"$1"
  (cd "$root" && RUSTC_BOOTSTRAP=1 CARGO_PROFILE_DEV_DEBUG=0 CARGO_PROFILE_DEV_STRIP=none cargo build -q --examples --test '*' \
    --all-features -Zbuild-std=std,panic_unwind -Zbuild-std-features=panic-unwind --target-dir "$cache/build" "${args[@]}" \
    --message-format=json-render-diagnostics) >"$1.json" || die "the build failed"
  python3 - "$1.json" <<'PY' >"$1.built"
import json, sys
for message in map(json.loads, open(sys.argv[1])):
    path = message.get("executable")
    if path:
        kind = "example" if "example" in message["target"]["kind"] else "test"
        print(path.split("/build/")[1].split("/")[0], kind, message["target"]["name"], path)
PY
}

# skips CONTEXT: what skips.txt says of it, as the tests' own SIGNAL_TEST_SKIP wants it.
skips() {
  local pattern name reason
  while read -r pattern name reason; do
    # shellcheck disable=SC2053
    case $pattern in '' | '#'*) ;; *) [[ $1 != $pattern ]] || printf '%s=%s;' "$name" "$reason" ;; esac
  done <"$root/ci/skips.txt"
}

# tally CONTEXT LOG PROGRAMS: adds up what the programs in LOG reported, and shows failures and skips. An example counts as
# one test; a program that ended badly without naming a failed test, or was never heard of, counts as one failure.
passed=0 failed=0 skipped=0
tally() {
  local p f s
  tr -d '\r' <"$2" >"$2.text"
  read -r p f s < <(awk -v programs="$3" '
    /^test result: / { p += $4; f += $6; s += $8; named = $6 }
    /^== (test|example) .* ended / { heard++; if ($NF != 0 && !named) f++; if ($2 == "example" && $NF == 0) p++; named = 0 }
    END { print p + 0, f + programs - heard, s + 0 }' "$2.text")
  echo "$1: $p passed, $f failed, $s skipped"
  sed -n 's/^test \(.*\) \.\.\. ignored,* */  skipped \1: /p' "$2.text"
  if [ "$f" != 0 ]; then
    grep -E 'FAILED|panicked|ended [^0]|Kernel panic' "$2.text" | head -n 40 || true
    echo "  whole log: $2"
  fi
  passed=$((passed + p)) failed=$((failed + f)) skipped=$((skipped + s))
}

# packaged INTO: the library as it is published, alone, in $cache/INTO. Whoever depends on it sees this, and no workspace.
packaged() {
  rust
  rm -rf "${cache:?}/$1"; mkdir -p "$cache/$1"
  (cd "$root" && cargo package -q -p posix-signal --no-verify --allow-dirty --exclude-lockfile --target-dir "$cache/package")
  tar -xf "$cache"/package/package/posix-signal-*.crate -C "$cache/$1" --strip-components=1
  # Without this cargo would look for a workspace in the folders above.
  printf '\n[workspace]\n' >>"$cache/$1/Cargo.toml"
}
