"""chalkgrad: a neural network you can read like a chalkboard.

Describe a network with layers and a loss; `Network` writes its forward and backward pass as a list of named
steps, runs exactly these, and trains.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from . import data, testing
    from .base.errors import (
        ChalkgradError,
        CheckpointError,
        DataError,
        FormulaError,
        NotFiniteError,
        OptionError,
        ShapeError,
        UnknownNameError,
    )
    from .describe import initializers
    from .describe.layers import (
        ELU,
        GELU,
        GRU,
        LSTM,
        RNN,
        Add,
        Attention,
        AvgPool2D,
        BatchNorm,
        Concat,
        Conv1D,
        Conv2D,
        Dense,
        Dropout,
        Embedding,
        Flatten,
        GlobalAvgPool1D,
        GlobalAvgPool2D,
        Layer,
        LayerNorm,
        LeakyReLU,
        MaxPool2D,
        Multiply,
        Parameter,
        Positions,
        ReLU,
        Residual,
        RMSNorm,
        Sigmoid,
        SiLU,
        Softmax,
        Softplus,
        Standardize,
        State,
        Sum,
        Tanh,
        Unstandardize,
    )
    from .describe.layers.registry import layer
    from .describe.losses import AbsoluteError, BinaryCrossEntropy, CrossEntropy, Hinge, Loss, SquaredError
    from .describe.optimizers import SGD, AdaGrad, Adam, AdamW, Optimizer, RMSProp
    from .describe.schedules import (
        Constant,
        Cosine,
        Exponential,
        InverseTime,
        Linear,
        OneCycle,
        ReduceOnPlateau,
        Schedule,
        StepDecay,
    )
    from .diagnosis import Diagnosis, diagnose
    from .estimators import ChalkgradClassifier, ChalkgradRegressor
    from .examples.example import Example, load_example
    from .exchange.comparison import Comparison, compare
    from .exchange.onnx.network import from_onnx
    from .exchange.torch.network import from_torch
    from .explain.derivation import Derivation
    from .explain.trace import Trace
    from .model.model import Evaluation
    from .network import Network, load
    from .program import Program, Step
    from .rules.rule import Operation, Rule, kinks, mistake, rule
    from .train.callbacks import Callback
    from .train.checkpoints import Checkpoints, CheckpointWarning
    from .train.history import History, Record, StopReason
    from .train.shards import Shards
    from .train.tensorboard import TensorBoard

__version__ = "0.1.0"

__all__ = [
    "ELU",
    "GELU",
    "GRU",
    "LSTM",
    "RNN",
    "SGD",
    "AbsoluteError",
    "AdaGrad",
    "Adam",
    "AdamW",
    "Add",
    "Attention",
    "AvgPool2D",
    "BatchNorm",
    "BinaryCrossEntropy",
    "Callback",
    "ChalkgradClassifier",
    "ChalkgradError",
    "ChalkgradRegressor",
    "CheckpointError",
    "CheckpointWarning",
    "Checkpoints",
    "Comparison",
    "Concat",
    "Constant",
    "Conv1D",
    "Conv2D",
    "Cosine",
    "CrossEntropy",
    "DataError",
    "Dense",
    "Derivation",
    "Diagnosis",
    "Dropout",
    "Embedding",
    "Evaluation",
    "Example",
    "Exponential",
    "Flatten",
    "FormulaError",
    "GlobalAvgPool1D",
    "GlobalAvgPool2D",
    "Hinge",
    "History",
    "InverseTime",
    "Layer",
    "LayerNorm",
    "LeakyReLU",
    "Linear",
    "Loss",
    "MaxPool2D",
    "Multiply",
    "Network",
    "NotFiniteError",
    "OneCycle",
    "Operation",
    "Optimizer",
    "OptionError",
    "Parameter",
    "Positions",
    "Program",
    "RMSNorm",
    "RMSProp",
    "ReLU",
    "Record",
    "ReduceOnPlateau",
    "Residual",
    "Rule",
    "Schedule",
    "ShapeError",
    "Shards",
    "SiLU",
    "Sigmoid",
    "Softmax",
    "Softplus",
    "SquaredError",
    "Standardize",
    "State",
    "Step",
    "StepDecay",
    "StopReason",
    "Sum",
    "Tanh",
    "TensorBoard",
    "Trace",
    "UnknownNameError",
    "Unstandardize",
    "compare",
    "data",
    "diagnose",
    "from_onnx",
    "from_torch",
    "initializers",
    "kinks",
    "layer",
    "load",
    "load_example",
    "mistake",
    "rule",
    "testing",
]

_MODULES = {  # where the public names are
    ".diagnosis": "Diagnosis diagnose",
    ".base.errors": "ChalkgradError CheckpointError DataError FormulaError NotFiniteError OptionError ShapeError "
    "UnknownNameError",
    ".estimators": "ChalkgradClassifier ChalkgradRegressor",
    ".examples.example": "Example load_example",
    ".exchange.comparison": "Comparison compare",
    ".exchange.torch.network": "from_torch",
    ".exchange.onnx.network": "from_onnx",
    ".explain.derivation": "Derivation",
    ".explain.trace": "Trace",
    ".describe": "initializers",
    ".describe.layers": "Add Attention AvgPool2D BatchNorm Concat Conv1D Conv2D Dense Dropout ELU Embedding Flatten "
    "GELU GRU GlobalAvgPool1D GlobalAvgPool2D LSTM Layer LayerNorm LeakyReLU MaxPool2D Multiply Parameter Positions "
    "RMSNorm RNN ReLU Residual SiLU Sigmoid Softmax Softplus Standardize State Sum Tanh Unstandardize",
    ".describe.layers.registry": "layer",
    ".describe.losses": "AbsoluteError BinaryCrossEntropy CrossEntropy Hinge Loss SquaredError",
    ".model.model": "Evaluation",
    ".network": "Network load",
    ".program": "Program Step",
    ".rules.rule": "Operation Rule kinks mistake rule",
    ".train.callbacks": "Callback",
    ".train.checkpoints": "CheckpointWarning Checkpoints",
    ".train.history": "History Record StopReason",
    ".train.shards": "Shards",
    ".train.tensorboard": "TensorBoard",
    ".describe.optimizers": "AdaGrad Adam AdamW Optimizer RMSProp SGD",
    ".describe.schedules": "Constant Cosine Exponential InverseTime Linear OneCycle ReduceOnPlateau Schedule StepDecay",
}
_MODULE_OF = {name: module for module, names in _MODULES.items() for name in names.split()}


def __dir__() -> list[str]:
    return list(__all__)


if not TYPE_CHECKING:  # type checkers and editors read the imports above, and so know what there is not

    def __getattr__(name: str) -> Any:
        """What is imported when it is first asked for, so that starting is quick: public names, and the modules."""
        import importlib.util

        if name in _MODULE_OF:
            found = getattr(importlib.import_module(_MODULE_OF[name], __name__), name)
        elif not name.startswith("_") and importlib.util.find_spec(f"{__name__}.{name}") is not None:
            found = importlib.import_module(f".{name}", __name__)
        else:
            from .describe.foreign import cure

            said = "" if name.startswith("_") else f"; {cure('module', name, __all__)}"
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}{said}")
        globals()[name] = found
        return found
