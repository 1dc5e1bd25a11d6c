"""A tiny decoder-only transformer on a CPU: tokens in, logits of the next token out.

What it is trained to say lives in course_lib.language_tasks and course_lib.algorithms."""

import torch
from torch import Tensor, nn
from torch.nn.functional import scaled_dot_product_attention

KeyValue = tuple[Tensor, Tensor]


def linear(inputs: int, outputs: int, generator: torch.Generator | None) -> nn.Linear:
    """A linear layer that keeps the size of its input, on average; its biases begin at zero."""
    layer = nn.utils.skip_init(nn.Linear, inputs, outputs)
    nn.init.normal_(layer.weight, std=inputs**-0.5, generator=generator)
    nn.init.zeros_(layer.bias)
    return layer


def embedding(count: int, width: int, generator: torch.Generator | None) -> nn.Embedding:
    """A table of `count` vectors."""
    # Not skip_init as above: for an embedding it costs a second, once a process.
    return nn.Embedding.from_pretrained(
        torch.empty(count, width).normal_(std=0.5, generator=generator), freeze=False
    )


class Attention(nn.Module):
    """Every position asks the positions up to itself, never a later one."""

    def __init__(self, width: int, heads: int, generator: torch.Generator | None) -> None:
        super().__init__()
        self.heads = heads
        self.query_key_value = linear(width, 3 * width, generator)
        self.output = linear(width, width, generator)

    def forward(self, x: Tensor, past: KeyValue | None) -> tuple[Tensor, KeyValue]:
        """(B, L, W) → (B, L, W), and the keys and values of all positions so far."""
        query, key, value = (
            part.unflatten(-1, (self.heads, -1)).transpose(1, 2)  # (B, heads, L, W / heads)
            for part in self.query_key_value(x).chunk(3, dim=-1)
        )
        if past is not None:
            key, value = torch.cat((past[0], key), dim=2), torch.cat((past[1], value), dim=2)
        # Row i may look at column j if j is not later: the last row is the last column's.
        allowed = torch.ones(query.shape[2], key.shape[2], dtype=torch.bool)
        allowed = allowed.tril(key.shape[2] - query.shape[2])
        mixed = scaled_dot_product_attention(query, key, value, attn_mask=allowed)
        return self.output(mixed.transpose(1, 2).flatten(2)), (key, value)


class Block(nn.Module):
    """Attention, then a small network at each position; both add to what was there."""

    def __init__(self, width: int, heads: int, generator: torch.Generator | None) -> None:
        super().__init__()
        self.attention = Attention(width, heads, generator)
        self.network = nn.Sequential(
            linear(width, 4 * width, generator), nn.ReLU(), linear(4 * width, width, generator)
        )
        self.norm1, self.norm2 = nn.LayerNorm(width), nn.LayerNorm(width)

    def forward(self, x: Tensor, past: KeyValue | None) -> tuple[Tensor, KeyValue]:
        """(B, L, W) → (B, L, W), and what `Attention` has to remember."""
        mixed, present = self.attention(self.norm1(x), past)
        x = x + mixed
        return x + self.network(self.norm2(x)), present


class Transformer(nn.Module):
    """π(next token | tokens so far), for all positions at once.

    Args:
        vocabulary: V, how many different tokens there are.
        context: the largest number of positions.
        width: W, the size of the vector that stands for a position; a multiple of `heads`.
        heads: of each attention.
        layers: how many blocks follow each other.
        generator: the source of the initial weights.

    Raises:
        ValueError: the width cannot be divided among the heads.

    Source: Vaswani et al. (2017), arXiv:1706.03762; Radford et al. (2019), GPT-2, for the place of
    the norms.
    """

    def __init__(
        self,
        vocabulary: int,
        context: int,
        width: int = 32,
        heads: int = 4,
        layers: int = 2,
        generator: torch.Generator | None = None,
    ) -> None:
        super().__init__()
        if width % heads:
            raise ValueError(f"width: expected a multiple of {heads} heads, got {width}")
        self.context = context
        self.token = embedding(vocabulary, width, generator)
        self.position = embedding(context, width, generator)
        self.blocks = nn.ModuleList(Block(width, heads, generator) for _ in range(layers))
        self.norm = nn.LayerNorm(width)
        self.logits = linear(width, vocabulary, generator)

    def forward(self, tokens: Tensor) -> Tensor:
        """(B, L) int64 → (B, L, V): logits[:, t] predict the token that follows tokens[:, t]."""
        return self.read(tokens)[0]

    def read(
        self, tokens: Tensor, past: list[KeyValue] | None = None
    ) -> tuple[Tensor, list[KeyValue]]:
        """Go on reading where `past` ended: what was read before is not computed again.

        Args:
            tokens: (B, L) int64, those that follow the ones in `past`.
            past: what the last call returned; `None` at the beginning.

        Returns:
            (B, L, V) logits, and the keys and values of everything read so far.

        Raises:
            ValueError: more tokens than the context holds.
        """
        start = 0 if past is None else past[0][0].shape[2]
        stop = start + tokens.shape[1]
        if stop > self.context:
            raise ValueError(f"the context holds {self.context} tokens, got {stop}")
        x = self.token(tokens) + self.position.weight[start:stop]
        present = []
        for i, block in enumerate(self.blocks):
            x, key_value = block(x, None if past is None else past[i])
            present.append(key_value)
        return self.logits(self.norm(x)), present
