#!/usr/bin/env python3
"""Writes worker/engine/tokenizer/unicode_tables.c: what the `tokenizers` library (0.23.3) takes every
code point for. The library mixes crates of several Unicode versions, so each property is asked of
the library itself, for all code points, and stored as the general categories of Unicode 16 with
the differences of each property from them. Normal forms and lower case are stored as differences
from utf8proc (Unicode 15), whose values a small C program prints.

    python make_unicode.py > ../../../worker/engine/tokenizer/unicode_tables.c
"""
import subprocess
import sys
import tempfile

from tokenizers import Regex, normalizers as N, pre_tokenizers as P

CATEGORIES = ("Cn Lu Ll Lt Lm Lo Mn Mc Me Nd Nl No Pc Pd Ps Pe Pi Pf Po Sm Sc Sk So Zs Zl Zp "
              "Cc Cf Co").split()
ALTERNATING = len(CATEGORIES)  # Lu, Ll, Lu, Ll, ... from an upper-case letter on
CHARS = [c for c in range(0x110000) if not 0xD800 <= c <= 0xDFFF]

UTF8PROC = r"""
#include <stdio.h>
#include <utf8proc.h>
int main(void)
{
    for (int c = 0; c < 0x110000; c++) {
        if (c >= 0xd800 && c < 0xe000)
            continue;
        int canonical[32], compatible[32], bound = 0;
        int n = utf8proc_decompose_char(c, canonical, 32, UTF8PROC_DECOMPOSE, &bound);
        bound = 0;
        int k = utf8proc_decompose_char(c, compatible, 32, UTF8PROC_DECOMPOSE | UTF8PROC_COMPAT, &bound);
        printf("%d %d %d ;", c, utf8proc_get_property(c)->combining_class, utf8proc_tolower(c));
        for (int i = 0; i < n; i++) printf(" %d", canonical[i]);
        printf(" ;");
        for (int i = 0; i < k; i++) printf(" %d", compatible[i]);
        printf("\n");
    }
}
"""

PCRE2 = r"""
#define PCRE2_CODE_UNIT_WIDTH 32
#include <pcre2.h>
#include <stdio.h>
int main(void)
{
    int error;
    PCRE2_SIZE at;
    PCRE2_UCHAR32 pattern[] = {'\\', 'P', '{', 'C', 'n', '}', 0};
    pcre2_code *code = pcre2_compile(pattern, PCRE2_ZERO_TERMINATED, PCRE2_UTF, &error, &at, NULL);
    pcre2_match_data *match = pcre2_match_data_create(1, NULL);
    for (PCRE2_UCHAR32 c = 0; c < 0x110000; c++)
        if ((c < 0xd800 || c > 0xdfff) && pcre2_match(code, &c, 1, 0, 0, match, NULL) > 0)
            printf("%d\n", (int)c);
}
"""


def ranges(chars):
    found = []
    for c in sorted(chars):
        if found and found[-1][1] == c - 1:
            found[-1][1] = c
        else:
            found.append([c, c])
    return found


def isolated(pre_tokenizer):
    return {c for c in CHARS if len(pre_tokenizer.pre_tokenize_str("a" + chr(c) + "b")) > 1}


def matched(expression):
    removed = P.Split(Regex(expression), "removed")
    return {c for c in CHARS if not removed.pre_tokenize_str(chr(c))}


def dropped(normalizer):
    return {c for c in CHARS if normalizer.normalize_str("a" + chr(c) + "b") == "ab"}


def run_c(source, library):
    with tempfile.TemporaryDirectory() as folder:
        with open(folder + "/a.c", "w") as file:
            file.write(source)
        subprocess.check_call(["cc", "-w", "-o", folder + "/a", folder + "/a.c", library])
        return subprocess.check_output([folder + "/a"], text=True).splitlines()


def utf8proc():
    table = {}
    for line in run_c(UTF8PROC, "-lutf8proc"):
        head, canonical, compatible = line.split(";")
        c, combining, lower = map(int, head.split())
        text = lambda words: "".join(chr(int(w)) for w in words.split())
        table[c] = (combining, chr(lower), text(canonical), text(compatible))
    return table


def categories():
    found = ["Cn"] * 0x110000
    for name in CATEGORIES[1:]:
        for c in matched(r"\p{%s}" % name):
            found[c] = name
    return found


def runs(category):
    found, c = [], 0
    while c < 0x110000:
        end = c
        while end < 0x110000 and category[end] == ("Lu", "Ll")[(end - c) & 1]:
            end += 1
        if end - c >= 4:
            found.append((c, ALTERNATING))
        else:
            end = c
            while end < 0x110000 and category[end] == category[c]:
                end += 1
            if category[c] in ("Lu", "Ll") and end - c > 1 and end < 0x110000 - 4 and \
                    category[c] == "Lu" and category[end] == "Ll" and category[end + 1] == "Lu":
                end -= 1
            found.append((c, CATEGORIES.index(category[c])))
        c = end
    return found


def print_words(name, values, kind="uint32_t"):
    print(f"const {kind} {name}[] = {{")
    per_line = 8 if kind == "uint32_t" else 5
    for i in range(0, len(values), per_line):
        print("    " + ", ".join(values[i:i + per_line]) + ",")
    print("};")
    print(f"const size_t {name}_count =\n    sizeof({name}) / sizeof({name}[0]);\n")


def print_ranges(name, chars):
    packed = []
    for first, last in ranges(chars):
        while last - first >= 2048:
            packed.append(f"0x{first << 11 | 2047:08x}")
            first += 2048
        packed.append(f"0x{first << 11 | last - first:08x}")
    print_words(name, packed or ["0xffffffff"])


def print_delta(name, chars, base):
    print_ranges(name + "_add", chars - base)
    print_ranges(name + "_sub", base - chars)


def mark_order(table):
    """Code points that utf8proc orders as marks and the library takes for starters."""
    nfd = N.NFD()
    return {c for c in CHARS if table[c][0] and table[c][2] == chr(c)
            and nfd.normalize_str("a" + chr(c) + "\u0334b") != (
                "a\u0334" + chr(c) + "b" if table[c][0] > 1 else "a" + chr(c) + "\u0334b")}


def main():
    category = categories()
    of = lambda *names: {c for c in CHARS if category[c] in names or category[c][0] in names}
    table = utf8proc()
    print("/* Made by tests/parity/tokenizer/make_unicode.py: do not edit. See unicode_tables.h. */")
    print('#include "worker/engine/tokenizer/unicode_tables.h"\n')
    print_words("lt_unicode_runs", [f"0x{c << 8 | k:08x}" for c, k in runs(category)])
    clean = N.BertNormalizer(clean_text=True, handle_chinese_chars=False, strip_accents=False, lowercase=False)
    accents = N.BertNormalizer(clean_text=False, handle_chinese_chars=False, strip_accents=True, lowercase=False)
    print_delta("lt_unicode_white", isolated(P.WhitespaceSplit()), of("Z"))
    print_delta("lt_unicode_numeric", isolated(P.Digits(individual_digits=True)), of("N"))
    print_delta("lt_unicode_punctuation", isolated(P.Punctuation()), of("P"))
    print_delta("lt_unicode_bert_drop", dropped(clean), of("Cc", "Cf", "Co"))
    print_delta("lt_unicode_nonspacing", dropped(accents), of("Mn"))
    print_delta("lt_unicode_combining", dropped(N.StripAccents()), of("M"))
    words = of("L", "M", "Nd", "Nl", "Pc")
    rust = {c for c in CHARS if len(P.Whitespace().pre_tokenize_str("a" + chr(c) + "b")) == 1}
    print_delta("lt_unicode_word_rust", rust, words)
    print_delta("lt_unicode_word_onig", matched(r"\w"), words)
    print_ranges("lt_unicode_han", matched(r"\p{Han}"))
    known = set(map(int, run_c(PCRE2, "-lpcre2-32")))
    print_ranges("lt_unicode_not_pcre2", {c for c in CHARS if category[c] != "Cn"} - known)
    assert matched(r"\s") == isolated(P.WhitespaceSplit())
    nfd, nfkd, lower = N.NFD(), N.NFKD(), N.Lowercase()
    print_ranges("lt_unicode_not_canonical", {c for c in CHARS if nfd.normalize_str(chr(c)) != table[c][2]})
    print_ranges("lt_unicode_not_compatible", {c for c in CHARS if nfkd.normalize_str(chr(c)) != table[c][3]})
    print_ranges("lt_unicode_not_mark", mark_order(table))
    changed = [(c, lower.normalize_str(chr(c))) for c in CHARS]
    changed = [(c, text) for c, text in changed if text != table[c][1] and c != 0x130]
    assert all(len(text) == 1 for c, text in changed)
    print_words("lt_unicode_lower", [f"0x{ord(text):05x}{c:08x}" for c, text in changed], "uint64_t")


if __name__ == "__main__":
    sys.exit(main())
