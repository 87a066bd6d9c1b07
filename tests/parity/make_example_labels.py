#!/usr/bin/env python3
"""Golden for the example job: what transformers gives with its three checkpoints.

    python tests/parity/make_example_labels.py > tests/parity/expected/example.csv

Needs torch and transformers (made with transformers 5.23.0, float32 weights, eager attention, one
text at a time). One line per (variant, prompt id, scorer): the arg-max label of the classifier or
the raw score of a reward model.
"""
import csv
import pathlib
import sys

import torch
from tokenizers import Tokenizer
from transformers import AutoModelForSequenceClassification

EXAMPLE = pathlib.Path(__file__).resolve().parents[2] / "examples" / "xstest"
VARIANTS = ("gpt4", "llama2orig", "mistralinstruct")


def load(name):
    folder = EXAMPLE / "models" / name
    tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
    tokenizer.enable_truncation(512)
    model = AutoModelForSequenceClassification.from_pretrained(
        folder, dtype=torch.float32, attn_implementation="eager").eval()
    return tokenizer, model


def logits(scorer, *texts):
    tokenizer, model = scorer
    encoding = tokenizer.encode(*texts)
    with torch.no_grad():
        out = model(input_ids=torch.tensor([encoding.ids]),
                    token_type_ids=torch.tensor([encoding.type_ids]))
    return out.logits[0]


def main():
    refusal, safety, helpful = load("refusal"), load("safety-rm"), load("helpful-rm")
    out = csv.writer(sys.stdout, lineterminator="\n")
    out.writerow(("variant", "prompt_id", "scorer", "value"))
    for variant in VARIANTS:
        path = EXAMPLE / "data" / f"xstest_v2_completions_{variant}.csv"
        with open(path, newline="", encoding="utf-8") as table:
            for row in csv.DictReader(table):
                names = refusal[1].config.id2label
                label = names[int(logits(refusal, row["completion"]).argmax())]
                out.writerow((variant, row["id"], "refusal", label))
                unsafe = row["type"].startswith("contrast_")
                name, scorer = ("safety-rm", safety) if unsafe else ("helpful-rm", helpful)
                score = float(logits(scorer, row["prompt"], row["completion"])[0])
                out.writerow((variant, row["id"], name, repr(score)))


if __name__ == "__main__":
    main()
