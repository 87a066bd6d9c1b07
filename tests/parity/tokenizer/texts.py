"""Texts that tokenizers stumble over, from a seed: many scripts, emoji with joiners, marks in any order,
control characters, runs, contractions, special tokens spelled out, code points of new Unicode versions."""
import random

SAMPLES = [
    "The recipe asks for two cups of flour, a pinch of salt and 250 ml of milk.",
    "I'm sorry, but I can't help with that; we'll try something else, won't we?",
    "def main():\n    for i in range(10):\n\t\tprint(f\"{i:>3}\")\n\n    return None\n",
    "Größe, naïveté, façade, Ångström, Ærøskøbing, İstanbul, ΣΊΣΥΦΟΣ, Привет",
    "東京は日本の首都です。您好，世界！안녕하세요 세계 مرحبا بالعالم नमस्ते दुनिया สวัสดีชาวโลก",
    "1,234,567.89 + 0x1F = 3/4 or 50 % of 2026-01-31, see https://example.org/a?b=c#d",
    "Wait... what?! (no -- really) \"quoted\" 'single' [brackets] {braces} <tags> & more",
]

POOLS = [
    [chr(c) for c in range(0x20, 0x7F)],
    list("abcdefghijklmnopqrstuvwxyz") * 3 + [" "] * 20,
    list("ABCDEFGHIJKLMNOPQRSTUVWXYZ"),
    list("0123456789²½Ⅷ٣४〇𝟘１"),
    list("àáâãäåæçèéêëíñóôõöøúüýþÿßŒœŠšŽžƒİıſǅŁłẞΑΒΓΣςσάέΰЀЙйё"),
    [chr(c) for c in range(0x300, 0x370)] + list("\u0345\u05b0\u05bc\u0651\u064b\u093c\u094d\u0e38\u0f71"
        "\u302a\u302e\u3099\u0898\u07fd\u1734\u1cf2") + ["\U0001d165", "\U0001d16d"],
    list("漢字日本語中文您可以使用命令豈更車㐀鿿𠀀𪛖丽ｶﾞ㍿㌔"),
    list("ひらがなカタカナガギ゛"),
    list("안녕하세요세계뷁힣") + [chr(c) for c in range(0x1100, 0x1108)] + [chr(c) for c in range(0x1161, 0x1169)],
    list("العربيةمرحبا،؟ـאבגשלוםפ"),
    list("नमस्तेक्षत्रবাংলাதமிழ்ไทยภาษาລາວខ្មែរမြန်མာབོད"),
    ["👨‍👩‍👧‍👦", "👍🏽", "🇫🇷", "😀", "❤️", "🏳️‍🌈", "1️⃣", "\u200d", "\ufe0f"],
    [chr(c) for c in range(0x20)] + list("\x7f\x80\x85\x9f\xad\u200b\u200e\u202e\u2060\ufeff\ufffd\ufffe\ue000"
        "\u0378\U000e0001\U000f0000\U0010ffff"),
    [" ", "  ", "\t", "\n", "\r", "\r\n", "\n\n", "\u00a0", "\u1680", "\u180e", "\u2003", "\u2028", "\u202f", "\u3000", "\x0b"],
    list("!?.,;:'\"()[]{}<>-–—…«»‘’“”¿¡§•·。、！？「」_#@$%^&*+=|~`\\/€£©™±×÷≤∑→"),
    ["'s", "'t", "'re", "'ve", "'m", "'ll", "'d", "'S", "'LL", "'ſ", "don't", "I'VE"],
    ["<|im_start|>", "<|im_end|>", "[CLS]", "[SEP]", "[UNK]", "[MASK]", "<s>", "</s>", " <mask> ", "<tool>", "Day", "day",
     "##ing", "▁", "<0x41>"],
    ["\U00010d50", "\U00010d65", "\ua7cb", "\u1c89", "\U00011938", "\U00016ea0", "\U0001e030", "\u32ff",
     "\U0001ccf0", "\U00031350", "\ua7f2", "\U0001fbf0"],
]

FIXED = ["", " ", "\n", "a", "\x00", "a\x00b", "\r\n\r\n", "     x", "x     ", "é", "e\u0301", "\u0301", "'", "''s", " 's", "'s's",
         "\u00a0\u00a0a", "1234567", "12 34", " 1", "  1", "a1b22c333", "A" * 99, "b" * 101, "ab" * 300, "é" * 150, " " * 70,
         "\n" * 40, "漢" * 40, "😀" * 20, "." * 50, "\u200d" * 5, "<s><s>", " <s> ", "<|im_end|>\n", "[MASK][MASK]"]


def text(random_, longest=40):
    if random_.random() < 0.04:
        return random_.choice(["a", "é", "漢", " ", "\n", "1", "'", "😀"]) * random_.randrange(1, 200)
    if random_.random() < 0.15:
        sample = random_.choice(SAMPLES)
        start = random_.randrange(len(sample))
        return sample[start:start + random_.randrange(1, 80)]
    pieces, pools = [], random_.sample(range(len(POOLS)), random_.randrange(1, 5))
    for _ in range(random_.randrange(1, longest)):
        pool = POOLS[random_.choice(pools)] if random_.random() < 0.85 else random_.choice(POOLS)
        pieces.extend(random_.choice(pool) for _ in range(random_.randrange(1, 5)))
        if random_.random() < 0.3:
            pieces.append(" ")
        if random_.random() < 0.03:
            pieces.append(chr(random_.choice([random_.randrange(0x80, 0xD800), random_.randrange(0xE000, 0x110000)])))
    return "".join(pieces)
