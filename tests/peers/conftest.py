"""PyTorch computes on one thread: in products as small as these, several wait for each other."""

from __future__ import annotations

import importlib.util

if importlib.util.find_spec("torch"):
    import torch

    torch.set_num_threads(1)
