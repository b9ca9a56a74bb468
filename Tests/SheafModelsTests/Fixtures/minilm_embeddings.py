#!/usr/bin/env python3
"""Writes minilm-embeddings.bin: what Python's onnxruntime answers for 40 sequences of token ids, each run alone.

  minilm_embeddings.py model.onnx minilm-embeddings.bin

Needs onnxruntime and numpy. The file, little-endian: uint32 count, uint32 width; then for each sequence uint32 length,
length times uint16 id, width times float32.
"""
import struct, sys
import numpy, onnxruntime

random = numpy.random.default_rng(7)
options = onnxruntime.SessionOptions()
options.intra_op_num_threads = 1
session = onnxruntime.InferenceSession(sys.argv[1], options, providers=["CPUExecutionProvider"])
# Uneven lengths, as texts have them: most are short, a few are long. [CLS] is 101, [SEP] 102.
lengths = numpy.clip(numpy.exp(random.normal(2.8, 0.9, 40)), 1, 150).astype(int)
with open(sys.argv[2], "wb") as file:
    file.write(struct.pack("<II", len(lengths), 384))
    for length in lengths:
        ids = [101, *random.integers(1000, 30000, length).tolist(), 102]
        mask = [1] * len(ids)
        [embedding] = session.run(None, {"input_ids": numpy.array([ids]), "attention_mask": numpy.array([mask])})
        file.write(struct.pack("<I%dH" % len(ids), len(ids), *ids) + embedding[0].astype("<f4").tobytes())
