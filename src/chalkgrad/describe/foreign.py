"""Words of Keras, PyTorch and scikit-learn with their names here, for errors."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Collection, Iterable
from typing import ParamSpec, TypeVar

from ..base.errors import nearest

P = ParamSpec("P")
R = TypeVar("R")

RENAMED = {
    "alpha": "slope rho",
    "attn_mask": "mask",
    "batch": "batch_size",
    "betas": "beta1 beta2",
    "clipnorm": "clip_norm",
    "global_clipnorm": "clip_norm",
    "grad_clip": "clip_norm",
    "gradient_clip_val": "clip_norm",
    "max_grad_norm": "clip_norm",
    "max_norm": "clip_norm",
    "bias_initializer": "biases",
    "dropout": "rate",
    "early_stopping": "patience",
    "epsilon": "eps",
    "input_dim": "input_shape",
    "is_causal": "causal",
    "kernel_initializer": "weights",
    "kernel_regularizer": "l2",
    "kernel_size": "kernel window",
    "kind": "form",
    "lr": "learning_rate",
    "learning_rate_init": "learning_rate",
    "max_iter": "epochs",
    "n_iter_no_change": "patience",
    "negative_slope": "slope",
    "num_epochs": "epochs",
    "num_heads": "heads",
    "out_channels": "filters",
    "out_features": "units",
    "p": "rate",
    "pool_size": "window",
    "random_state": "seed",
    "scheduler": "schedule",
    "strides": "stride",
    "tol": "min_improvement",
    "use_bias": "bias",
    "validation_data": "validation",
    "validation_fraction": "validation",
    "validation_split": "validation",
    "verbose": "progress",
}
"""The names of settings here, by their names elsewhere; several where layers differ."""

_SIZE = "a layer takes its inputs' shape from what comes before it; the first one's is the network's input_shape"
ADVICE = {
    "activation": "add the activation as the next layer, such as cg.ReLU()",
    "dtype": "the network has one dtype, cg.Network(..., dtype='float64')",
    "embed_dim": _SIZE,
    "in_channels": _SIZE,
    "in_features": _SIZE,
    "input_dim": _SIZE,
    "input_shape": _SIZE,
    "num_features": _SIZE,
    "normalized_shape": _SIZE,
}
"""The advice for settings that do not exist here."""

_IN_FIT = "the optimizer goes to fit: net.fit(x, y, optimizer=cg.Adam(0.001))"
_IN_OPTIMIZER = "the learning rate is the optimizer's: optimizer=cg.SGD(0.1)"
_IN_NETWORK = "it goes to the network, cg.Network(layers, ...)"
OWN: dict[str, dict[str, str]] = {
    "Network": {
        "optimizer": _IN_FIT,
        "learning_rate": _IN_OPTIMIZER,
        "lr": _IN_OPTIMIZER,
        "metrics": "they go to fit and evaluate: net.fit(x, y, metrics=('accuracy',))",
        "hidden_layer_sizes": "write the layers: [cg.Dense(100), cg.ReLU(), cg.Dense(10), cg.Softmax()]",
        "alpha": "the penalty on weights is l2",
        "max_iter": "how long it is trained is said to fit: epochs",
    },
    "fit": {
        "alpha": "the penalty on weights is l2 of the network, cg.Network(layers, ..., l2=0.0001)",
        "learning_rate": _IN_OPTIMIZER,
        "learning_rate_init": _IN_OPTIMIZER,
        "lr": _IN_OPTIMIZER,
        "loss": _IN_NETWORK,
        "l1": _IN_NETWORK,
        "l2": _IN_NETWORK,
        "momentum": "it is the optimizer's: optimizer=cg.SGD(0.1, momentum=0.9)",
        "nesterov": "it is the optimizer's: optimizer=cg.SGD(0.1, momentum=0.9, nesterov=True)",
        "weight_decay": "it is the optimizer's: optimizer=cg.SGD(0.1, weight_decay=0.0001)",
        "clip_norm": "it is the optimizer's: optimizer=cg.SGD(0.1, clip_norm=1.0)",
        "global_clipnorm": "it is the optimizer's: optimizer=cg.SGD(0.1, clip_norm=1.0)",
    },
    "evaluate": {"verbose": "it prints nothing", "batch_size": "it takes the samples in parts by itself"},
    "predict": {"verbose": "it prints nothing", "batch_size": "it takes the samples in parts by itself"},
    "network": {
        "add": "the layers are given when it is made: cg.Network([...], input_shape=..., loss=...)",
        "backward": "its gradients are net.gradients(x, y); net.trace(x, y) keeps every value",
        "build": "it is ready when it is made",
        "coefs_": "its weights are net.parameters",
        "compile": "it is ready when it is made: the loss goes to cg.Network, the optimizer to fit",
        "cuda": "it runs on the processor",
        "eval": "predict and evaluate run it as in prediction; fit and gradients as in training",
        "forward": "write net.predict(x); net.trace(x, y) keeps every value",
        "get_weights": "its weights are net.parameters",
        "intercepts_": "its biases are net.parameters",
        "load_state_dict": "write net.set_parameters({...}), or cg.load(path)",
        "named_parameters": "write net.parameters.items()",
        "partial_fit": "fit continues from where it is: net.fit(x, y, epochs=1)",
        "predict_classes": "write net.classes(net.predict(x))",
        "predict_proba": "write net.predict(x): after a Softmax or Sigmoid these are probabilities",
        "score": "write net.evaluate(x, y).accuracy",
        "set_weights": "write net.set_parameters({...})",
        "state_dict": "its weights are net.parameters, its running averages net.states",
        "to": "it runs on the processor; its dtype is given when it is made, or net.copy(dtype='float64')",
        "train": "write net.fit(x, y); fit and gradients run it as in training, predict and evaluate as in prediction",
        "train_on_batch": "write net.fit(x, y, batch_size=None, epochs=1)",
        "trainable_variables": "write net.parameters; net.freeze('W1') leaves some as they are",
        "weights": "its weights are net.parameters",
        "zero_grad": "there is nothing to set to zero: net.gradients(x, y) computes them anew",
    },
    "module": {
        "Activation": "every activation is a layer: cg.ReLU(), cg.Tanh(), ...",
        "BCELoss": "write cg.BinaryCrossEntropy()",
        "BCEWithLogitsLoss": "write cg.BinaryCrossEntropy(from_logits=True)",
        "BatchNormalization": "write cg.BatchNorm()",
        "Normalization": "write cg.Standardize() as the first layer",
        "StandardScaler": "write cg.Standardize() as the first layer",
        "CrossEntropyLoss": "write cg.CrossEntropy(from_logits=True)",
        "EarlyStopping": "it is in fit: net.fit(x, y, patience=5)",
        "Input": "write cg.Network(layers, input_shape=..., loss=...)",
        "L1Loss": "write cg.AbsoluteError(scale='mean')",
        "MLPClassifier": "write cg.Network([cg.Dense(100), cg.ReLU(), cg.Dense(10), cg.Softmax()], ...)",
        "MLPRegressor": "write cg.Network([cg.Dense(100), cg.ReLU(), cg.Dense(1)], ...)",
        "MSELoss": "write cg.SquaredError(scale='mean')",
        "Model": "write cg.Network(layers, input_shape=..., loss=...)",
        "Module": "write cg.Network(layers, input_shape=..., loss=...)",
        "MultiHeadAttention": "write cg.Attention(heads)",
        "MultiheadAttention": "write cg.Attention(heads)",
        "Sequential": "write cg.Network(layers, input_shape=..., loss=...)",
        "nn": "the layers are here: cg.Dense(units) is nn.Linear(inputs, units)",
        "optim": "the optimizers are here: cg.SGD, cg.Adam, ...",
        "optimizers": "the optimizers are here: cg.SGD, cg.Adam, ...",
        "tensor": "lists and NumPy arrays are taken as they are",
        "torch": "the layers are here: cg.Dense, cg.ReLU, ...",
    },
    "layer": {
        "Activation": "every activation is a layer: ReLU, Tanh, ...",
        "BatchNormalization": "it is called BatchNorm",
        "Normalization": "it is called Standardize",
        "Linear": "it is called Dense",
    },
    "initialiser": {
        "glorot_uniform": "it is called glorot",
        "he_normal": "it is called he",
        "kaiming": "it is called he",
        "kaiming_normal": "it is called he",
        "kaiming_uniform": "it is called he_uniform",
        "lecun_normal": "it is called lecun",
        "xavier": "it is called glorot, or glorot_normal",
        "xavier_normal": "it is called glorot_normal",
        "xavier_uniform": "it is called glorot",
    },
    "loss": {
        "binary_crossentropy": "it is called BinaryCrossEntropy",
        "categorical_crossentropy": "it is called CrossEntropy",
        "cross_entropy": "it is called CrossEntropy",
        "hinge": "it is called Hinge",
        "mae": "it is called AbsoluteError (scale='mean' for the mean over outputs)",
        "mean_absolute_error": "it is called AbsoluteError (scale='mean' for the mean over outputs)",
        "mean_squared_error": "it is called SquaredError (scale='mean' for the mean over outputs)",
        "mse": "it is called SquaredError (scale='mean' for the mean over outputs)",
        "sparse_categorical_crossentropy": "it is called CrossEntropy, which takes class numbers too",
    },
}
"""The advice for a word, by its owner."""


def cure(owner: str, word: str, known: Collection[str]) -> str:
    """The end of an error's sentence: what to write instead of a word that the owner does not know.

    Args:
        owner: a class, or "fit", "network", "module", "layer", "initialiser", "loss".
        word: the word.
        known: the words that the owner knows.
    """
    own = OWN.get(owner, {})
    advice = own.get(word) or own.get(word.lower())  # a loss is called mse or MSE
    if advice is not None:
        return advice
    names = [n for n in RENAMED.get(word, "").split() if n in known]
    if names:
        return f"it is called {' and '.join(names)}"
    if word in ADVICE and owner not in OWN:
        return ADVICE[word]
    return nearest(word, known)


def refuse_foreign(owner: str, words: Iterable[str], known: Collection[str]) -> None:
    """Raises TypeError where a keyword is none of the known ones; it says what to write instead."""
    for word in words:
        if word not in known:
            raise TypeError(f"{owner} has no {word}; {cure(owner, word, known)}")


def refuse_settings(kind: type, words: Iterable[str]) -> None:
    """Raises TypeError where settings of a dataclass are none of its own; it says what to write instead."""
    others = [word for word in words if word not in kind.__dataclass_fields__]  # pyright: ignore
    if others:
        parameters = inspect.signature(kind).parameters.values()  # a class of the user's own may take more
        if not any(p.kind is p.VAR_KEYWORD for p in parameters):
            refuse_foreign(kind.__name__, others, [p.name for p in parameters])


def own_words(owner: str) -> Callable[[Callable[P, R]], Callable[P, R]]:
    """A decorator for functions whose errors about unknown keywords say what to write instead (`refuse_foreign`)."""

    def decorate(function: Callable[P, R]) -> Callable[P, R]:
        known = {n: None for n in inspect.signature(function).parameters if n != "self"}  # in their order

        @functools.wraps(function)
        def wrapper(*args: P.args, **kwargs: P.kwargs) -> R:
            if not known.keys() >= kwargs.keys():
                refuse_foreign(owner, kwargs, known)
            return function(*args, **kwargs)

        return wrapper

    return decorate
