#!/usr/bin/env python3
"""Writes what Hugging Face's tokenizer makes of a few hundred texts, for TokenizerTests.

Needs the Python package tokenizers, Debian's fortunes (apt: fortunes) and the model folder that `make setup` lays down.

    python3 scripts/tokenizer_expectations.py .sheaf/models/minilm > Tests/Expectations/tokenizer-minilm.json
"""
import glob
import json
import os
import random
import sys

from tokenizers import Tokenizer

FORTUNES = "/usr/share/games/fortunes"

# Every rule of the tokenizer, and what has broken tokenizers before.
NASTY = [
    "", " ", "\t\n\r", "a", "[CLS]", "[SEP] in [MASK] the text[PAD][UNK]", "[cls] [ CLS ] [CLS", "[[CLS]]", "[CLS][SEP",
    "unaffable unwanted running", "RUNNING Out Of CAPS", "it's don't o'clock", "...---...", "a.b,c;d:e!f?g", "$100 + 5% = #1 @home ~x^y`z|",
    "x" * 99, "x" * 100, "x" * 101, "é" * 100, "é" * 101, "中" * 130, "word " * 300, "supercalifragilisticexpialidocious",
    "café naïve résumé", "cafe\u0301 nai\u0308ve", "ÀÉÎÕÜ ß ẞ ſ ﬁ ﬂ", "İstanbul ISTANBUL ıIiİ", "ΑΒΓΔΣ σς Ά", "Москва Ёлка й", "ελληνικά ὕδωρ ᾧ",
    "中文字符 mixed 中a文", "日本語のテキスト カタカナ ガ", "가나다 한국어 각", "各 \uf900\u2f800", "हिन्दी में", "ภาษาไทย", "עברית שָׁלוֹם", "العربية مُحَمَّد",
    "👍🏽 👨\u200d👩\u200d👧 🇩🇪 ☕️", "a\u200bb\u200cc\u200dd\ufeffe", "soft\u00adhyphen", "no\u00a0break\u2003em\u3000ideographic\u2028line\u2029para",
    "nul\x00bell\x07del\x7fvt\x0bff\x0cnel\x85", "\ufffd replaced \ufffd", "“quotes” ‘single’ – dash — em … «g»", "¿qué? ¡no! § ¶ † ‡ • ‰",
    "x≠y ≮ ≯ a\u0338", ";\u037e ` \u1fef", "Å Å Å", "ộ \u0323\u0302 \u0302\u0323 o\u0323\u0302", "z" + "\u0301" * 50 + "z",
    "か\u3099 は\u309a", "\u302e\u302f a\u302e\u0301\u302fb", "𝔘𝔫𝔦𝔠𝔬𝔡𝔢 𝐀𝐁", "𠀀𪜀𫝀𫠠", "①②③ ½ ² ㎏", "ｆｕｌｌｗｉｄｔｈ！（）", "\ue000 private \U000f0000",
    "tab\tnew\nline\r\ncrlf", "trailing space ", " leading", "a" + " " * 50 + "b", "http://example.org/a?b=c&d=e#f", "user@example.org", "1,234.56 1e-5 0x1F",
    "\U0001d15e \U0001d165\U0001d16e", "ŉ ǰ ΐ ᾳ", "Ǆ ǅ ǆ", "ᏣᎳᎩ ꭰ", "ა Ა Ⴀ", "𐐀𐐨", "\u0345\u0344", "a\u034f\u0301b", "##ing ## #a", "_under_score_ -dash-",
]


def fortunes():
    texts = []
    for path in sorted(glob.glob(FORTUNES + "/**/*", recursive=True)):
        if os.path.isdir(path) or path.endswith((".dat", ".u8")):
            continue
        with open(path, encoding="utf-8", errors="replace") as file:
            texts += [text.strip("\n") for text in file.read().split("\n%\n")]
    return [text for text in texts if text]


def tokenizer(folder):
    """As the folder has it, but not padded: padding is the batch's."""
    result = Tokenizer.from_file(os.path.join(folder, "tokenizer.json"))
    result.no_padding()
    return result


def main():
    hugging_face = tokenizer(sys.argv[1])
    everything = fortunes()
    chosen = random.Random(7).sample(everything, 400)
    chosen += [text for text in everything if not text.isascii()][:60]
    lines = []
    for text in NASTY + chosen:
        lines.append(json.dumps({"text": text, "ids": hugging_face.encode(text).ids}, ensure_ascii=False, separators=(",", ":")))
    print("[" + ",\n".join(lines) + "]")


if __name__ == "__main__":
    main()
