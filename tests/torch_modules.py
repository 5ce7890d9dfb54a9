"""Modules as people write them in PyTorch, for the tests of `exchange`; all in float64."""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import nn
from torch.nn import functional as F

torch.set_num_threads(1)  # in products as small as these, several would wait


class Block(nn.Module):
    """The basic block of torchvision's ResNet."""

    def __init__(self, inputs: int, outputs: int, stride: int = 1) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(inputs, outputs, 3, stride, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(outputs)
        self.relu = nn.ReLU(inplace=True)
        self.conv2 = nn.Conv2d(outputs, outputs, 3, 1, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(outputs)
        self.downsample: nn.Module | None = None
        if stride != 1 or inputs != outputs:
            self.downsample = nn.Sequential(nn.Conv2d(inputs, outputs, 1, stride, bias=False), nn.BatchNorm2d(outputs))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        identity = x
        out = self.relu(self.bn1(self.conv1(x)))
        out = self.bn2(self.conv2(out))
        if self.downsample is not None:
            identity = self.downsample(x)
        out += identity
        return self.relu(out)


class ResNet(nn.Module):
    """A ResNet as torchvision's, of two stages."""

    def __init__(self) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(3, 4, 3, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(4)
        self.relu = nn.ReLU(inplace=True)
        self.maxpool = nn.MaxPool2d(3, 2, 1)
        self.layer1 = nn.Sequential(Block(4, 4), Block(4, 4))
        self.layer2 = nn.Sequential(Block(4, 8, 2), Block(8, 8))
        self.avgpool = nn.AdaptiveAvgPool2d((1, 1))
        self.fc = nn.Linear(8, 5)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self.maxpool(self.relu(self.bn1(self.conv1(x))))
        x = self.layer2(self.layer1(x))
        return self.fc(torch.flatten(self.avgpool(x), 1))


class MnistNet(nn.Module):
    """The network of PyTorch's MNIST example, a little smaller: functional calls, and logarithms at the end."""

    def __init__(self) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(1, 3, 3, 1)
        self.conv2 = nn.Conv2d(3, 4, 3, 1)
        self.dropout1 = nn.Dropout(0.25)
        self.fc1 = nn.Linear(36, 6)
        self.fc2 = nn.Linear(6, 4)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = F.relu(self.conv1(x))
        x = F.max_pool2d(F.relu(self.conv2(x)), 2)
        x = self.dropout1(x)
        x = x.view(x.size(0), -1)
        x = F.dropout(F.relu(self.fc1(x)), p=0.5, training=self.training)
        return F.log_softmax(self.fc2(x), dim=1)


class Sequences(nn.Module):
    """Ids to a recurrent layer to classes; `taken` says what is taken of the recurrent layer."""

    def __init__(self, kind: str, taken: str, *, bidirectional: bool = False, levels: int = 1, **settings: Any) -> None:
        super().__init__()
        self.emb = nn.Embedding(11, 6)
        self.rnn = getattr(nn, kind)(6, 4, levels, batch_first=True, bidirectional=bidirectional, **settings)
        self.fc = nn.Linear(8 if bidirectional else 4, 3)
        self.taken, self.bidirectional = taken, bidirectional

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        out, states = self.rnn(self.emb(x))
        h = states[0] if isinstance(states, tuple) else states
        if self.taken == "all":
            return self.fc(out)
        if self.taken == "mean":
            return self.fc(out.mean(1))
        if self.taken == "out":
            return self.fc(out[:, -1])
        return self.fc(torch.cat([h[-2], h[-1]], dim=1) if self.bidirectional else h[-1])


class Encoder(nn.Module):
    """A nn.TransformerEncoder with learnt positions, and the table of ids as the last weights."""

    def __init__(self, *, norm_first: bool, causal: bool, activation: str = "relu") -> None:
        super().__init__()
        self.emb = nn.Embedding(11, 8)
        self.pos = nn.Parameter(torch.randn(7, 8, dtype=torch.float64))
        layer = nn.TransformerEncoderLayer(8, 2, 16, 0.0, activation, batch_first=True, norm_first=norm_first)
        layer.dropout1.p = layer.dropout.p = 0.1
        self.encoder = nn.TransformerEncoder(layer, 2, enable_nested_tensor=False)
        self.head = nn.Linear(8, 11, bias=False)
        self.head.weight = self.emb.weight
        self.causal = causal

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        T = x.shape[1]
        h = self.emb(x) + self.pos[:T]
        mask = nn.Transformer.generate_square_subsequent_mask(T) if self.causal else None
        return self.head(self.encoder(h, mask=mask, is_causal=self.causal))


class SelfAttention(nn.Module):
    """nanoGPT's causal self-attention, by PyTorch's function or written out."""

    def __init__(self, width: int, heads: int, *, written_out: bool, bias: bool = True) -> None:
        super().__init__()
        self.c_attn = nn.Linear(width, 3 * width, bias=bias)
        self.c_proj = nn.Linear(width, width)
        self.attn_dropout = nn.Dropout(0.0)
        self.heads, self.written_out = heads, written_out
        self.register_buffer("bias", torch.tril(torch.ones(9, 9)).view(1, 1, 9, 9))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        B, T, C = x.size()
        q, k, v = self.c_attn(x).split(C, dim=2)
        k = k.view(B, T, self.heads, C // self.heads).transpose(1, 2)
        q = q.view(B, T, self.heads, C // self.heads).transpose(1, 2)
        v = v.view(B, T, self.heads, C // self.heads).transpose(1, 2)
        if self.written_out:
            att = (q @ k.transpose(-2, -1)) * (1.0 / math.sqrt(k.size(-1)))
            att = att.masked_fill(self.bias[:, :, :T, :T] == 0, float("-inf"))
            y = self.attn_dropout(F.softmax(att, dim=-1)) @ v
        else:
            y = F.scaled_dot_product_attention(q, k, v, is_causal=True)
        return self.c_proj(y.transpose(1, 2).contiguous().view(B, T, C))


class GPT(nn.Module):
    """nanoGPT with one block."""

    def __init__(self, *, written_out: bool, bias: bool = True) -> None:
        super().__init__()
        self.wte, self.wpe = nn.Embedding(11, 8), nn.Embedding(6, 8)
        self.ln1, self.ln2 = nn.LayerNorm(8), nn.LayerNorm(8)
        self.attn = SelfAttention(8, 2, written_out=written_out, bias=bias)
        self.mlp = nn.Sequential(nn.Linear(8, 32), nn.GELU(), nn.Linear(32, 8))
        self.lm_head = nn.Linear(8, 11, bias=False)

    def forward(self, ids: torch.Tensor) -> torch.Tensor:
        x = self.wte(ids) + self.wpe(torch.arange(ids.size(1)))
        x = x + self.attn(self.ln1(x))
        x = x + self.mlp(self.ln2(x))
        return self.lm_head(x)


class Cross(nn.Module):
    """Attention of one sequence over another, and a mask of the second one's padding; three inputs, time first."""

    def __init__(self) -> None:
        super().__init__()
        self.attention = nn.MultiheadAttention(6, 3)
        self.fc = nn.Linear(6, 2)

    def forward(self, query: torch.Tensor, memory: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
        q, m = query.transpose(0, 1), memory.transpose(0, 1)
        attended, _ = self.attention(q, m, m, key_padding_mask=mask == 0, need_weights=False)
        return self.fc(attended.transpose(0, 1))


class Padded(nn.Module):
    """An encoder layer over sequences of unlike lengths, and the mean over the steps that count."""

    def __init__(self) -> None:
        super().__init__()
        self.emb = nn.Embedding(9, 4)
        self.encoder = nn.TransformerEncoderLayer(4, 2, 8, 0.0, batch_first=True)
        self.fc = nn.Linear(4, 2)

    def forward(self, ids: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
        h = self.encoder(self.emb(ids), src_key_padding_mask=mask == 0)
        keep = mask[:, :, None].to(h.dtype)
        return self.fc((h * keep).sum(1) / keep.sum(1))


class Raw(nn.Module):
    """Parameters without modules, branches side by side, numbers in between."""

    def __init__(self) -> None:
        super().__init__()
        self.W = nn.Parameter(torch.randn(3, 4, dtype=torch.float64))
        self.b = nn.Parameter(torch.randn(4, dtype=torch.float64))
        self.scale = math.sqrt(2)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        h = torch.tanh(x @ self.W + self.b)
        back = F.linear(h, self.W)  # the same weights, turned
        both = torch.cat([x - back / 3, h], dim=1)
        return (1 - both.sigmoid()) * torch.cat([x, h], 1) * self.scale


class Convolved(nn.Module):
    """Convolutions over steps, with the axes turned around them; the flattened rows are in PyTorch's order."""

    def __init__(self) -> None:
        super().__init__()
        self.first = nn.Conv1d(4, 6, 3, padding=1)
        self.second = nn.Conv1d(6, 5, 3)
        self.fc = nn.Linear(5 * 5, 2)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = F.relu(self.first(x.transpose(1, 2)))
        x = F.silu(self.second(F.pad(x, (0, 0))))
        return self.fc(x.flatten(1))


def drawn(module: nn.Module, seed: int = 0) -> nn.Module:
    """The module in float64, all of its numbers drawn; running averages too."""
    generator = torch.Generator().manual_seed(seed)
    module = module.double()
    with torch.no_grad():
        for parameter in module.parameters():
            parameter.copy_(torch.randn(parameter.shape, generator=generator, dtype=torch.float64) * 0.4)
        for name, buffer in module.named_buffers():
            if name.endswith(("running_mean", "running_var")):
                buffer.copy_(torch.rand(buffer.shape, generator=generator, dtype=torch.float64) + 0.3)
    return module


def normal(*shape: int, seed: int = 1) -> torch.Tensor:
    """Normal numbers in float64."""
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def ids(*shape: int, below: int = 11) -> torch.Tensor:
    """Whole numbers."""
    return torch.randint(0, below, shape, generator=torch.Generator().manual_seed(2))
