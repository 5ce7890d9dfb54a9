"""The networks over sequences as PyTorch modules, for `engines.py`."""

from __future__ import annotations

from typing import Any


def pytorch_lstm(nn: Any) -> Any:
    """An LSTM of 128 over an image's rows, and a layer of 10 on its last step."""

    class Rows(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.lstm, self.last = nn.LSTM(28, 128, batch_first=True), nn.Linear(128, 10)

        def forward(self, x: Any) -> Any:
            return self.last(self.lstm(x)[0][:, -1])

    return Rows()


def pytorch_gpt(torch: Any, nn: Any, ids: int, heads: int, blocks: int) -> Any:
    """A GPT of width 64 with learnt positions for 64 steps; its scores are (N * T, ids)."""
    attention = nn.functional.scaled_dot_product_attention

    class Attention(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.qkv, self.out = nn.Linear(64, 192), nn.Linear(64, 64)

        def forward(self, x: Any) -> Any:
            q, k, v = (part.unflatten(2, (heads, -1)).transpose(1, 2) for part in self.qkv(x).split(64, 2))
            return self.out(attention(q, k, v, is_causal=True).transpose(1, 2).flatten(2))

    class Block(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.first = nn.Sequential(nn.LayerNorm(64), Attention())
            self.second = nn.Sequential(nn.LayerNorm(64), nn.Linear(64, 256), nn.GELU(), nn.Linear(256, 64))

        def forward(self, x: Any) -> Any:
            x = x + self.first(x)
            return x + self.second(x)

    class GPT(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.tokens, self.positions = nn.Embedding(ids, 64), nn.Parameter(torch.randn(64, 64) * 0.02)
            self.blocks = nn.Sequential(*(Block() for _ in range(blocks)))
            self.head = nn.Sequential(nn.LayerNorm(64), nn.Linear(64, ids))

        def forward(self, x: Any) -> Any:
            return self.head(self.blocks(self.tokens(x) + self.positions)).flatten(0, 1)

    return GPT()
