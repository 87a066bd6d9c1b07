#!/usr/bin/env python3
"""Writes the goldens beside it: NAME/tokenizer.json, small tokenizers of the kinds checkpoints have, and
NAME/cases.jsonl, what the `tokenizers` library (0.23.3) makes of texts with them.

    python make_golden.py
"""
import json
import os
import random

from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, trainers

import texts

HERE = os.path.dirname(os.path.abspath(__file__))
CASES = 80
GPT2 = r"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+"
LLAMA3 = (r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*"
          r"|\s*[\r\n]+|\s+(?!\S)|\s+")
QWEN2 = LLAMA3.replace(r"\p{N}{1,3}", r"\p{N}")
O200K = (r"[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+(?i:'s|'t|'re|'ve|'m|'ll|'d)?"
         r"|[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*(?i:'s|'t|'re|'ve|'m|'ll|'d)?"
         r"|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+")
BYTES = pre_tokenizers.ByteLevel.alphabet()


def corpus():
    random_ = random.Random(3)
    return texts.SAMPLES * 20 + [texts.text(random_).replace("\0", "") for _ in range(500)]


def trained(kind, size, **options):
    model = {"wordpiece": models.WordPiece(unk_token="[UNK]"),
             "bytes": models.BPE(),
             "fallback": models.BPE(unk_token="<unk>", byte_fallback=True, fuse_unk=True),
             "words": models.BPE(unk_token="[UNK]", continuing_subword_prefix="##", end_of_word_suffix="</w>")}[kind]
    tokenizer = Tokenizer(model)
    if kind == "bytes":
        tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
        trainer = trainers.BpeTrainer(vocab_size=size, special_tokens=options["special"], initial_alphabet=BYTES, show_progress=False)
    elif kind == "wordpiece":
        tokenizer.normalizer = options.get("normalizer", normalizers.BertNormalizer())
        tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
        trainer = trainers.WordPieceTrainer(vocab_size=size, special_tokens=options["special"], limit_alphabet=150, show_progress=False)
    elif kind == "fallback":
        tokenizer.pre_tokenizer = pre_tokenizers.Metaspace()
        special = options["special"] + ["<0x%02X>" % i for i in range(256)]
        trainer = trainers.BpeTrainer(vocab_size=size, special_tokens=special, limit_alphabet=80, show_progress=False)
    else:
        tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
        trainer = trainers.BpeTrainer(vocab_size=size, special_tokens=options["special"], limit_alphabet=100, show_progress=False,
                                      continuing_subword_prefix="##", end_of_word_suffix="</w>")
    tokenizer.train_from_iterator(corpus(), trainer)
    return json.loads(tokenizer.to_str())["model"]


def added(content, special=True, **flags):
    token = {"id": 0, "content": content, "single_word": False, "lstrip": False, "rstrip": False, "normalized": not special,
             "special": special}
    token.update(flags)
    return token


def template(model, first, last, second=None):
    ids = model["vocab"]
    special = lambda name, kind: {"SpecialToken": {"id": name, "type_id": kind}}
    text = lambda name, kind: {"Sequence": {"id": name, "type_id": kind}}
    single = [special(first, 0)] if first else []
    single += [text("A", 0)] + ([special(last, 0)] if last else [])
    pair = single + ([special(second, 1)] if second else []) + [text("B", 1)] + ([special(last, 1)] if last else [])
    names = {name for name in (first, last, second) if name}
    return {"type": "TemplateProcessing", "single": single, "pair": pair,
            "special_tokens": {n: {"id": n, "ids": [ids[n]], "tokens": [n]} for n in sorted(names)}}


def bert(lowercase, strip, clean=True, chinese=True):
    return {"type": "BertNormalizer", "clean_text": clean, "handle_chinese_chars": chinese, "strip_accents": strip,
            "lowercase": lowercase}


def split(expression, behavior="Isolated", invert=False):
    return {"type": "Split", "pattern": {"Regex": expression}, "behavior": behavior, "invert": invert}


def byte_level(prefix=False, regex=True):
    return {"type": "ByteLevel", "add_prefix_space": prefix, "trim_offsets": True, "use_regex": regex}


def sequence(key, *parts):
    return {"type": "Sequence", key: list(parts)}


def tokenizers():
    specials = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
    piece = trained("wordpiece", 600, special=specials)
    cased = trained("wordpiece", 600, special=specials, normalizer=normalizers.BertNormalizer(lowercase=False))
    bytes_ = trained("bytes", 600, special=["<s>", "</s>", "<|im_start|>", "<|im_end|>"])
    fallback = trained("fallback", 600, special=["<unk>", "<s>", "</s>"])
    words = trained("words", 500, special=["[UNK]"])
    chat = [added("<s>"), added("</s>"), added("<|im_start|>"), added("<|im_end|>"), added("<tool>", False)]
    masks = [added(name) for name in specials]
    whole = dict(bytes_, ignore_merges=True, merges=[" ".join(m) for m in bytes_["merges"]])
    yield "bert_uncased", piece, masks, bert(True, None), {"type": "BertPreTokenizer"}, template(piece, "[CLS]", "[SEP]")
    yield "bert_cased", cased, masks, bert(False, False, chinese=False), {"type": "BertPreTokenizer"}, \
        {"type": "BertProcessing", "sep": ["[SEP]", 3], "cls": ["[CLS]", 2]}
    yield "wordpiece_plain", piece, [added("[MASK]", lstrip=True), added("Day", False, single_word=True), added("[UNK]", False)], \
        sequence("normalizers", {"type": "NFKC"}, {"type": "Strip", "strip_left": True, "strip_right": True}, {"type": "Lowercase"}), \
        sequence("pretokenizers", {"type": "Whitespace"}, {"type": "Punctuation", "behavior": "Contiguous"},
                 {"type": "Digits", "individual_digits": False}), None
    yield "gpt2", bytes_, chat, None, byte_level(), byte_level()
    yield "roberta", bytes_, chat[:2] + [added("<mask>", lstrip=True)], None, byte_level(prefix=True), \
        {"type": "RobertaProcessing", "sep": ["</s>", 1], "cls": ["<s>", 0], "trim_offsets": True, "add_prefix_space": True}
    yield "smol", bytes_, chat, None, sequence("pretokenizers", {"type": "Digits", "individual_digits": True}, byte_level()), None
    yield "llama3", whole, chat, None, sequence("pretokenizers", split(LLAMA3), byte_level(regex=False)), \
        sequence("processors", byte_level(), template(bytes_, "<s>", None, "<s>"))
    yield "qwen2", bytes_, chat, {"type": "NFC"}, sequence("pretokenizers", split(QWEN2), byte_level(regex=False)), byte_level()
    yield "o200k", bytes_, chat, None, sequence("pretokenizers", split(r"\p{N}{1,3}"), split(O200K, "Removed", True),
                                               byte_level(regex=False)), None
    yield "fallback_legacy", fallback, [added("<s>"), added("</s>"), added("<tool>", False)], \
        sequence("normalizers", {"type": "Prepend", "prepend": "▁"}, {"type": "Replace", "pattern": {"String": " "}, "content": "▁"}), \
        None, template(fallback, "<s>", None, "<s>")
    yield "fallback_first", fallback, [added("<s>"), added("</s>", rstrip=True)], \
        sequence("normalizers", {"type": "NFKD"}, {"type": "StripAccents"}, {"type": "Replace", "pattern": {"Regex": r"\s{2,}"}, "content": " "}), \
        {"type": "Metaspace", "replacement": "▁", "prepend_scheme": "first", "split": True}, template(fallback, "<s>", "</s>", "</s>")
    yield "bpe_words", words, [added("[UNK]")], {"type": "NFD"}, \
        sequence("pretokenizers", {"type": "WhitespaceSplit"}, split(r"\d+|\p{P}", "MergedWithPrevious"), split("[a-e]", "MergedWithNext")), None


def encode(tokenizer, case):
    tokenizer.no_truncation()
    before = len(tokenizer.encode(case["text"], case.get("pair"), add_special_tokens=case["special"]).ids)
    if case.get("max"):
        tokenizer.enable_truncation(case["max"], strategy=case["strategy"], direction="left" if case["left"] else "right")
    try:
        encoding = tokenizer.encode(case["text"], case.get("pair"), add_special_tokens=case["special"])
        case.update(before=before, ids=encoding.ids, types=encoding.type_ids)
    except Exception:  # a strategy that cannot cut enough
        case["fails"] = True


def main():
    for name, model, tokens, normalizer, pre, post in tokenizers():
        document = {"version": "1.0", "truncation": None, "padding": None, "added_tokens": tokens, "normalizer": normalizer,
                    "pre_tokenizer": pre, "post_processor": post, "decoder": None, "model": model}
        body = json.dumps(document, ensure_ascii=False, separators=(",", ":"))
        os.makedirs(os.path.join(HERE, name), exist_ok=True)
        with open(os.path.join(HERE, name, "tokenizer.json"), "w", encoding="utf-8") as file:
            file.write(body + "\n")
        tokenizer, random_ = Tokenizer.from_str(body), random.Random(name)
        with open(os.path.join(HERE, name, "cases.jsonl"), "w", encoding="utf-8") as file:
            for i in range(len(texts.FIXED) + CASES):
                case = {"text": texts.FIXED[i] if i < len(texts.FIXED) else texts.text(random_), "special": random_.random() < 0.7}
                if random_.random() < 0.3:
                    case["pair"] = random_.choice(["", texts.text(random_)])
                if random_.random() < 0.35:
                    case.update(max=random_.randrange(5, 40), left=random_.random() < 0.3,
                                strategy=random_.choice(["longest_first", "longest_first", "only_first", "only_second"]))
                encode(tokenizer, case)
                file.write(json.dumps(case, ensure_ascii=False, separators=(",", ":")) + "\n")


if __name__ == "__main__":
    main()
