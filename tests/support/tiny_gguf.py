"""Writes a tiny GGUF model with random weights and a vocabulary of single bytes: enough for a server to be asked."""

import random
import struct

SPECIALS = ["<|endoftext|>", "<|im_start|>", "<|im_end|>"]
TEMPLATE = (
    "{% for m in messages %}<|im_start|>{{ m.role }}\n{{ m.content }}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)
# Calls as Hermes writes them.
TOOL_TEMPLATE = (
    "{% if tools %}<|im_start|>system\ntools:\n{% for t in tools %}{{ t | tojson }}\n{% endfor %}"
    'Call: <tool_call>\n{\"name\": name, \"arguments\": arguments}\n</tool_call><|im_end|>\n{% endif %}'
    "{% for m in messages %}<|im_start|>{{ m.role }}\n{{ m.content }}"
    "{% for c in m.tool_calls or [] %}<tool_call>{{ c.function.name }} {{ c.function.arguments | tojson }}</tool_call>{% endfor %}"
    "<|im_end|>\n{% endfor %}{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)
# Calls as Qwen 3 Coder writes them.
XML_TEMPLATE = "{# <function=f><parameter=p> #}{% for t in tools or [] %}{{ t | tojson }}{% endfor %}" + TEMPLATE
WIDTH, FFN, LAYERS, HEADS, KV_HEADS, CONTEXT = 64, 96, 2, 4, 2, 512


def byte_alphabet():
    """The letters that stand for the 256 bytes in byte-level vocabularies."""
    shown = [*range(33, 127), *range(161, 173), *range(174, 256)]
    letters, spare = {}, 256
    for byte in range(256):
        letters[byte] = chr(byte) if byte in shown else chr(spare)
        spare += byte not in shown
    return [letters[byte] for byte in range(256)]


def text(value):
    data = value.encode()
    return struct.pack("<Q", len(data)) + data


def pair(key, kind, value):
    formats = {4: "<I", 6: "<f", 7: "<?"}
    return text(key) + struct.pack("<I", kind) + (text(value) if kind == 8 else struct.pack(formats[kind], value))


def array(key, kind, values):
    body = b"".join(text(v) if kind == 8 else struct.pack("<i", v) for v in values)
    return text(key) + struct.pack("<IIQ", 9, kind, len(values)) + body


def metadata(template, layers, context):
    tokens = [*byte_alphabet(), "he", *SPECIALS]
    kinds = [1] * 257 + [3] * len(SPECIALS)
    return [
        pair("general.architecture", 8, "llama"), pair("general.name", 8, "tiny random"), pair("llama.context_length", 4, context),
        pair("llama.embedding_length", 4, WIDTH), pair("llama.block_count", 4, layers), pair("llama.feed_forward_length", 4, FFN),
        pair("llama.attention.head_count", 4, HEADS), pair("llama.attention.head_count_kv", 4, KV_HEADS),
        pair("llama.attention.layer_norm_rms_epsilon", 6, 1e-5), pair("llama.rope.freq_base", 6, 10000.0),
        pair("llama.rope.dimension_count", 4, WIDTH // HEADS), pair("llama.vocab_size", 4, len(tokens)),
        pair("tokenizer.ggml.model", 8, "gpt2"), pair("tokenizer.ggml.pre", 8, "qwen2"), array("tokenizer.ggml.tokens", 8, tokens),
        array("tokenizer.ggml.token_type", 5, kinds), array("tokenizer.ggml.merges", 8, ["h e"]),
        pair("tokenizer.ggml.bos_token_id", 4, 257), pair("tokenizer.ggml.eos_token_id", 4, 259), pair("tokenizer.ggml.add_bos_token", 7, False),
        pair("tokenizer.chat_template", 8, template),
    ], len(tokens)


def shapes(vocabulary, layers):
    head = WIDTH // HEADS
    yield "token_embd.weight", (WIDTH, vocabulary)
    yield "output_norm.weight", (WIDTH,)
    for layer in range(layers):
        for name, dims in {
            "attn_norm": (WIDTH,), "attn_q": (WIDTH, WIDTH), "attn_k": (WIDTH, KV_HEADS * head), "attn_v": (WIDTH, KV_HEADS * head),
            "attn_output": (WIDTH, WIDTH), "ffn_norm": (WIDTH,), "ffn_gate": (WIDTH, FFN), "ffn_up": (WIDTH, FFN), "ffn_down": (FFN, WIDTH),
        }.items():
            yield f"blk.{layer}.{name}.weight", dims


BERT_CONTEXT, BERT_WIDTH = 48, 32


def bert_metadata(layers):
    letters = [chr(code) for code in range(ord("a"), ord("z") + 1)]
    tokens = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", *("\u2581" + letter for letter in letters), *letters, "\u2581hello", "\u2581world"]
    return [
        pair("general.architecture", 8, "bert"), pair("general.name", 8, "tiny embedder"), pair("bert.context_length", 4, BERT_CONTEXT),
        pair("bert.embedding_length", 4, BERT_WIDTH), pair("bert.block_count", 4, layers), pair("bert.feed_forward_length", 4, FFN),
        pair("bert.attention.head_count", 4, HEADS), pair("bert.attention.layer_norm_epsilon", 6, 1e-12), pair("bert.pooling_type", 4, 1),
        pair("tokenizer.ggml.model", 8, "bert"), array("tokenizer.ggml.tokens", 8, tokens),
        array("tokenizer.ggml.token_type", 5, [3] * 4 + [1] * (len(tokens) - 4)),
        pair("tokenizer.ggml.unknown_token_id", 4, 1), pair("tokenizer.ggml.cls_token_id", 4, 2), pair("tokenizer.ggml.seperator_token_id", 4, 3),
    ], len(tokens)


def bert_shapes(vocabulary, layers):
    yield "token_embd.weight", (BERT_WIDTH, vocabulary)
    yield "position_embd.weight", (BERT_WIDTH, BERT_CONTEXT)
    yield "token_types.weight", (BERT_WIDTH, 2)
    for name in ("weight", "bias"):
        yield f"token_embd_norm.{name}", (BERT_WIDTH,)
    for layer in range(layers):
        for name in ("attn_q", "attn_k", "attn_v", "attn_output"):
            yield f"blk.{layer}.{name}.weight", (BERT_WIDTH, BERT_WIDTH)
        yield f"blk.{layer}.ffn_up.weight", (BERT_WIDTH, FFN)
        yield f"blk.{layer}.ffn_down.weight", (FFN, BERT_WIDTH)
        for name in ("attn_output_norm", "layer_output_norm"):
            yield f"blk.{layer}.{name}.weight", (BERT_WIDTH,)
            yield f"blk.{layer}.{name}.bias", (BERT_WIDTH,)


def write(path, seed=1, template=TEMPLATE, layers=LAYERS, context=CONTEXT):
    pairs, vocabulary = metadata(template, layers, context)
    write_file(path, seed, pairs, shapes(vocabulary, layers))


def write_bert(path, seed=1, layers=LAYERS):
    """An embedder whose vocabulary is the letters and two words."""
    pairs, vocabulary = bert_metadata(layers)
    write_file(path, seed, pairs, bert_shapes(vocabulary, layers))


def write_file(path, seed, pairs, named_shapes):
    numbers = random.Random(seed)
    infos, data = b"", b""
    tensors = list(named_shapes)
    for name, dims in tensors:
        count = dims[0] * (dims[1] if len(dims) > 1 else 1)
        infos += text(name) + struct.pack("<I", len(dims)) + b"".join(struct.pack("<Q", d) for d in dims) + struct.pack("<IQ", 0, len(data))
        values = [1.0 if len(dims) == 1 else numbers.gauss(0, 0.15) for _ in range(count)]
        data += struct.pack(f"<{count}f", *values)
        data += b"\0" * (-len(data) % 32)
    head = struct.pack("<IIQQ", 0x46554747, 3, len(tensors), len(pairs)) + b"".join(pairs) + infos
    with open(path, "wb") as file:
        file.write(head + b"\0" * (-len(head) % 32) + data)
