"""The networks over sequences in PyTorch and JAX, for `engines.py`."""

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


def jax_lstm(j: Any, jnp: Any, drawn: Any) -> tuple[list[Any], Any]:
    """The same LSTM: its first parameters, and the function of parameters and x that gives the scores."""
    w = [drawn(28, 512, fan=156), drawn(128, 512, fan=156), jnp.zeros(512), drawn(128, 10, fan=128), jnp.zeros(10)]

    def forward(w: Any, x: Any) -> Any:
        W, U, b, last, bias = w
        zeros = jnp.zeros((len(x), 128))

        def step(state: Any, z: Any) -> Any:
            h, c = state
            i, f, g, o = jnp.split(z + h @ U, 4, 1)
            c = j.nn.sigmoid(f) * c + j.nn.sigmoid(i) * jnp.tanh(g)
            h = j.nn.sigmoid(o) * jnp.tanh(c)
            return (h, c), None

        (h, _), _ = j.lax.scan(step, (zeros, zeros), (x @ W + b).swapaxes(0, 1))
        return h @ last + bias

    return w, forward


def jax_gpt(j: Any, jnp: Any, drawn: Any, ids: int, heads: int, blocks: int) -> tuple[list[Any], Any]:
    """The same GPT: its first parameters, and the function of parameters and x that gives the scores."""
    ones, zeros = jnp.ones(64), jnp.zeros(64)
    w = [drawn(ids, 64, fan=2), drawn(64, 64, fan=5000), ones, zeros, drawn(64, ids, fan=64), jnp.zeros(ids)]
    for _ in range(blocks):
        w += [ones, zeros, drawn(64, 192, fan=64), jnp.zeros(192), drawn(64, 64, fan=64), zeros]
        w += [ones, zeros, drawn(64, 256, fan=64), jnp.zeros(256), drawn(256, 64, fan=256), zeros]
    allowed = jnp.tril(jnp.ones((64, 64), bool))

    def normal(x: Any, gain: Any, shift: Any) -> Any:
        away = x - x.mean(-1, keepdims=True)
        return away * j.lax.rsqrt((away**2).mean(-1, keepdims=True) + 1e-5) * gain + shift

    def attention(x: Any, W: Any, b: Any, Wo: Any, bo: Any) -> Any:
        q, k, v = (part.reshape(*x.shape[:2], heads, -1) for part in jnp.split(x @ W + b, 3, -1))
        scores = jnp.einsum("nshd,nthd->nhst", q, k) / (64 // heads) ** 0.5
        weights = j.nn.softmax(jnp.where(allowed, scores, -jnp.inf))
        return jnp.einsum("nhst,nthd->nshd", weights, v).reshape(x.shape) @ Wo + bo

    def forward(w: Any, x: Any) -> Any:
        tokens, positions, gain, shift, head, bias = w[:6]
        a = tokens[x] + positions
        for at in range(6, len(w), 12):
            g1, s1, W, b, Wo, bo, g2, s2, W1, b1, W2, b2 = w[at : at + 12]
            a = a + attention(normal(a, g1, s1), W, b, Wo, bo)
            a = a + j.nn.gelu(normal(a, g2, s2) @ W1 + b1, approximate=False) @ W2 + b2
        return (normal(a, gain, shift) @ head + bias).reshape(-1, ids)

    return w, forward
