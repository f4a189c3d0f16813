# shellcheck shell=bash
# What every script of ci/ starts with: where things are, how it ends, how it tells what it found.
# Sourced, never run.

set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
cache=${SIGNAL_CI_CACHE:-$root/target/ci}
me=$(basename "$0")
mkdir -p "$cache/bin"
export SIGNAL_CI_CACHE=$cache

die() {
    echo "$me: $*" >&2
    exit 1
}

# need PACKAGE COMMAND...: installs the Debian package PACKAGE if COMMAND fails. For the few things
# that are better installed than unpacked. One script at a time: the steps of .ci/run overlap.
need() {
    local package=$1
    shift
    "$@" >/dev/null 2>&1 && return
    if [ "$(id -u)" != 0 ] || [ ! -e /etc/debian_version ]; then
        die "this needs $package: install it"
    fi
    (
        flock 9
        export DEBIAN_FRONTEND=noninteractive
        apt-get update -qq 9>&- && apt-get install -yqq --no-install-recommends "$package" 9>&-
    ) >/dev/null 9>"$cache/need.lock" || die "cannot install $package"
}

passed=0 failed=0 skipped=0

# fail TEXT: one thing is wrong; the script continues.
fail() {
    failed=$((failed + 1))
    echo "FAILED $*"
}

# summary TEXT: the last line of a script that counts, and the script's exit status.
summary() {
    echo "$me: $*, $failed failed"
    [ "$failed" = 0 ]
}

# skips CONTEXT: what skips.txt has for it, in the form of SIGNAL_TEST_SKIP, which the tests read.
skips() {
    local pattern name reason
    while read -r pattern name reason; do
        # shellcheck disable=SC2053 # a pattern is meant
        case $pattern in
        '' | '#'*) ;;
        *) [[ $1 != $pattern ]] || printf '%s=%s;' "$name" "$reason" ;;
        esac
    done <"$root/ci/skips.txt"
}

# tally CONTEXT LOG PROGRAMS: adds up what the programs in LOG reported, and shows failures and
# skips. An example counts as one test. A program that ended badly without naming a failed test, or
# never ended, counts as one failure.
tally() {
    local p f s
    tr -d '\r' <"$2" >"$2.text"
    read -r p f s < <(awk -v programs="$3" '
        /^test result: / { p += $4; f += $6; s += $8; named = $6 }
        /^== (test|example) .* ended / {
            ended++
            if ($NF != 0 && !named) f++
            if ($2 == "example" && $NF == 0) p++
            named = 0
        }
        END { print p + 0, f + programs - ended, s + 0 }' "$2.text")
    echo "$1: $p passed, $f failed, $s skipped"
    sed -n 's/^test \(.*\) \.\.\. ignored,* */  skipped \1: /p' "$2.text"
    grep '^UNSTEADY' "$2.text" || true
    if [ "$f" != 0 ]; then
        grep -E -A 1 'FAILED|panicked|ended [^0]|killed by|Kernel panic' "$2.text" | head -n 60 || true
        echo "  whole log: $2"
    fi
    passed=$((passed + p)) failed=$((failed + f)) skipped=$((skipped + s))
}
