"""Writes a checkpoint of train.py as a GGUF file: matrices as q8_0, norms as f32.

    python3 export.py --work work --out demo.gguf

Format: the GGUF specification (github.com/ggml-org/ggml, docs/gguf.md), version 3; names of keys and tensors as models
of the architecture "qwen3" have them. Needs torch and numpy.
"""

import argparse
import json
import os
import struct

import numpy

from train import SPECIALS, load

ALIGNMENT = 32
TEMPERATURE = 0.3  # a small model is soon lost when it takes unlikely words
U32, I32, F32, BOOL, STRING, ARRAY = 4, 5, 6, 7, 8, 9
TYPE_F32, TYPE_Q8_0 = 0, 8
NORMAL, CONTROL = 1, 3
TEMPLATE = ("{% for message in messages %}{{ '<|im_start|>' + message['role'] + '\\n' + message['content'] + "
    "'<|im_end|>' + '\\n' }}{% endfor %}"
            "{% if add_generation_prompt %}{{ '<|im_start|>assistant\\n' }}{% endif %}")
DESCRIPTION = ("A very small model for trying out the gateway without a network. It was trained from nothing on "
    "made-up chats that a script of this "
               "project wrote; it knows a few sentences about tokens, prices and the gateway, and is often wrong. Not "
               "for real use.")


def text(value):
    data = value.encode()
    return struct.pack("<Q", len(data)) + data


def scalar(kind, value):
    return {U32: lambda: struct.pack("<I", value), I32: lambda: struct.pack("<i", value),
        F32: lambda: struct.pack("<f", value),
            BOOL: lambda: struct.pack("<?", value), STRING: lambda: text(value)}[kind]()


def pair(name, kind, value, items=None):
    """A key and its value; for ARRAY, `items` is the kind of its members."""
    if kind == ARRAY:
        return text(name) + struct.pack("<IIQ", ARRAY, items, len(value)) + b"".join(scalar(items, one)
            for one in value)
    return text(name) + struct.pack("<I", kind) + scalar(kind, value)


def q8_0(weights):
    """Blocks of 32 weights: a half float d and 32 whole numbers, weight = d * number."""
    blocks = weights.reshape(-1, 32).astype(numpy.float32)
    scales = (numpy.abs(blocks).max(1) / 127).astype(numpy.float16)
    wide = scales.astype(numpy.float32)[:, None]
    numbers = numpy.rint(numpy.divide(blocks, wide, out=numpy.zeros_like(blocks), where=wide > 0)).clip(-127,
        127).astype(numpy.int8)
    return numpy.concatenate([scales[:, None].view(numpy.uint8), numbers.view(numpy.uint8)], 1).tobytes()


def vocabulary(work):
    """(tokens by id, kinds, merges as "left right")"""
    with open(os.path.join(work, "tokenizer.json"), encoding="utf-8") as file:
        model = json.load(file)["model"]
    tokens = sorted(model["vocab"], key=model["vocab"].get)
    assert [model["vocab"][token] for token in tokens] == list(range(len(tokens)))
    merges = [one if isinstance(one, str) else " ".join(one) for one in model["merges"]]
    return tokens, [CONTROL if token in SPECIALS else NORMAL for token in tokens], merges


def head(shape, work, weights):
    """The file's keys and values, each as its bytes."""
    tokens, kinds, merges = vocabulary(work)
    end_of_text, _, end_of_turn = (tokens.index(special) for special in SPECIALS)
    return [pair(*one) for one in (
        ("general.architecture", STRING, "qwen3"),
        ("general.type", STRING, "model"),
        ("general.name", STRING, "Tollgate Demo"),
        ("general.description", STRING, DESCRIPTION),
        ("general.license", STRING, "apache-2.0"),
        ("general.size_label", STRING, f"{weights / 1e6:.1f}M"),
        ("general.file_type", U32, 7),
        ("general.quantization_version", U32, 2),
        ("general.alignment", U32, ALIGNMENT),
        ("general.sampling.temp", F32, TEMPERATURE),
        ("qwen3.vocab_size", U32, shape.vocabulary),
        ("qwen3.context_length", U32, shape.context),
        ("qwen3.embedding_length", U32, shape.width),
        ("qwen3.block_count", U32, shape.layers),
        ("qwen3.feed_forward_length", U32, shape.hidden),
        ("qwen3.attention.head_count", U32, shape.heads),
        ("qwen3.attention.head_count_kv", U32, shape.kv_heads),
        ("qwen3.attention.key_length", U32, shape.head_width),
        ("qwen3.attention.value_length", U32, shape.head_width),
        ("qwen3.attention.layer_norm_rms_epsilon", F32, shape.epsilon),
        ("qwen3.rope.freq_base", F32, shape.rope_base),
        ("tokenizer.ggml.model", STRING, "gpt2"),
        ("tokenizer.ggml.pre", STRING, "qwen2"),
        ("tokenizer.ggml.tokens", ARRAY, tokens, STRING),
        ("tokenizer.ggml.token_type", ARRAY, kinds, I32),
        ("tokenizer.ggml.merges", ARRAY, merges, STRING),
        ("tokenizer.ggml.eos_token_id", U32, end_of_turn),
        ("tokenizer.ggml.bos_token_id", U32, end_of_text),
        ("tokenizer.ggml.padding_token_id", U32, end_of_text),
        ("tokenizer.ggml.add_bos_token", BOOL, False),
        ("tokenizer.chat_template", STRING, TEMPLATE),
    )]


def tensors_of(model):
    """(name, dimensions with the fastest first, type, bytes)"""
    for name, weights in model.state_dict().items():
        values = weights.float().numpy()
        wide = values.ndim == 2
        yield name, values.shape[::-1], TYPE_Q8_0 if wide else TYPE_F32, q8_0(values) if wide else values.tobytes()


def padding(size):
    return b"\0" * (-size % ALIGNMENT)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--work", default="work")
    parser.add_argument("--out", default="demo.gguf")
    options = parser.parse_args()
    model, step, _ = load(os.path.join(options.work, "checkpoint.pt"))
    pairs, tensors = head(model.shape, options.work, sum(p.numel()
        for p in model.parameters())), list(tensors_of(model))
    infos, offset = b"", 0
    for name, dimensions, kind, data in tensors:
        infos += text(name) + struct.pack(f"<I{len(dimensions)}QIQ", len(dimensions), *dimensions, kind, offset)
        offset += len(data) + len(padding(len(data)))
    start = b"GGUF" + struct.pack("<IQQ", 3, len(tensors), len(pairs)) + b"".join(pairs) + infos
    with open(options.out, "wb") as file:
        file.write(start + padding(len(start)))
        for _, _, _, data in tensors:
            file.write(data + padding(len(data)))
        print(f"{options.out}: {file.tell():,} bytes, {len(tensors)} tensors, trained for {step} steps")


if __name__ == "__main__":
    main()
