#!/usr/bin/env python3
"""Writes small tokenizers of every kind, and what Hugging Face's library makes of texts with them, for TokenizerKindTests.

Needs the Python packages tokenizers and sentencepiece (which only makes the map of characters for Precompiled).

    python3 scripts/tokenizer_kinds.py > Tests/Expectations/tokenizer-kinds.json
"""
import json
import random
import tempfile

import sentencepiece
import sentencepiece.sentencepiece_model_pb2 as sentencepiece_model
from tokenizers import AddedToken, Regex, Tokenizer, models, normalizers, pre_tokenizers, processors, trainers

# What the vocabularies are made of.
SENTENCES = [
    "The quick brown fox jumps over the lazy dog, and what is it like to write software?", "She said: \"don't\", he'll say 'tis done; we've 12 of 345.",
    "Zwölf Boxkämpfer jagen Viktor quer über den großen Sylter Deich.", "Voix ambiguë d'un cœur qui au zéphyr préfère les jattes de kiwis.",
    "Съешь же ещё этих мягких французских булок, да выпей чаю.", "Ξεσκεπάζω την ψυχοφθόρα βδελυγμία, πριν φύγει ο ήλιος.", "דג סקרן שט בים מאוכזב ולפתע מצא לו חברה.",
    "نص حكيم له سر قاطع وذو شأن عظيم مكتوب على ثوب أخضر.", "ऋषियों को सताने वाले दुष्ट राक्षसों के राजा रावण का सर्वनाश।", "เป็นมนุษย์สุดประเสริฐเลิศคุณค่า กว่าบรรดาฝูงสัตว์เดรัจฉาน",
    "いろはにほへと ちりぬるを 日本語のテキスト カタカナ", "天地玄黃 宇宙洪荒 日月盈昃 辰宿列張 中文字符", "다람쥐 헌 쳇바퀴에 타고파 한국어 문장", "def main(x): return x_1 + [2, 30] # code", "https://example.org/a?b=c&d=1%20 user@example.org",
] * 4

# What is asked of every tokenizer: every rule of some, and what has broken tokenizers before.
TEXTS = [
    "", " ", "a", "hello world", "The quick  brown fox", " leading and trailing ", "don't WE'VE it'S 'tis ''s", "tab\tnew\nline\r\n\r\ncrlf  \n x", "x" * 45, "ab" * 60 + " " + "é" * 101,
    "1234567 3.14 ½ ² Ⅷ ٣٤", "...---... a.b,c;d:e!f?g $5+%=^`|~", "_under_ __init__(self) -> x_1", "Zwölf große über ß ẞ", "café cafe\u0301 e\u0323\u0302 \u0302\u0323", "ÅÅ Å ﬁ ﬂ ㎏ ① ｆｕｌｌ ｶﾞ",
    "İstanbul ıIi Σς", "Съешь ещё Ёлка й и\u0306", "Ξεσκεπάζω ᾧ ὕδωρ", "דג סקרן שָׁלוֹם", "نص حكيم مُحَمَّد", "ऋषियों क\u093c में", "เป็นมนุษย์ กำ", "日本語のテキスト カタカナ が か\u3099", "天地玄黃 mixed中a文", "한국어 \u1112\u1161\u11ab 각",
    "👍🏽 👨\u200d👩\u200d👧 🇩🇪 ☕️ 🤖🤖", "a\u200bb\u200cc\u200dd\ufeffe\u00adf", "no\u00a0break\u2003em\u3000ideographic\u2028line", "nul\x00bell\x07del\x7fvt\x0bff\x0cnel\x85", "\ufffd \U0010fffd \ue000",
    "▁▁ visible ▁ blanks", "[CLS] a [SEP] b [MASK] [cls]", "<s> </s> <unk> <mask>  x <pad>", "   <mask>   <mask> [X] [Y]z", "new york New York renew yorker", "https://example.org/a?b=c user@x.org",
    "z" + "\u0301\u0316" * 12 + "z", "the the theatre other THE", "aaaa aaa aa a", "<0x41> <0xE2> Ġ Ċ", "ſ 'ſ 'S K Å",
]
PAIRS = [(3, 4), (12, 25), (7, 0), (9, 20), (33, 17), (0, 0), (36, 10)]


def byte_pairs():
    t = Tokenizer(models.BPE())
    t.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    t.train_from_iterator(SENTENCES, trainers.BpeTrainer(vocab_size=520, special_tokens=SPECIAL, initial_alphabet=pre_tokenizers.ByteLevel.alphabet(), show_progress=False))
    return model(t)


def character_pairs(byte_fallback=False, **more):
    t = Tokenizer(models.BPE(unk_token="<unk>", byte_fallback=byte_fallback, fuse_unk=True, **more))
    t.normalizer = normalizers.Sequence([normalizers.Prepend("▁"), normalizers.Replace(" ", "▁")])
    if more:
        t.normalizer, t.pre_tokenizer = normalizers.BertNormalizer(), pre_tokenizers.BertPreTokenizer()
    special = SPECIAL + ([f"<0x{byte:02X}>" for byte in range(256)] if byte_fallback else [])
    t.train_from_iterator(SENTENCES, trainers.BpeTrainer(vocab_size=len(special) + 260, limit_alphabet=150, special_tokens=special, show_progress=False, **more))
    return model(t)


def word_pieces():
    t = Tokenizer(models.WordPiece(unk_token="[UNK]"))
    t.normalizer, t.pre_tokenizer = normalizers.BertNormalizer(), pre_tokenizers.BertPreTokenizer()
    t.train_from_iterator(SENTENCES, trainers.WordPieceTrainer(vocab_size=500, special_tokens=["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"], show_progress=False))
    return model(t)


def whole_words():
    t = Tokenizer(models.WordLevel(unk_token="<unk>"))
    t.pre_tokenizer = pre_tokenizers.Whitespace()
    t.train_from_iterator(SENTENCES, trainers.WordLevelTrainer(vocab_size=100, special_tokens=SPECIAL, show_progress=False))
    return model(t)


def sentencepieces(folder):
    """A unigram model, with and without byte fallback, and a small map of characters."""
    with open(f"{folder}/text", "w") as file:
        file.write("\n".join(SENTENCES))
    rules = {"ﬁ": "fi", "①": "1", "㎏": "kg", "\u212b": "Å", "A\u030a": "Å", "e\u0301": "é", "\u00ad": "", "\u200b": " ", "\t": " ", "\n": " ", "\r": " ", "\u3000": " ", "\u00a0": " ", "ｶ": "カ", "ｶﾞ": "ガ",
             "か\u3099": "が", "\x07": "", "ｆ": "f", "ｕ": "u", "½": "1/2", "▁": " ", "ẞ": "SS", "\u1112\u1161\u11ab": "한"}
    with open(f"{folder}/rules", "w") as file:
        for source, target in rules.items():
            file.write(" ".join(f"{ord(c):X}" for c in source) + "\t" + " ".join(f"{ord(c):X}" for c in target) + "\n")
    sentencepiece.SentencePieceTrainer.train(
        input=f"{folder}/text", model_prefix=f"{folder}/model", vocab_size=430, model_type="unigram", normalization_rule_tsv=f"{folder}/rules", hard_vocab_limit=False, minloglevel=2)
    proto = sentencepiece_model.ModelProto()
    with open(f"{folder}/model.model", "rb") as file:
        proto.ParseFromString(file.read())
    pieces = [[piece.piece, round(piece.score, 4)] for piece in proto.pieces]
    unigram = {"type": "Unigram", "unk_id": 0, "vocab": pieces, "byte_fallback": False}
    bytes_too = {**unigram, "vocab": pieces + [[f"<0x{byte:02X}>", 0.0] for byte in range(256)], "byte_fallback": True}
    return unigram, bytes_too, normalizers.Precompiled(proto.normalizer_spec.precompiled_charsmap)


def model(tokenizer):
    return json.loads(tokenizer.to_str())["model"]


SPECIAL = ["<s>", "<pad>", "</s>", "<unk>", "<mask>"]
LLAMA = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
DEEPSEEK = r"[!\"#$%&'()*+,\-./:;<=>?@\[\\\]^_`{|}~][A-Za-z]+|[^\r\n\p{L}\p{P}\p{S}]?[\p{L}\p{M}]+| ?[\p{P}\p{S}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"


def tokenizers(precompiled):
    """Of each its name, its model, its other parts, its added tokens, changes of its model, and how it truncates."""
    n, p = normalizers, pre_tokenizers
    mark = [("<s>", 0), ("</s>", 2)]
    s_pair = processors.TemplateProcessing(single="<s> $A </s>", pair="<s> $A </s> </s>:1 $B:1 </s>:1", special_tokens=mark)
    roberta = processors.RobertaProcessing(("</s>", 2), ("<s>", 0), trim_offsets=True, add_prefix_space=False)
    roberta_prefix = processors.RobertaProcessing(("</s>", 2), ("<s>", 0), trim_offsets=True, add_prefix_space=True)
    bert = processors.BertProcessing(("[SEP]", 3), ("[CLS]", 2))
    funnel = processors.TemplateProcessing(single="[CLS]:2 $A [SEP]", pair="[CLS]:2 $A [SEP] $B:1 [SEP]:1", special_tokens=[("[CLS]", 2), ("[SEP]", 3)])
    s_added = [AddedToken(x, special=True, normalized=False) for x in SPECIAL[:4]] + [AddedToken("<mask>", special=True, lstrip=True)]
    b_added = [AddedToken(x, special=True, normalized=False) for x in ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]")]
    wild = [AddedToken("new york", normalized=False), AddedToken("the", single_word=True, normalized=True), AddedToken("[X]", rstrip=True, lstrip=True), AddedToken("É", normalized=True), AddedToken("  ", normalized=False)]
    byte = p.ByteLevel(add_prefix_space=False)
    both = n.Sequence([n.Prepend("▁"), n.Replace(" ", "▁")])

    def split(pattern, behavior, invert=False):
        return p.Split(pattern, behavior, invert)

    yield "roberta", "bytes", None, byte, roberta, s_added, {}, {}
    yield "roberta, prefix", "bytes", None, p.ByteLevel(add_prefix_space=True), roberta_prefix, s_added, {}, {"max": 12}
    yield "modernbert", "bytes", n.NFC(), byte, s_pair, s_added, {}, {"max": 9, "side": "Left"}
    yield "gpt2, trimmed", "bytes", None, p.ByteLevel(add_prefix_space=True), processors.ByteLevel(trim_offsets=True), [], {}, {"max": 8, "strategy": "OnlyFirst"}
    yield "llama 3", "bytes", None, p.Sequence([split(Regex(LLAMA), "isolated"), p.ByteLevel(add_prefix_space=False, use_regex=False)]), processors.Sequence([processors.ByteLevel(trim_offsets=False), s_pair]), s_added, {"ignore_merges": True}, {}
    yield "qwen", "bytes", n.NFC(), p.Sequence([split(Regex(LLAMA.replace("{1,3}", "")), "isolated"), p.ByteLevel(add_prefix_space=False, use_regex=False)]), processors.ByteLevel(trim_offsets=False), [], {}, {}
    yield "deepseek", "bytes", n.Sequence([]), p.Sequence([split(Regex(r"\p{N}{1,3}"), "isolated"), split(Regex("[一-龥\u3040-ゟ゠-ヿ]+"), "isolated"), split(Regex(DEEPSEEK), "isolated"), p.ByteLevel(add_prefix_space=False, use_regex=False)]), None, [], {}, {}
    yield "bytes, digits", "bytes", None, p.Sequence([p.Digits(individual_digits=True), byte]), None, [], {}, {}
    yield "bytes by the normalizer", "bytes", n.Sequence([n.NFD(), n.ByteLevel()]), split(Regex("Ġ?[^Ġ]+|Ġ"), "isolated"), None, [], {}, {}
    yield "bytes, added", "bytes", n.Sequence([n.NFD(), n.Lowercase(), n.StripAccents()]), byte, roberta, s_added + wild, {}, {}
    yield "bytes, not all", "bytes but one", None, byte, None, [], {"unk_token": "<unk>"}, {}
    yield "bytes, not all, nothing for them", "bytes but one", None, byte, None, [], {}, {}
    yield "llama 2", "characters", both, None, processors.TemplateProcessing(single="<s> $A", pair="<s> $A <s>:1 $B:1", special_tokens=mark), s_added[:3], {}, {"max": 20}
    yield "llama, first", "characters", None, p.Metaspace("▁", "first", False), s_pair, s_added, {}, {}
    yield "metaspace, first, split", "characters", n.Strip(), p.Metaspace("▁", "first", True), None, s_added + wild, {}, {}
    yield "metaspace, always", "characters", None, p.Metaspace("_", "always", True), None, s_added, {"byte_fallback": False}, {}
    yield "metaspace, never", "characters", None, p.Metaspace("▁", "never", True), None, s_added, {"fuse_unk": False, "byte_fallback": False}, {}
    yield "gemma", "characters", n.Replace(" ", "▁"), split(" ", "merged_with_previous"), None, s_added, {}, {}
    yield "clip", "suffix", n.Sequence([n.NFC(), n.Replace(Regex(r"\s+"), " "), n.Lowercase()]), split(Regex(r"'s|'t|[\p{L}]+|[\p{N}]|[^\s\p{L}\p{N}]+"), "removed", True), None, [], {}, {}
    yield "suffix, fused", "suffix", n.BertNormalizer(), p.BertPreTokenizer(), None, [], {"fuse_unk": True, "ignore_merges": True}, {}
    yield "prefix", "prefix", n.BertNormalizer(), p.BertPreTokenizer(), None, [], {"fuse_unk": False}, {}
    yield "xlm-r", "unigram", n.Sequence([precompiled, n.Replace(Regex(" {2,}"), " ")]), p.Metaspace("▁", "always"), s_pair_of(1, 2), [AddedToken("<s>", normalized=False), AddedToken("</s>", normalized=False), AddedToken("<mask>", lstrip=True, normalized=True)], {}, {"max": 10}
    yield "e5", "unigram", n.Sequence([precompiled, n.Strip(False, True), n.Replace(Regex(" {2,}"), "▁")]), p.Sequence([p.WhitespaceSplit(), p.Metaspace("▁", "always")]), s_pair_of(1, 2), [], {}, {}
    yield "t5", "unigram bytes", precompiled, p.Metaspace("▁", "always"), processors.TemplateProcessing(single="$A </s>", pair="$A </s> $B </s>", special_tokens=[("</s>", 2)]), [AddedToken("</s>", normalized=False)], {}, {}
    yield "albert", "unigram", n.Sequence([n.Nmt(), n.NFKC(), n.Lowercase()]), p.Sequence([p.UnicodeScripts(), p.Metaspace()]), None, [], {}, {}
    yield "bert", "pieces", n.BertNormalizer(), p.BertPreTokenizer(), bert, b_added, {}, {"max": 11}
    yield "funnel", "pieces", n.Sequence([n.BertNormalizer()]), p.Sequence([p.BertPreTokenizer()]), processors.Sequence([funnel]), b_added, {}, {"max": 15, "side": "Left"}
    yield "mpnet", "pieces", n.BertNormalizer(), p.BertPreTokenizer(), processors.RobertaProcessing(("[SEP]", 3), ("[CLS]", 2), trim_offsets=True, add_prefix_space=False), b_added + [AddedToken("<unk>", normalized=True), AddedToken("<mask>", lstrip=True, normalized=False)], {}, {}
    yield "cased", "pieces", n.BertNormalizer(lowercase=False), p.BertPreTokenizer(), funnel, b_added + wild, {"max_input_chars_per_word": 10}, {"max": 10, "strategy": "OnlySecond"}
    yield "accents", "pieces", n.BertNormalizer(strip_accents=False), p.BertPreTokenizer(), None, [], {}, {}
    yield "unclean", "pieces", n.BertNormalizer(clean_text=False, handle_chinese_chars=False), p.BertPreTokenizer(), None, [], {}, {}
    yield "pieces, lowercase", "pieces", n.Lowercase(), p.Whitespace(), None, [], {}, {}
    yield "pieces, as they come", "pieces", None, None, None, [], {}, {}
    yield "pieces, nfkd", "pieces", n.Sequence([n.NFKD(), n.Lowercase(), n.StripAccents()]), p.Sequence([p.WhitespaceSplit(), p.Punctuation("isolated")]), None, [], {}, {}
    yield "punctuation before", "pieces", n.NFD(), p.Punctuation("merged_with_previous"), None, [], {"continuing_subword_prefix": ""}, {}
    yield "punctuation behind", "pieces", n.NFKC(), p.Punctuation("merged_with_next"), None, [], {}, {}
    yield "punctuation gone", "pieces", n.NFC(), p.Sequence([p.CharDelimiterSplit(" "), p.Punctuation("removed")]), None, [], {}, {}
    yield "digits", "pieces", None, p.Sequence([p.WhitespaceSplit(), p.Digits()]), None, [], {}, {}
    yield "vowels", "pieces", None, split(Regex("[aeiou]"), "merged_with_next"), None, [], {}, {}
    yield "anywhere", "pieces", n.Replace(Regex("x*"), "-"), split(Regex(r"\b"), "contiguous"), None, [], {}, {}
    yield "doubled", "pieces", n.Sequence([n.Replace(Regex(r"(\p{L})\1"), "zz"), n.Replace("e", "")]), split(Regex(r"\s+"), "removed"), None, [], {}, {}
    yield "four characters", "pieces", n.Sequence([n.Strip(True, False), n.Prepend("x y")]), p.FixedLength(length=4), None, [], {}, {}
    yield "words", "words", n.Lowercase(), p.Whitespace(), None, [], {}, {"max": 5}


def s_pair_of(first, last):
    return processors.TemplateProcessing(single="<s> $A </s>", pair="<s> $A </s> </s> $B </s>", special_tokens=[("<s>", first), ("</s>", last)])


def without(model, gone):
    """A byte-level model that lacks a byte."""
    vocab = {piece: id for piece, id in model["vocab"].items() if gone not in piece}
    return {**model, "vocab": vocab, "merges": [merge for merge in model["merges"] if all(piece in vocab for piece in [*merge, "".join(merge)])]}


def bytes_of(text):
    """Where each character begins, in bytes, and where the last ends."""
    places = [0]
    for character in text:
        places.append(places[-1] + len(character.encode()))
    return places


def encoding(tokenizer, text, pair=None):
    try:
        e = tokenizer.encode(text) if pair is None else tokenizer.encode(text, pair)
    except Exception:
        return 0
    texts = [bytes_of(text), bytes_of(pair or "")]
    places = []
    for sequence, (start, end) in zip(e.sequence_ids, e.offsets):
        places += [texts[sequence or 0][start], texts[sequence or 0][end]]
    return [e.ids, e.type_ids if any(e.type_ids) else [], places]


def main():
    with tempfile.TemporaryDirectory() as folder:
        unigram, unigram_bytes, precompiled = sentencepieces(folder)
    kinds = {
        "bytes": byte_pairs(), "characters": character_pairs(byte_fallback=True), "suffix": character_pairs(end_of_word_suffix="</w>"), "prefix": character_pairs(continuing_subword_prefix="##"),
        "unigram": unigram, "unigram bytes": unigram_bytes, "pieces": word_pieces(), "words": whole_words()}
    kinds["bytes but one"] = without(kinds["bytes"], "Ã")
    lines = []
    chosen = random.Random(4)
    for name, kind, normalizer, pre_tokenizer, processor, added, changes, truncation in tokenizers(precompiled):
        tokenizer = Tokenizer.from_str(dump({"version": "1.0", "added_tokens": [], "model": {**kinds[kind], **changes}}))
        if normalizer is not None:
            tokenizer.normalizer = normalizer
        if pre_tokenizer is not None:
            tokenizer.pre_tokenizer = pre_tokenizer
        if processor is not None:
            tokenizer.post_processor = processor
        for token in added:
            (tokenizer.add_special_tokens if token.special else tokenizer.add_tokens)([token])
        if truncation:
            strategy = {"OnlyFirst": "only_first", "OnlySecond": "only_second"}.get(truncation.get("strategy"), "longest_first")
            tokenizer.enable_truncation(truncation["max"], direction=truncation.get("side", "Right").lower(), strategy=strategy)
        # The model is put in by the test; later members count.
        file = {**json.loads(tokenizer.to_str()), "model": "@"}
        texts = sorted(chosen.sample(range(len(TEXTS)), 26))
        lines.append(dump({
            "name": name, "model": kind, "changes": "".join(f",{dump(key)}:{dump(value)}" for key, value in changes.items()), "file": dump(file),
            "texts": [[index, encoding(tokenizer, TEXTS[index])] for index in texts],
            "pairs": [[index, encoding(tokenizer, TEXTS[a], TEXTS[b])] for index, (a, b) in enumerate(PAIRS)]}))
    print(f'{{"texts":{dump(TEXTS)},\n"pairs":{dump(PAIRS)},\n"models":{{')
    print(",\n".join(f"{dump(name)}:{dump(dump(kind))}" for name, kind in kinds.items()) + "},")
    print('"tokenizers":[\n' + ",\n".join(lines) + "]}")


def dump(value):
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


if __name__ == "__main__":
    main()
