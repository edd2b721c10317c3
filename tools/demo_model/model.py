"""The demo model: a decoder of the Qwen3 kind (grouped queries, normed heads, rotary positions, gated feed-forward)."""

from dataclasses import dataclass

import torch
from torch import nn
from torch.nn import functional


@dataclass
class Shape:
    vocabulary: int
    context: int = 512
    width: int = 256
    layers: int = 8
    heads: int = 4
    kv_heads: int = 2
    head_width: int = 64
    hidden: int = 768
    rope_base: float = 10_000.0
    epsilon: float = 1e-6


def rotary(shape):
    """Cosines and sines [context, head_width]; the two halves of a head turn together."""
    half = shape.head_width // 2
    speeds = shape.rope_base ** (-torch.arange(half, dtype=torch.float32) / half)
    angles = torch.outer(torch.arange(shape.context, dtype=torch.float32), speeds)
    return torch.cat([angles.cos()] * 2, 1), torch.cat([angles.sin()] * 2, 1)


def turned(x, cosines, sines):
    first, second = x.chunk(2, -1)
    return x * cosines + torch.cat([-second, first], -1) * sines


class Block(nn.Module):
    def __init__(self, shape):
        super().__init__()
        self.shape = shape
        self.attn_norm = nn.RMSNorm(shape.width, shape.epsilon)
        self.attn_q = nn.Linear(shape.width, shape.heads * shape.head_width, bias=False)
        self.attn_k = nn.Linear(shape.width, shape.kv_heads * shape.head_width, bias=False)
        self.attn_v = nn.Linear(shape.width, shape.kv_heads * shape.head_width, bias=False)
        self.attn_q_norm = nn.RMSNorm(shape.head_width, shape.epsilon)
        self.attn_k_norm = nn.RMSNorm(shape.head_width, shape.epsilon)
        self.attn_output = nn.Linear(shape.heads * shape.head_width, shape.width, bias=False)
        self.ffn_norm = nn.RMSNorm(shape.width, shape.epsilon)
        self.ffn_gate = nn.Linear(shape.width, shape.hidden, bias=False)
        self.ffn_up = nn.Linear(shape.width, shape.hidden, bias=False)
        self.ffn_down = nn.Linear(shape.hidden, shape.width, bias=False)

    def heads(self, projected, count, norm=None):
        """[batch, length, count * head_width] -> [batch, count, length, head_width]"""
        split = projected.view(*projected.shape[:2], count, self.shape.head_width)
        return (norm(split.float()) if norm else split).transpose(1, 2)

    def forward(self, x, cosines, sines):
        shape, normed = self.shape, self.attn_norm(x)
        q = turned(self.heads(self.attn_q(normed), shape.heads, self.attn_q_norm), cosines, sines)
        k = turned(self.heads(self.attn_k(normed), shape.kv_heads, self.attn_k_norm), cosines, sines)
        v = self.heads(self.attn_v(normed), shape.kv_heads)
        k, v = (t.repeat_interleave(shape.heads // shape.kv_heads, 1) for t in (k, v))
        mixed = functional.scaled_dot_product_attention(q.to(v.dtype), k.to(v.dtype), v, is_causal=True)
        x = x + self.attn_output(mixed.transpose(1, 2).flatten(2))
        normed = self.ffn_norm(x)
        return x + self.ffn_down(functional.silu(self.ffn_gate(normed)) * self.ffn_up(normed))


class DemoModel(nn.Module):
    def __init__(self, shape):
        super().__init__()
        self.shape = shape
        self.token_embd = nn.Embedding(shape.vocabulary, shape.width)
        self.blk = nn.ModuleList(Block(shape) for _ in range(shape.layers))
        self.output_norm = nn.RMSNorm(shape.width, shape.epsilon)
        for name, table in zip(("cosines", "sines"), rotary(shape)):
            self.register_buffer(name, table, persistent=False)
        for name, weights in self.named_parameters():
            if weights.dim() == 2:
                narrow = name.endswith(("attn_output.weight", "ffn_down.weight"))
                nn.init.normal_(weights, std=0.02 / (2 * shape.layers) ** 0.5 if narrow else 0.02)

    def hidden(self, tokens):
        x, length = self.token_embd(tokens), tokens.shape[1]
        for block in self.blk:
            x = block(x, self.cosines[:length], self.sines[:length])
        return self.output_norm(x)

    def forward(self, tokens):
        """Logits [batch, length, vocabulary]; the embedding is the output matrix, too."""
        return functional.linear(self.hidden(tokens), self.token_embd.weight)
