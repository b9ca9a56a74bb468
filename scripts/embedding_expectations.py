#!/usr/bin/env python3
"""Writes what Python's onnxruntime makes of some texts with MiniLM, each alone, for MiniLMTests.

Needs the Python packages onnxruntime, numpy and tokenizers, Debian's fortunes, and the model folder that `make setup` lays down.

    python3 scripts/embedding_expectations.py .sheaf/models/minilm > Tests/Expectations/embeddings-minilm.json
"""
import glob
import json
import os
import sys

import numpy
import onnxruntime
from tokenizers import Tokenizer

MAX_LENGTH = 128


def fortunes():
    for path in sorted(glob.glob("/usr/share/games/fortunes/*")):
        if not path.endswith((".dat", ".u8")) and os.path.isfile(path):
            with open(path, encoding="utf-8", errors="replace") as file:
                yield from (text.strip("\n") for text in file.read().split("\n%\n"))


def main():
    folder = sys.argv[1]
    tokenizer = Tokenizer.from_file(os.path.join(folder, "tokenizer.json"))
    tokenizer.no_padding()
    tokenizer.enable_truncation(MAX_LENGTH)
    session = onnxruntime.InferenceSession(os.path.join(folder, "model.onnx"), providers=["CPUExecutionProvider"])
    texts = ["", "a", "The quick brown fox jumps over the lazy dog.", "Übergrößenträger 中文 ☕"]
    # Every 397th: short and long ones, in no order of length.
    texts += [text for index, text in enumerate(fortunes()) if text and index % 397 == 5][:24]
    rows = []
    for text in texts:
        ids = numpy.array([tokenizer.encode(text).ids], dtype=numpy.int64)
        (embedding,) = session.run(["embedding"], {"input_ids": ids, "attention_mask": numpy.ones_like(ids)})
        rows.append({"text": text, "tokens": ids.shape[1], "embedding": [round(float(x), 7) for x in embedding[0]]})
    json.dump({"maxLength": MAX_LENGTH, "rows": rows}, sys.stdout, ensure_ascii=False, separators=(",", ":"))


main()
