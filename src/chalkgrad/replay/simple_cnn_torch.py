"""The convolutional network in PyTorch beside chalkgrad's, from the same weights. Needs PyTorch."""

from __future__ import annotations

from importlib import import_module
from typing import Any

import numpy as np

from ..describe.optimizers import SGD
from ..examples.example import Example
from ..train.callbacks import Callback, Training

Array = np.ndarray[Any, Any]

STEPS = 1_000


class Keep(Callback):
    """Keeps the parameters as they are after every update."""

    def __init__(self) -> None:
        self.kept: list[dict[str, Array]] = []

    def on_step(self, training: Training) -> None:
        self.kept.append({name: w.copy() for name, w in training.network.parameters.items()})


def differences(example: Example, rate: float, steps: int = STEPS) -> tuple[float, float]:
    """The largest difference in a loss and in a weight over so many updates.

    PyTorch's network has the example's initial weights, no biases, no ReLU after the convolution, the sum of the
    squared errors as its loss, and float64.
    """
    torch: Any = import_module("torch")
    functional: Any = import_module("torch.nn.functional")
    network, keep = example.network.copy(), Keep()
    start = {name: torch.tensor(w.copy()) for name, w in network.parameters.items()}
    history = network.fit(
        example.x, example.y, optimizer=SGD(rate), epochs=steps, batch_size=None, shuffle=False, callbacks=[keep]
    )
    # nn.Linear's weights are outputs x inputs
    kernel, hidden, out = (
        w.contiguous().requires_grad_() for w in (start["W1"], start["W2"].T, start["W3"].T)
    )  # fmt: skip
    optimizer = torch.optim.SGD([kernel, hidden, out], lr=rate)
    x, y = torch.tensor(example.x), torch.tensor(example.y)
    worst_loss = worst_weight = 0.0
    for record, ours in zip(history, keep.kept, strict=True):
        optimizer.zero_grad()
        features = functional.max_pool2d(functional.conv2d(x, kernel), 2).flatten(1).sigmoid()
        loss = ((features @ hidden.T).sigmoid() @ out.T).sigmoid().sub(y).square().sum()
        loss.backward()
        optimizer.step()
        worst_loss = max(worst_loss, abs(record.loss - loss.item()))
        theirs = {"W1": kernel, "W2": hidden.T, "W3": out.T}
        gaps = [np.abs(w.detach().numpy() - ours[name]).max() for name, w in theirs.items()]
        worst_weight = max(worst_weight, *map(float, gaps))
    return worst_loss, worst_weight
