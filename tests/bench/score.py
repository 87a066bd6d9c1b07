#!/usr/bin/env python3
"""Speed of `lefttail score` beside transformers, by hand:

    LT_REFERENCE_PYTHON=/path/to/venv/bin/python python3 tests/bench/score.py \
        [--lefttail build/release/bin/lefttail] [--checkpoint examples/xstest/models/refusal] [--rounds 5]

The venv needs torch and transformers. Texts are the answers of the example (XSTest, three chat models,
equal ones once). Both programs run in processes that are warm; a round lets each score all texts, from
text to logits, one after the other, so that a busy machine slows all of them. transformers gets batches
sorted by length, of the size that was fastest in a first pass. Tokens are counted without padding.
Cold start is from the start of the process to the first score. Without LT_REFERENCE_PYTHON
lefttail runs alone."""
import argparse
import csv
import glob
import json
import os
import pathlib
import statistics
import subprocess
import sys
import threading
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
BATCH_SIZES = (4, 8, 16, 32, 64)
MAX_LENGTH = 512


def example_texts():
    texts = {}
    for path in sorted(glob.glob(str(ROOT / "examples/xstest/data/*completions*.csv"))):
        with open(path, newline="", encoding="utf-8") as file:
            for row in csv.DictReader(file):
                texts[row["completion"]] = None
    return list(texts)


def cpu_seconds(process):
    with open(f"/proc/{process.pid}/stat", encoding="ascii") as file:
        fields = file.read().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


class Lefttail:
    """One running `lefttail score`: a pass writes all lines and reads all answers."""

    def __init__(self, args, precision):
        self.process = subprocess.Popen(
            [args.lefttail, "score", "--checkpoint", args.checkpoint, "--precision", precision,
             "--threads", str(args.threads)], stdin=subprocess.PIPE, stdout=subprocess.PIPE)

    def run(self, texts):
        data = "".join(json.dumps({"text": t}) + "\n" for t in texts).encode()
        begin = time.perf_counter()
        writer = threading.Thread(target=self.write, args=(data,))
        writer.start()
        lines = [self.process.stdout.readline() for _ in texts]
        seconds = time.perf_counter() - begin
        writer.join()
        rows = [json.loads(line) for line in lines]
        return seconds, [row["logits"] for row in rows], sum(row["tokens"] for row in rows)

    def write(self, data):
        self.process.stdin.write(data)
        self.process.stdin.flush()

    def close(self):
        self.process.stdin.close()
        self.process.wait()


class Reference:
    """This script in the reference environment, spoken to in JSON lines."""

    def __init__(self, args, precision):
        self.process = subprocess.Popen(
            [os.environ["LT_REFERENCE_PYTHON"], __file__, "--serve", precision, "--checkpoint", args.checkpoint,
             "--threads", str(args.threads)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.batch = 16

    def ask(self, **request):
        self.process.stdin.write(json.dumps(request) + "\n")
        self.process.stdin.flush()
        return json.loads(self.process.stdout.readline())

    def choose_batch(self, texts):
        self.ask(texts=texts[:64], batch=16)
        seconds = {size: self.ask(texts=texts, batch=size)["seconds"] for size in BATCH_SIZES}
        self.batch = min(seconds, key=seconds.get)

    def run(self, texts):
        answer = self.ask(texts=texts, batch=self.batch)
        return answer["seconds"], answer["logits"], None

    def close(self):
        self.process.stdin.close()
        self.process.wait()


def serve(args):
    """Runs in the reference environment."""
    import torch
    import transformers
    transformers.logging.set_verbosity_error()
    transformers.logging.disable_progress_bar()
    torch.set_num_threads(args.threads)
    dtype = {"f32": torch.float32, "bf16": torch.bfloat16}[args.serve]
    tokenizer = transformers.AutoTokenizer.from_pretrained(args.checkpoint)
    model = transformers.AutoModelForSequenceClassification.from_pretrained(args.checkpoint, dtype=dtype).eval()
    for line in sys.stdin:
        request = json.loads(line)
        texts, size = request["texts"], request["batch"]
        begin = time.perf_counter()
        with torch.inference_mode():
            ids = tokenizer(texts, truncation=True, max_length=MAX_LENGTH)["input_ids"]
            order = sorted(range(len(texts)), key=lambda i: len(ids[i]))
            logits = [None] * len(texts)
            for at in range(0, len(order), size):
                rows = order[at:at + size]
                batch = tokenizer.pad({"input_ids": [ids[i] for i in rows]}, return_tensors="pt")
                for i, row in zip(rows, model(**batch).logits.float().tolist()):
                    logits[i] = row
        print(json.dumps({"seconds": time.perf_counter() - begin, "logits": logits}), flush=True)


def cold_start(make, args, precision, text):
    begin = time.perf_counter()
    program = make(args, precision)
    program.run([text])
    seconds = time.perf_counter() - begin
    program.close()
    return seconds


def measure(programs, texts, rounds):
    seconds, cpu, logits, tokens = {name: [] for name in programs}, {name: [] for name in programs}, {}, 0
    for name, program in programs.items():
        if isinstance(program, Reference):
            program.choose_batch(texts)
        else:
            program.run(texts)
    for _ in range(rounds):
        for name, program in programs.items():
            before = cpu_seconds(program.process)
            took, logits[name], counted = program.run(texts)
            seconds[name].append(took)
            cpu[name].append(cpu_seconds(program.process) - before)
            tokens = counted or tokens
    return seconds, cpu, logits, tokens


def report(programs, seconds, cpu, logits, tokens, texts, cold):
    print(f"{len(texts)} texts, {tokens} tokens; median of {len(next(iter(seconds.values())))} rounds (fastest)")
    base = logits.get("transformers f32", logits["lefttail f32"])
    for name, program in programs.items():
        middle, best = statistics.median(seconds[name]), min(seconds[name])
        off = max(abs(a - b) for x, y in zip(logits[name], base) for a, b in zip(x, y))
        batch = f", batches of {program.batch}" if isinstance(program, Reference) else ""
        print(f"{name:18} {len(texts) / middle:7.0f} rows/s ({len(texts) / best:.0f})  {tokens / middle:8.0f} tokens/s "
              f"({tokens / best:.0f})  {tokens / min(cpu[name]):8.0f} tokens/CPU-s  cold start {cold[name]:6.2f} s  "
              f"largest difference {off:.2g}{batch}")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--lefttail", default=str(ROOT / "build/release/bin/lefttail"))
    parser.add_argument("--checkpoint", default=str(ROOT / "examples/xstest/models/refusal"))
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--threads", type=int, default=len(os.sched_getaffinity(0)))
    parser.add_argument("--texts", type=int, default=0, help="only the first N")
    parser.add_argument("--serve", help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.serve:
        serve(args)
        return
    texts = example_texts()
    texts = texts[:args.texts] if args.texts else texts
    kinds = {"lefttail": Lefttail}
    if os.environ.get("LT_REFERENCE_PYTHON"):
        kinds["transformers"] = Reference
    cold, programs = {}, {}
    for precision in ("bf16", "f32"):
        for kind, make in kinds.items():
            name = f"{kind} {precision}"
            cold[name] = min(cold_start(make, args, precision, texts[0]) for _ in range(2))
            programs[name] = make(args, precision)
    seconds, cpu, logits, tokens = measure(programs, texts, args.rounds)
    report(programs, seconds, cpu, logits, tokens, texts, cold)
    for program in programs.values():
        program.close()


main()
