# shellcheck shell=bash
# Packages for the scripts of ci/: from the registries that the machine is set up for (Debian,
# PyPI), unpacked below $cache, so that the system stays as it was. Sourced, never run.

. "$(dirname "${BASH_SOURCE[0]}")/report.sh"

# once NAME COMMAND...: runs COMMAND unless it has succeeded before. A lock makes a second script
# wait for the first.
once() {
    local stamp=$cache/stamps/$1
    shift
    mkdir -p "$cache/stamps"
    [ ! -e "$stamp" ] || return 0
    exec 9>"$stamp.lock"
    flock 9
    if [ ! -e "$stamp" ]; then
        "$@" 9>&- || die "failed: $*"
        touch "$stamp"
    fi
    exec 9>&-
}

# apt_for SUITE ARCH get|cache ARGS...: apt with its own lists, for another suite or processor.
apt_for() {
    local arch=$2 tool=$3 dir=$cache/apt/$1-$2
    shift 3
    "apt-$tool" -qq -o Dir::Etc::sourcelist="$dir/sources.list" -o Dir::Etc::sourceparts=/dev/null \
        -o Dir::Etc::preferencesparts=/dev/null -o Dir::State::lists="$dir/lists" \
        -o Dir::State::status=/dev/null -o Dir::Cache="$dir/cache" -o Debug::NoLocking=1 \
        -o APT::Architecture="$arch" -o APT::Architectures="$arch" -o APT::Sandbox::User=root \
        -o APT::Get::List-Cleanup=0 -o Acquire::Retries=3 -o Acquire::Languages=none "$@"
}

# The addresses that this machine's own apt uses. They are known only after a first update.
mirrors() {
    # shellcheck disable=SC2016 # apt's own variable
    local found list=(apt-get indextargets --format '$(REPO_URI)' 'Created-By: Packages')
    found=$("${list[@]}")
    if [ -z "$found" ]; then
        apt-get update -qq
        found=$("${list[@]}")
    fi
    echo "$found"
}

apt_lists() {
    local dir=$cache/apt/$1-$2 known mirror suites=$1 suite
    known=$(mirrors)
    mirror=$(grep -m1 '/debian/*$' <<<"$known") || die "this machine's apt has no Debian mirror"
    mkdir -p "$dir/lists/partial" "$dir/cache/archives/partial"
    [ "$1" != bookworm ] || suites="bookworm bookworm-updates bookworm-backports"
    {
        for suite in $suites; do echo "$mirror $suite"; done
        # The newer Rust compiler is a security update. That index exists for this processor only.
        if [ "$1/$2" = bookworm/amd64 ]; then
            grep -m1 '/debian-security/*$' <<<"$known" | sed 's/$/ bookworm-security/' || true
        fi
    } | sed 's|.*|deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] & main|' \
        >"$dir/sources.list"
    apt_for "$1" "$2" get update
}

# unpack INTO SUITE ARCH PACKAGE[=VERSION|/SUITE]...: Debian packages into $cache/deb/INTO.
unpack() { once "deb-$1" unpack_now "$@"; }
unpack_now() {
    local suite=$2 arch=$3 dir=$cache/deb/$1 deb
    shift 3
    once "apt-$suite-$arch" apt_lists "$suite" "$arch"
    rm -rf "$dir"
    mkdir -p "$dir/.deb"
    (cd "$dir/.deb" && apt_for "$suite" "$arch" get download "$@") || return 1
    for deb in "$dir"/.deb/*.deb; do dpkg -x "$deb" "$dir" || return 1; done
    rm -rf "$dir/.deb"
}

# unpack_closure INTO PACKAGE...: programs for this machine, with every package that they need and
# the machine lacks. Compilers and their libraries always count as lacking: they must be one set.
unpack_closure() { once "deb-$1" unpack_closure_now "$@"; }
unpack_closure_now() {
    local into=$1 packages
    shift
    once apt-bookworm-amd64 apt_lists bookworm amd64
    packages=$(apt_for bookworm amd64 get install --print-uris -y --no-install-recommends "$@" |
        sed -n "s/^'[^']*' \([^_ ]*\)_\([^_ ]*\)_.*/\1=\2/p" | sed 's/%3a/:/' | lacking) || return 1
    # shellcheck disable=SC2086 # words are meant
    unpack_now "$into" bookworm amd64 $packages
}
installed() {
    # shellcheck disable=SC2016 # dpkg's own variable
    dpkg-query -W -f '${Status}' "$1" 2>/dev/null | grep -q 'ok installed'
}
lacking() {
    local name version
    while IFS='=' read -r name version; do
        case $name in
        *rust* | cargo* | *llvm*) ;;
        *) ! installed "$name" || continue ;;
        esac
        echo "$name=$version"
    done
}

# wrap NAME DEB PATH: an executable $cache/bin/NAME for a program in $cache/deb/DEB, which makes it
# find its own libraries.
wrap() {
    local deb=$cache/deb/$2
    cat >"$cache/bin/$1" <<WRAP
#!/bin/sh
export LD_LIBRARY_PATH="$deb/usr/lib/x86_64-linux-gnu:$deb/lib/x86_64-linux-gnu"
exec "$deb/$3" "\$@"
WRAP
    chmod +x "$cache/bin/$1"
}

# pip_tool PACKAGE...: PyPI packages in a virtual environment, $cache/venv.
pip_tool() {
    local package
    once venv venv_now
    for package in "$@"; do once "pip-$package" pip_now "$package"; done
}
venv_now() {
    need python3-venv python3 -c 'import ensurepip'
    python3 -m venv "$cache/venv"
}
pip_now() { (flock 9 && "$cache/venv/bin/pip" -q install "$1" 9>&-) 9>"$cache/pip.lock"; }
