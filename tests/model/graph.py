"""Writes the ONNX graph of a BERT encoder, without its weights: they stay where they are, in a safetensors file, and the
graph says at which offset each one lies (ONNX calls that external data). So one copy of the weights serves every engine.

The graph takes `input_ids` and `attention_mask`, both int64 of [batch, sequence], and gives `last_hidden_state`, float of
[batch, sequence, hidden]. Messages are written field by field, as onnx.proto numbers them.
"""

import json
import math
import struct

FLOAT, INT64 = 1, 7
IR_VERSION, OPSET = 9, 20


def varint(number):
    number &= (1 << 64) - 1
    octets = bytearray()
    while number > 0x7F:
        octets.append(number & 0x7F | 0x80)
        number >>= 7
    return bytes(octets) + bytes([number])


def field(number, value):
    """One field of a protobuf message: text and bytes with their length, integers as varints, floats in four bytes."""
    if isinstance(value, str):
        value = value.encode()
    if isinstance(value, bytes):
        return varint(number << 3 | 2) + varint(len(value)) + value
    if isinstance(value, float):
        return varint(number << 3 | 5) + struct.pack("<f", value)
    return varint(number << 3) + varint(value)


def message(*fields):
    return b"".join(field(number, value) for number, value in fields)


def attribute(name, value):
    if isinstance(value, float):
        return message((1, name), (2, value), (20, 1))
    if isinstance(value, int):
        return message((1, name), (3, value), (20, 2))
    return message((1, name), *((8, each) for each in value), (20, 7))


def constant(name, kind, shape, values):
    raw = struct.pack(f"<{len(values)}{'f' if kind == FLOAT else 'q'}", *values)
    return message(*((1, size) for size in shape), (2, kind), (8, name), (9, raw))


def external(name, shape, location, offset, length):
    places = (("location", location), ("offset", str(offset)), ("length", str(length)))
    entries = ((13, message((1, key), (2, value))) for key, value in places)
    return message(*((1, size) for size in shape), (2, FLOAT), (8, name), *entries, (14, 1))


def value_info(name, kind, shape):
    sizes = (message((2, size)) if isinstance(size, str) else message((1, size)) for size in shape)
    tensor = message((1, kind), (2, message(*((1, size) for size in sizes))))
    return message((1, name), (2, message((1, tensor))))


class Graph:
    """Nodes in the order in which they were added; each call of `add` gives the name of what the node puts out."""

    def __init__(self):
        self.nodes, self.initializers = [], []

    def add(self, operator, inputs, output=None, **attributes):
        output = output or f"{operator.lower()}_{len(self.nodes)}"
        given = [(5, attribute(name, value)) for name, value in attributes.items()]
        self.nodes.append(message(*((1, name) for name in inputs), (2, output), (3, output), (4, operator), *given))
        return output

    def integers(self, name, *values):
        self.initializers.append(constant(name, INT64, [len(values)], values))
        return name

    def number(self, name, value):
        self.initializers.append(constant(name, FLOAT, [], [value]))
        return name


def linear(graph, values, layer, output=None):
    """Torch keeps the weights of a layer as [out, in], so they are multiplied as they lie there, transposed."""
    return graph.add("Gemm", [values, f"{layer}.weight", f"{layer}.bias"], output, transB=1)


def encoder_layer(graph, hidden, prefix, epsilon):
    def heads(name, order):
        split = graph.add("Reshape", [linear(graph, hidden, f"{prefix}.attention.self.{name}"), "per_head"])
        return graph.add("Transpose", [split], perm=order)

    def normalised(values, layer):
        layer = f"{prefix}.{layer}"
        return graph.add("LayerNormalization", [values, f"{layer}.weight", f"{layer}.bias"], axis=-1, epsilon=epsilon)

    query, key = heads("query", [0, 2, 1, 3]), heads("key", [0, 2, 3, 1])
    scores = graph.add("Add", [graph.add("Mul", [graph.add("MatMul", [query, key]), "scale"]), "bias"])
    mixed = graph.add("MatMul", [graph.add("Softmax", [scores], axis=-1), heads("value", [0, 2, 1, 3])])
    joined = graph.add("Reshape", [graph.add("Transpose", [mixed], perm=[0, 2, 1, 3]), "rows"])
    attended = graph.add("Add", [linear(graph, joined, f"{prefix}.attention.output.dense"), hidden])
    attended = normalised(attended, "attention.output.LayerNorm")
    wide = graph.add("Gelu", [linear(graph, attended, f"{prefix}.intermediate.dense")])
    hidden = graph.add("Add", [linear(graph, wide, f"{prefix}.output.dense"), attended])
    return normalised(hidden, "output.LayerNorm")


def encoder(config, weights, location):
    """The model as bytes. `weights` is an open safetensors file, `location` its name as seen from the graph's folder."""
    length = struct.unpack("<Q", weights.read(8))[0]
    tensors = json.loads(weights.read(length))
    tensors.pop("__metadata__", None)
    hidden_size, head_count = config["hidden_size"], config["num_attention_heads"]
    if config["hidden_act"] != "gelu" or config["position_embedding_type"] != "absolute":
        raise SystemExit("graph: only encoders with gelu and absolute positions are known")

    graph = Graph()
    graph.integers("rows", -1, hidden_size)
    graph.integers("head_sizes", head_count, hidden_size // head_count)
    graph.integers("hidden_sizes", hidden_size)
    for name, value in (("zero", 0), ("one", 1)):
        graph.integers(name, value)
    graph.integers("head_axes", 1, 2)
    graph.number("scale", 1 / math.sqrt(hidden_size // head_count))
    graph.number("visible", 1.0)
    graph.number("hidden_bias", -10000.0)

    shape = graph.add("Shape", ["input_ids"])
    graph.add("Concat", [shape, "head_sizes"], "per_head", axis=0)
    graph.add("Concat", [shape, "hidden_sizes"], "whole", axis=0)
    mask = graph.add("Cast", [graph.add("Unsqueeze", ["attention_mask", "head_axes"])], to=FLOAT)
    graph.add("Mul", [graph.add("Sub", ["visible", mask]), "hidden_bias"], "bias")

    words = graph.add("Gather", ["embeddings.word_embeddings.weight", "input_ids"])
    size = graph.add("Slice", [shape, "one", graph.integers("two", 2)])
    positions = graph.add("Slice", ["embeddings.position_embeddings.weight", "zero", size, "zero"])
    kind = graph.add("Gather", ["embeddings.token_type_embeddings.weight", "zero"])
    placed = graph.add("Add", [graph.add("Add", [words, positions]), kind])
    flat = graph.add("Reshape", [placed, "rows"])
    epsilon = float(config["layer_norm_eps"])
    names = [f"embeddings.LayerNorm.{part}" for part in ("weight", "bias")]
    hidden = graph.add("LayerNormalization", [flat, *names], axis=-1, epsilon=epsilon)
    for layer in range(config["num_hidden_layers"]):
        hidden = encoder_layer(graph, hidden, f"encoder.layer.{layer}", epsilon)
    graph.add("Reshape", [hidden, "whole"], "last_hidden_state")

    for name, tensor in sorted(tensors.items()):
        if tensor["dtype"] != "F32" or name.startswith("pooler."):
            continue
        start, end = tensor["data_offsets"]
        graph.initializers.append(external(name, tensor["shape"], location, 8 + length + start, end - start))
    inputs = [value_info(name, INT64, ["batch", "sequence"]) for name in ("input_ids", "attention_mask")]
    output = value_info("last_hidden_state", FLOAT, ["batch", "sequence", hidden_size])
    body = message(
        *((1, node) for node in graph.nodes),
        (2, "encoder"),
        *((5, initializer) for initializer in graph.initializers),
        *((11, each) for each in inputs),
        (12, output),
    )
    return message((1, IR_VERSION), (7, body), (8, message((1, ""), (2, OPSET))))
