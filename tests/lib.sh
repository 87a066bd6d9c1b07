# Sourced by test scripts: a temporary folder, processes that end with the test, waiting for
# conditions instead of sleeping, and comparing two reports.
set -eu
: "${LT_BIN:=$(cd "$(dirname "$0")/../../build/release/bin" && pwd)}"
: "${LT_SOURCE:=$(cd "$(dirname "$0")/../.." && pwd)}"
JOB=$LT_SOURCE/examples/xstest/job.yaml
TMP=$(mktemp -d "${TMPDIR:-/tmp}/lt-test-XXXXXX")
PIDS=
export LEFTTAIL_TEST_SLOW_MS=${LEFTTAIL_TEST_SLOW_MS-}
unset LEFTTAIL_COORDINATOR LEFTTAIL_CONFIG LEFTTAIL_KEYS 2>/dev/null || :

at_exit() { :; } # a test may have more to undo

cleanup() {
    status=$?
    set +e
    for pid in $PIDS; do kill -KILL "$pid" 2>/dev/null || :; done
    if [ "$status" -ne 0 ] && [ "$status" -ne 77 ]; then
        for log in "$TMP"/*.log; do
            [ -s "$log" ] && echo "--- $log" && tail -n 25 "$log"
        done
    fi
    at_exit
    rm -rf "$TMP"
    exit "$status"
}
trap cleanup EXIT
trap 'exit 130' INT TERM

skip() { echo "skipped: $*"; exit 77; }
fail() { echo "FAILED: $*"; exit 1; }

# start NAME COMMAND...: in the background, standard error to NAME.log; its pid is in $pid
start() {
    name=$1
    shift
    "$@" >>"$TMP/$name.out" 2>>"$TMP/$name.log" &
    pid=$!
    PIDS="$PIDS $pid"
}

# wait_for SECONDS COMMAND...: until it succeeds
wait_for() {
    tries=$(($1 * 10))
    shift
    while ! "$@" >/dev/null 2>&1; do
        tries=$((tries - 1))
        [ "$tries" -gt 0 ] || fail "waited in vain for: $*"
        sleep 0.1
    done
}

# same_report A B [WITHOUT]: rows.jsonl and cells.csv byte for byte, report.json but for its times (and
# for WITHOUT, more jq paths: a job cut into other packs is another job by id)
same_report() {
    cmp "$1/rows.jsonl" "$2/rows.jsonl" || fail "rows.jsonl differs"
    cmp "$1/cells.csv" "$2/cells.csv" || fail "cells.csv differs"
    for dir in "$1" "$2"; do jq -S "del(.made${3:+, $3})" "$dir/report.json" >"$dir/report.timeless.json"; done
    cmp "$1/report.timeless.json" "$2/report.timeless.json" || fail "report.json differs"
}

# rows_done JOB-ID: recorded rows of a job on $LEFTTAIL_COORDINATOR
rows_done() { "$LT_BIN/lefttail" status "$1" --json | jq '[.jobs[]? // .] | .[0] | (.rows_scored + .rows_failed)'; }
more_rows_than() { [ "$(rows_done "$1")" -gt "$2" ]; }

# children PID: its child processes
children() { cat "/proc/$1/task/$1/children" 2>/dev/null || :; }
