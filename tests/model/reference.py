"""Writes `reference.json`: what the model says of some texts, computed with NumPy from the weights alone, so that neither
the graph nor an engine has a part in it. Needs `numpy` and `tokenizers`, and target/model; run again only when the texts change.

    python3 tests/model/reference.py > tests/model/reference.json
"""

import json
import math
import pathlib
import struct

import numpy
from tokenizers import Tokenizer

FOLDER = pathlib.Path(__file__).resolve().parents[2] / "target" / "model" / "model"
TEXTS = json.loads(pathlib.Path(__file__).with_name("texts.json").read_text())
HEADS, LAYERS, EPSILON = 12, 6, 1e-12

data = (FOLDER / "model.onnx_data").read_bytes()
start = 8 + struct.unpack("<Q", data[:8])[0]
weights = {
    name: numpy.frombuffer(data[start:], "<f4", math.prod(tensor["shape"]), tensor["data_offsets"][0])
    .reshape(tensor["shape"])
    .astype(numpy.float64)
    for name, tensor in json.loads(data[8:start]).items()
    if name != "__metadata__" and tensor["dtype"] == "F32"
}
error_function = numpy.vectorize(math.erf)


def linear(values, layer):
    return values @ weights[layer + ".weight"].T + weights[layer + ".bias"]


def normalised(values, layer):
    centred = values - values.mean(-1, keepdims=True)
    scaled = centred / numpy.sqrt((centred**2).mean(-1, keepdims=True) + EPSILON)
    return scaled * weights[layer + ".weight"] + weights[layer + ".bias"]


def attended(hidden, layer):
    query, key, value = (
        linear(hidden, f"{layer}.self.{name}").reshape(len(hidden), HEADS, -1).swapaxes(0, 1)
        for name in ("query", "key", "value")
    )
    scores = query @ key.swapaxes(1, 2) / math.sqrt(query.shape[-1])
    shares = numpy.exp(scores - scores.max(-1, keepdims=True))
    mixed = (shares / shares.sum(-1, keepdims=True)) @ value
    return linear(mixed.swapaxes(0, 1).reshape(len(hidden), -1), f"{layer}.output.dense")


def vector(ids):
    hidden = weights["embeddings.word_embeddings.weight"][ids]
    hidden = hidden + weights["embeddings.position_embeddings.weight"][: len(ids)]
    hidden = normalised(hidden + weights["embeddings.token_type_embeddings.weight"][0], "embeddings.LayerNorm")
    for number in range(LAYERS):
        layer = f"encoder.layer.{number}"
        hidden = normalised(hidden + attended(hidden, f"{layer}.attention"), f"{layer}.attention.output.LayerNorm")
        wide = linear(hidden, f"{layer}.intermediate.dense")
        wide = wide * 0.5 * (1 + error_function(wide / math.sqrt(2)))
        hidden = normalised(hidden + linear(wide, f"{layer}.output.dense"), f"{layer}.output.LayerNorm")
    mean = hidden.mean(0)
    return mean / numpy.linalg.norm(mean)


tokenizer = Tokenizer.from_file(str(FOLDER / "tokenizer.json"))
tokenizer.no_padding()
tokenizer.enable_truncation(256)
rows = []
for text in TEXTS:
    ids = tokenizer.encode(text).ids
    numbers = [round(float(number) * 1e4) for number in vector(ids)]
    rows.append({"text": text, "tokens": len(ids), "vector": numbers})
print("[\n" + ",\n".join(json.dumps(row, separators=(",", ":")) for row in rows) + "\n]")
