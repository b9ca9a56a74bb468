#!/usr/bin/env python3
"""Writes all-MiniLM-L6-v2 as an ONNX file, with Python's standard library alone.

  build_minilm.py model.safetensors model.onnx

inputs   input_ids, attention_mask   int64 [batch, sequence]
output   embedding                   float32 [batch, 384], mean of the tokens, of length 1

Pooling and normalisation are in the graph, and only standard operators (opset 20), so that every execution provider can run
it. Token type ids are left out: a single text has only type 0, whose embedding is added to the positions' here.
"""
import array
import json
import struct
import sys

HIDDEN, HEADS, LAYERS, POSITIONS, WORDS = 384, 12, 6, 512, 30522
EPSILON = 1e-12


def main():
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    weights = read_safetensors(sys.argv[1])
    model = minilm(weights).serialized()
    with open(sys.argv[2], "wb") as file:
        file.write(model)


# The network


def minilm(weights):
    graph = Graph("minilm")
    graph.input("input_ids", INT64, ["batch", "sequence"])
    graph.input("attention_mask", INT64, ["batch", "sequence"])
    graph.output("embedding", FLOAT, ["batch", HIDDEN])

    graph.ints("axis0", [0])
    graph.ints("axis1", [1])
    graph.ints("axes1and2", [1, 2])
    graph.scalar("one", 1.0)

    mask = graph.node("Cast", ["attention_mask"], "mask", to=FLOAT)
    x = embeddings(graph, weights)
    bias = attention_bias(graph, mask)
    graph.ints("split_heads", [0, 0, HEADS, HIDDEN // HEADS])
    graph.ints("merge_heads", [0, 0, HIDDEN])
    graph.scalar("attention_scale", (HIDDEN // HEADS) ** -0.5)
    for index in range(LAYERS):
        x = layer(graph, weights, f"encoder.layer.{index}", x, bias)
    pool(graph, x, mask)
    return graph


def embeddings(graph, weights):
    positions = array.array("f", weights["embeddings.position_embeddings.weight"])
    type0 = weights["embeddings.token_type_embeddings.weight"][:HIDDEN]
    for index in range(len(positions)):
        positions[index] += type0[index % HIDDEN]
    graph.floats("words", [WORDS, HIDDEN], weights["embeddings.word_embeddings.weight"])
    graph.floats("positions", [POSITIONS, HIDDEN], positions)
    length = graph.node("Shape", ["input_ids"], "length", start=1, end=2)
    position = graph.node("Slice", ["positions", "axis0", length, "axis0"], "position")
    word = graph.node("Gather", ["words", "input_ids"], "word")
    total = graph.node("Add", [word, position], "embedded")
    return normalized(graph, weights, "embeddings.LayerNorm", total)


def attention_bias(graph, mask):
    """0 for a token, -1e9 for padding, as [batch, 1, 1, sequence]."""
    graph.scalar("minus_infinity", -1e9)
    padding = graph.node("Sub", ["one", mask], "padding")
    bias = graph.node("Mul", [padding, "minus_infinity"], "padding_bias")
    return graph.node("Unsqueeze", [bias, "axes1and2"], "attention_bias")


def layer(graph, weights, name, x, bias):
    def heads(which, order):
        flat = linear(graph, weights, f"{name}.attention.self.{which}", x, HIDDEN, HIDDEN)
        split = graph.node("Reshape", [flat, "split_heads"], f"{name}.{which}.split")
        return graph.node("Transpose", [split], f"{name}.{which}.heads", perm=order)

    query, key, value = heads("query", [0, 2, 1, 3]), heads("key", [0, 2, 3, 1]), heads("value", [0, 2, 1, 3])
    scores = graph.node("MatMul", [query, key], f"{name}.scores")
    scaled = graph.node("Mul", [scores, "attention_scale"], f"{name}.scaled")
    masked = graph.node("Add", [scaled, bias], f"{name}.masked")
    attention = graph.node("Softmax", [masked], f"{name}.attention", axis=-1)
    context = graph.node("MatMul", [attention, value], f"{name}.context")
    rows = graph.node("Transpose", [context], f"{name}.rows", perm=[0, 2, 1, 3])
    merged = graph.node("Reshape", [rows, "merge_heads"], f"{name}.merged")
    answer = linear(graph, weights, f"{name}.attention.output.dense", merged, HIDDEN, HIDDEN)
    x = normalized(graph, weights, f"{name}.attention.output.LayerNorm", graph.node("Add", [answer, x], f"{name}.residual1"))

    wide = linear(graph, weights, f"{name}.intermediate.dense", x, HIDDEN, 4 * HIDDEN)
    active = graph.node("Gelu", [wide], f"{name}.gelu")
    narrow = linear(graph, weights, f"{name}.output.dense", active, 4 * HIDDEN, HIDDEN)
    return normalized(graph, weights, f"{name}.output.LayerNorm", graph.node("Add", [narrow, x], f"{name}.residual2"))


def pool(graph, x, mask):
    """The mean of the tokens that are not padding, as one matrix product a text, then divided by its length."""
    graph.scalar("least_count", 1e-9)
    graph.scalar("least_norm", EPSILON)
    row = graph.node("Unsqueeze", [mask, "axis1"], "mask_row")
    sums = graph.node("Squeeze", [graph.node("MatMul", [row, x], "sum_row"), "axis1"], "sum")
    tokens = graph.node("ReduceSum", [mask, "axis1"], "tokens", keepdims=1)
    mean = graph.node("Div", [sums, graph.node("Max", [tokens, "least_count"], "count")], "mean")
    norm = graph.node("ReduceL2", [mean, "axis1"], "mean_norm", keepdims=1)
    graph.node("Div", [mean, graph.node("Max", [norm, "least_norm"], "norm")], "embedding")


def linear(graph, weights, name, x, inputs, outputs):
    graph.floats(f"{name}.weight", [inputs, outputs], transposed(weights[f"{name}.weight"], inputs))
    graph.floats(f"{name}.bias", [outputs], weights[f"{name}.bias"])
    product = graph.node("MatMul", [x, f"{name}.weight"], f"{name}.product")
    return graph.node("Add", [product, f"{name}.bias"], name)


def normalized(graph, weights, name, x):
    graph.floats(f"{name}.weight", [HIDDEN], weights[f"{name}.weight"])
    graph.floats(f"{name}.bias", [HIDDEN], weights[f"{name}.bias"])
    return graph.node("LayerNormalization", [x, f"{name}.weight", f"{name}.bias"], name, axis=-1, epsilon=EPSILON)


def transposed(matrix, columns):
    """PyTorch keeps [outputs, inputs]; MatMul wants [inputs, outputs]."""
    result = array.array("f")
    for column in range(columns):
        result.extend(matrix[column::columns])
    return result


def read_safetensors(path):
    """Tensors by name, each an array of floats, row-major."""
    with open(path, "rb") as file:
        raw = file.read()
    size = struct.unpack_from("<Q", raw)[0]
    tensors = {}
    for name, entry in json.loads(raw[8:8 + size]).items():
        if entry.get("dtype") == "F32":
            begin, end = entry["data_offsets"]
            tensors[name] = array.array("f", raw[8 + size + begin:8 + size + end])
    return tensors


# ONNX, as far as it is needed: messages of onnx.proto3 in protobuf's wire format

FLOAT, INT64 = 1, 7


class Graph:
    """Collects the parts of a GraphProto. A node is named after its only output, which its method gives back."""

    def __init__(self, name):
        self.name = name
        self.nodes, self.initializers, self.inputs, self.outputs = [], [], [], []

    def node(self, operator, inputs, output, **attributes):
        parts = [bytes_field(1, name) for name in inputs] + [bytes_field(2, output), bytes_field(3, output), bytes_field(4, operator)]
        self.nodes.append(b"".join(parts + [bytes_field(5, attribute(*item)) for item in attributes.items()]))
        return output

    def floats(self, name, shape, values):
        self.tensor(name, FLOAT, shape, values.tobytes())

    def scalar(self, name, value):
        self.tensor(name, FLOAT, [], struct.pack("<f", value))

    def ints(self, name, values):
        self.tensor(name, INT64, [len(values)], struct.pack(f"<{len(values)}q", *values))

    def tensor(self, name, kind, shape, raw):
        dims = b"".join(int_field(1, extent) for extent in shape)
        self.initializers.append(dims + int_field(2, kind) + bytes_field(8, name) + bytes_field(9, raw))

    def input(self, name, kind, shape):
        self.inputs.append(value_info(name, kind, shape))

    def output(self, name, kind, shape):
        self.outputs.append(value_info(name, kind, shape))

    def serialized(self):
        """A ModelProto: IR version 9, opset 20."""
        fields = [(1, self.nodes), (5, self.initializers), (11, self.inputs), (12, self.outputs)]
        graph = bytes_field(2, self.name) + b"".join(bytes_field(number, part) for number, parts in fields for part in parts)
        opset = bytes_field(1, "") + int_field(2, 20)
        return int_field(1, 9) + bytes_field(2, "build_minilm.py") + bytes_field(7, graph) + bytes_field(8, opset)


def value_info(name, kind, shape):
    dims = b"".join(bytes_field(1, bytes_field(2, extent) if isinstance(extent, str) else int_field(1, extent)) for extent in shape)
    return bytes_field(1, name) + bytes_field(2, bytes_field(1, int_field(1, kind) + bytes_field(2, dims)))


def attribute(name, value):
    if isinstance(value, float):
        return bytes_field(1, name) + key(2, 5) + struct.pack("<f", value) + int_field(20, 1)
    if isinstance(value, int):
        return bytes_field(1, name) + int_field(3, value) + int_field(20, 2)
    return bytes_field(1, name) + b"".join(int_field(8, item) for item in value) + int_field(20, 7)


def key(number, wire_type):
    return varint(number << 3 | wire_type)


def int_field(number, value):
    return key(number, 0) + varint(value)


def bytes_field(number, value):
    value = value.encode() if isinstance(value, str) else value
    return key(number, 2) + varint(len(value)) + value


def varint(value):
    value &= (1 << 64) - 1  # Negative numbers take ten bytes.
    result = bytearray()
    while value > 127:
        result.append(value & 127 | 128)
        value >>= 7
    result.append(value)
    return bytes(result)


if __name__ == "__main__":
    main()
