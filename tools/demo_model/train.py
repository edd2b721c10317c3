"""Trains the demo model on the text of generate.py, on the CPU. Run it again to go on where it stopped.

    python3 train.py --corpus corpus.txt --work work --steps 4000 --threads 1

Needs torch, numpy and tokenizers. `work` holds the vocabulary, the encoded text and checkpoint.pt (written now and then
and at the end, always whole). `--sample TEXT` lets the checkpoint answer instead of training.
"""

import argparse
import json
import os
import sys
import time
from dataclasses import asdict

import numpy
import torch
from tokenizers import Regex, Tokenizer, decoders, models, pre_tokenizers, trainers
from torch.nn import functional

from model import DemoModel, Shape

SPECIALS = ["<|endoftext|>", "<|im_start|>", "<|im_end|>"]
VOCABULARY = 4096
# How text is cut before merging: the rule that GGUF files name "qwen2".
SPLIT = (r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}"
         r"| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+")
OTHERS_WEIGHT = 0.1  # of tokens that the model will never have to write


def vocabulary_of(work, corpus):
    path = os.path.join(work, "tokenizer.json")
    if not os.path.exists(path):
        tokenizer = Tokenizer(models.BPE())
        tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
            [pre_tokenizers.Split(Regex(SPLIT), "isolated"), pre_tokenizers.ByteLevel(add_prefix_space=False,
            use_regex=False)])
        tokenizer.decoder = decoders.ByteLevel()
        tokenizer.train([corpus], trainers.BpeTrainer(vocab_size=VOCABULARY, special_tokens=SPECIALS,
            initial_alphabet=pre_tokenizers.ByteLevel.alphabet(), show_progress=False))
        tokenizer.save(path)
    return Tokenizer.from_file(path)


def weights_of(tokens, start, end, newline, assistant):
    """1 from an assistant's first word to its <|im_end|>, else OTHERS_WEIGHT; the same length as tokens."""
    weights = numpy.full(len(tokens), OTHERS_WEIGHT, numpy.float16)
    opens = numpy.flatnonzero((tokens[:-2] == start) & (tokens[1:-1] == assistant) & (tokens[2:] == newline))
    ends = numpy.flatnonzero(tokens == end)
    for at in opens:
        weights[at + 3: ends[numpy.searchsorted(ends, at)] + 1] = 1
    return weights


def encoded(work, corpus, tokenizer):
    """(tokens, weights, first token of each window): a window begins with a chat and ends where it is full."""
    path = os.path.join(work, "tokens.npz")
    if not os.path.exists(path):
        with open(corpus, encoding="utf-8") as file:
            chats = [chat.lstrip("\n") + SPECIALS[0] for chat in file.read().split(SPECIALS[0]) if chat.strip()]
        parts, begins, total = [], [], 0
        for at in range(0, len(chats), 1_000):
            for one in tokenizer.encode_batch(chats[at: at + 1_000]):
                parts.append(numpy.array(one.ids, numpy.uint16))
                begins.append(total)
                total += len(one.ids)
        tokens = numpy.concatenate(parts)
        ids = [tokenizer.token_to_id(text) for text in ("<|im_start|>", "<|im_end|>", "Ċ", "assistant")]
        numpy.savez(path, tokens=tokens, weights=weights_of(tokens, *ids), begins=numpy.array(begins))
    data = numpy.load(path)
    tokens, begins = data["tokens"], data["begins"]
    windows, context = [0], Shape(0).context
    while (at := numpy.searchsorted(begins,
        windows[-1] + context)) < len(begins) and begins[at] + context < len(tokens):
        windows.append(int(begins[at]))
    return tokens, data["weights"], numpy.array(windows)


def batches(tokens, weights, windows, size, step):
    """Batch number `step`, whatever came before: the windows in an order that each round shuffles anew."""
    context, per_round = Shape(0).context, len(windows) // size
    order = numpy.random.default_rng(step // per_round).permutation(len(windows))
    at = windows[order[step % per_round * size: (step % per_round + 1) * size]][:, None] + numpy.arange(context + 1)
    chosen = torch.from_numpy(tokens[at].astype(numpy.int64))
    return chosen[:, :-1], chosen[:, 1:], torch.from_numpy(weights[at[:, 1:]].astype(numpy.float32))


def rate(step, options):
    """Warm-up, then flat, then a straight way down in the last 40 %."""
    return options.rate * min(1, (step + 1) / 100, max(0.02, (options.steps - step) / (0.4 * options.steps)))


def loss_of(model, inputs, targets, weights):
    """(weighted mean loss, mean loss of what an assistant says)"""
    with torch.autocast("cpu", torch.bfloat16):
        logits = model(inputs)
    losses = functional.cross_entropy(logits.float().flatten(0, 1), targets.flatten(), reduction="none")
    weights = weights.flatten()
    said = weights == 1
    return (losses * weights).sum() / weights.sum(), losses[said].mean().item()


def save(path, model, optimizer, step, shape):
    torch.save({"model": model.state_dict(), "optimizer": optimizer.state_dict(), "step": step,
        "shape": asdict(shape)}, path + ".new")
    os.replace(path + ".new", path)


def load(path, with_optimizer=False):
    kept = torch.load(path, weights_only=True)
    model = DemoModel(Shape(**kept["shape"]))
    model.load_state_dict(kept["model"])
    return model, kept["step"], kept["optimizer"] if with_optimizer else None


def train(options):
    tokenizer = vocabulary_of(options.work, options.corpus)
    tokens, weights, windows = encoded(options.work, options.corpus, tokenizer)
    path = os.path.join(options.work, "checkpoint.pt")
    torch.manual_seed(1)
    model, step, kept = load(path, True) if os.path.exists(path) else (DemoModel(Shape(tokenizer.get_vocab_size())), 0,
        None)
    matrices, vectors = ([p for p in model.parameters() if (p.dim() == 2) == wide] for wide in (True, False))
    optimizer = torch.optim.AdamW([{"params": matrices, "weight_decay": 0.1}, {"params": vectors,
        "weight_decay": 0.0}], betas=(0.9, 0.95), fused=True)
    if kept:
        optimizer.load_state_dict(kept)
    size = sum(p.numel() for p in model.parameters())
    print(f"{size:,} weights, {tokenizer.get_vocab_size()} tokens in the vocabulary, {len(tokens):,} in the text, "
        f"{len(windows):,} windows, step {step}", flush=True)
    begin, first, mean, saved = time.time(), step, None, time.time()
    while step < options.steps:
        for group in optimizer.param_groups:
            group["lr"] = rate(step, options)
        loss, said = loss_of(model, *batches(tokens, weights, windows, options.batch, step))
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        optimizer.zero_grad()
        step += 1
        mean = said if mean is None else 0.95 * mean + 0.05 * said
        if step % 10 == 0 or step == options.steps:
            show(step, options.steps, mean, (time.time() - begin) / (step - first), options.batch)
        if time.time() - saved > options.save_every or step == options.steps:
            save(path, model, optimizer, step, model.shape)
            saved = time.time()


def show(step, steps, loss, seconds, batch):
    done = int(24 * step / steps)
    left = seconds * (steps - step)
    bar = "#" * done + "." * (24 - done)
    speed = batch * Shape(0).context / seconds
    text = f"[{bar}] {step}/{steps} loss {loss:.4f} {speed:,.0f} tokens/s, {left / 60:.0f} min left"
    print(("\r" if sys.stdout.isatty() else "") + text, end="" if sys.stdout.isatty() else "\n", flush=True)


@torch.no_grad()
def answer(model, tokenizer, text, longest=160):
    """The likeliest answer to one question, token by token."""
    ids = tokenizer.encode(f"<|im_start|>user\n{text}<|im_end|>\n<|im_start|>assistant\n").ids
    begin, end = len(ids), tokenizer.token_to_id("<|im_end|>")
    while len(ids) < min(begin + longest, model.shape.context):
        ids.append(int(model(torch.tensor([ids]))[0, -1].argmax()))
        if ids[-1] == end:
            break
    return tokenizer.decode(ids[begin:])


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--corpus", default="corpus.txt")
    parser.add_argument("--work", default="work")
    parser.add_argument("--steps", type=int, default=4_000)
    parser.add_argument("--batch", type=int, default=16, help="windows of 512 tokens per step")
    parser.add_argument("--rate", type=float, default=2e-3)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--save-every", type=float, default=300, metavar="SECONDS")
    parser.add_argument("--sample", metavar="TEXT", action="append",
        help="let the checkpoint answer; may be given several times")
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    os.makedirs(options.work, exist_ok=True)
    if not options.sample:
        train(options)
        return
    model, step, _ = load(os.path.join(options.work, "checkpoint.pt"))
    tokenizer = vocabulary_of(options.work, options.corpus)
    print(json.dumps({"step": step, "answers": {text: answer(model, tokenizer, text) for text in options.sample}},
        indent=1))


if __name__ == "__main__":
    main()
