# Sourced: small_job N leaves every N-th prompt of the example, with the same checkpoints, in $JOB.
small_job() {
    command -v jq >/dev/null || skip "jq is not here"
    command -v python3 >/dev/null || skip "python3 is not here"
    mkdir -p "$TMP/job/data"
    python3 - "$LT_SOURCE/examples/xstest/data" "$TMP/job/data" "$1" <<'PYTHON'
import csv, glob, os, sys
source, folder, step = sys.argv[1:]
for path in glob.glob(f"{source}/*completions*.csv"):
    with open(path, newline="", encoding="utf-8") as f:
        table = list(csv.reader(f))
    with open(f"{folder}/{os.path.basename(path)}", "w", newline="", encoding="utf-8") as f:
        csv.writer(f).writerows([table[0]] + table[1::int(step)])
PYTHON
    ln -s "$LT_SOURCE/examples/xstest/models" "$TMP/job/"
    cp "$JOB" "$TMP/job/job.yaml"
    JOB=$TMP/job/job.yaml
}
