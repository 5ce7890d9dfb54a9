"""The doors of the diagnosis: numbers and functions by PyTorch's names, and operations of PyTorch and JAX."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any, cast

import numpy as np

from ..base.errors import DataError, OptionError
from ..base.half import as_numpy
from ..describe.layers import Layer
from ..describe.losses import SquaredError
from ..model.gradients import Gradients
from ..model.model import Model
from .claimed import diagnose_claims
from .claims.torch_names import by_own_names, is_torch_name
from .diagnosis import Diagnosis
from .rule_layer import layer_of_rule, operands_of, rules_of
from .theirs import library_of, name_of, run

Array = np.ndarray[Any, Any]
SEED = 0
"""For what comes back to an operation's output."""


def diagnose(
    network: Any, x: Any = None, y: Any = None, claimed: Any = None, *, like: Any = None, **settings: Any
) -> Diagnosis:
    """Says which claimed numbers are right, which are wrong, and which mistake made them so.

    Either a network with claimed numbers, `diagnose(network, x, y, claimed)`, or somebody's operation beside what it
    should be: `diagnose(operation, inputs, like=network or layer)`.

    Args:
        network: the network with the parameters before the update; or a `torch.autograd.Function`, an `nn.Module`, a
            function of tensors or of JAX's arrays.
        x: samples (N, *input_shape). With `like`, what the operation takes: with a network its samples, or a pair of
            these and of its targets; with a layer the layer's input, and after it its parameters in order.
        y: targets (N, *output_shape) or class numbers (N,).
        claimed: numbers by name ("dW1", "W1_new", any named value), address or label; "L_next" is the loss after
            the update. What `network.gradients` gives, or a function (parameters, x, y) that gives gradients by the
            parameters' names. In other claims the name of a parameter stands for its gradient, or for its value after
            the update, where the numbers say so. PyTorch's names, "0.weight", stand for gradients in PyTorch's
            orientation; arrays may be tensors on any device, of bfloat16 too.
        like: what the operation should compute: a network, a layer, a rule with a formula, or forward lines.
        settings: as below; with a rule as `like` the rule's settings, eps=1e-5.

    Keyword Args:
        learning_rate: of plain gradient descent, where a claim depends on one.
        optimizer: instead of `learning_rate`, another optimizer's step, the first unless its state is given.
        before: the parameters of an earlier pass on the same samples, where its values may have been used again.
        labels: other names of elements, by address.
        training: with dropout's masks and batch statistics.
        optimizer_state: what the optimizer carries from the steps before, as for `Network.trace`.
        sample_weight: the samples' weights, as for `fit`.

    Raises:
        UnknownNameError, ShapeError, DataError: where the claims do not fit; the messages say how to cure it.
        OptionError: where it is not said what to compare.
    """
    if like is None:
        if not isinstance(network, Model):
            raise OptionError(
                f"diagnose takes a network and claimed numbers, or an operation and like=; {name_of(network)} is no "
                "network"
            )
        return diagnose_claims(network, as_numpy(x), as_numpy(y), _translated(claimed, network, settings), **settings)
    if claimed is not None:
        raise OptionError("with like= the numbers come from the operation; give no claimed ones beside it")
    if isinstance(like, Model):
        return _beside_network(network, x, y, like, settings)
    return _beside_layer(network, x, like, settings)


def _translated(claimed: Any, model: Model, settings: Mapping[str, Any]) -> Any:
    """Claims by PyTorch's names under the network's."""
    if callable(claimed):
        function = cast("Callable[..., Any]", claimed)

        def by_names(parameters: Any, x: Any, y: Any) -> Any:
            answer = function(parameters, x, y)
            return _own(answer, model) if isinstance(answer, Mapping) else answer

        return by_names
    if not isinstance(claimed, Mapping) or isinstance(claimed, Gradients):
        return claimed
    numbers = cast("Mapping[Any, Any]", claimed)
    if settings.get("optimizer") is not None or settings.get("learning_rate") is not None:
        return by_own_names(numbers, model)  # gradients or new values, as the numbers say
    return _own(numbers, model)


def _own(numbers: Any, model: Model) -> dict[Any, Any]:
    """Gradients by PyTorch's names as gradients by the network's; other entries as they are."""
    theirs = {n for n in numbers if is_torch_name(n, model)}
    kept = {n: v for n, v in numbers.items() if n not in theirs}
    own = by_own_names({n: v for n, v in numbers.items() if n in theirs}, model) if theirs else {}
    return {**kept, **{model.program.derivative_of[n]: v for n, v in own.items()}}


def _beside_network(theirs: Any, x: Any, y: Any, like: Model, settings: Mapping[str, Any]) -> Diagnosis:
    """An operation with the samples as its input, or a module with parameters of its own, beside a network."""
    if y is None:
        if not isinstance(x, tuple) or len(cast("tuple[Any, ...]", x)) != 2:
            raise OptionError(
                "like=network needs the samples and their targets: diagnose(module, (x, y), like=network)"
            )
        x, y = cast("tuple[Any, Any]", x)
    if isinstance(theirs, type) and hasattr(theirs, "named_parameters"):
        raise OptionError(f"{name_of(theirs)} is a class; give a module that was made of it, {name_of(theirs)}(...)")
    if not library_of(theirs, [x]) and callable(theirs):  # a function of NumPy's, as a network's claims
        return diagnose_claims(like, as_numpy(x), as_numpy(y), _translated(theirs, like, settings), **settings)
    twin = like.copy(dtype="float64")
    listed: Any = getattr(theirs, "named_parameters", None)
    if listed is not None:
        own = by_own_names(dict(listed()), twin)
        twin.set_parameters({n: np.asarray(as_numpy(v), dtype=np.float64) for n, v in own.items()})
    samples, targets = as_numpy(x), as_numpy(y)
    training = bool(settings.get("training", True))
    used: list[tuple[Model, str]] = []

    def upstream(output: Array) -> Array:
        model, name = _end(output, samples, targets, twin, training=training)
        used.append((model, name))
        return model.trace(samples, targets, training=training)[model.program.derivative_of[name]]

    given = run(theirs, [x], upstream)
    ((model, name),) = used
    claims: dict[Any, Any] = {name: given.output, **_own(dict(given.parameters), model)}
    back = model.program.derivative_of.get(next(iter(model.layout.inputs)))
    if given.inputs[0] is not None and back is not None:
        claims[back] = given.inputs[0]
    return diagnose_claims(model, samples, targets, claims, **settings)


def _end(output: Array, x: Any, y: Any, model: Model, *, training: bool) -> tuple[Model, str]:
    """The value of the network that an output is, the nearest one among the last; and the network in which it has a
    derivative: probabilities have none where the loss is fused with what makes them.

    Raises:
        DataError: where none has the output's shape.
    """
    trace = model.trace(x, y, training=training)
    steps = [s.output for s in model.program.part("forward") if s.output in model.program.derivative_of]
    fitting = [n for n in ("y_hat", *reversed(steps)) if trace[n].shape == output.shape][:3]
    if not fitting:
        raise DataError(
            f"the operation gives an array {output.shape}, but y_hat of the network is {trace['y_hat'].shape}"
        )
    name = min(fitting, key=lambda n: float(np.abs(trace[n] - output).max(initial=0.0)))
    if name in model.program.derivative_of:
        return model, name
    loss: Any = model.loss_function
    other = Model(
        model.layers, input_shape=model.input_shape, loss=replace(loss, fuse=False), dtype="float64", seed=model.seed,
        l1=model.l1, l2=model.l2,
    )  # fmt: skip
    other.set_parameters(dict(model.parameters))
    return other, name


def _beside_layer(theirs: Any, inputs: Any, like: Any, settings: Mapping[str, Any]) -> Diagnosis:
    """An operation of a layer's input, and of its parameters, beside the layer."""
    given = list(cast("Sequence[Any]", inputs)) if isinstance(inputs, (tuple, list)) else [inputs]
    if isinstance(like, type) and issubclass(like, Layer):
        like = like()
    arrays = [np.asarray(as_numpy(one)) for one in given]
    arrays = [a.astype(np.float64) if a.dtype.kind == "f" else a for a in arrays]
    if isinstance(like, Layer):
        layer = like
    else:
        names = operands_of(rules_of(like))
        if len(names) != len(arrays):
            raise DataError(f"the rule takes {', '.join(names)}; {len(arrays)} inputs are given")
        layer = layer_of_rule(like, dict(zip(names, arrays, strict=True)), settings)
        settings = {}
    if settings:
        raise OptionError(
            f"with a layer as like= there is no {next(iter(settings))}; the layer has its settings itself"
        )
    loss = SquaredError(scale=0.5, reduction="sum")  # what comes back to the output is output - y
    twin = Model([layer], input_shape=arrays[0].shape[1:], loss=loss, dtype="float64")
    parameters = list(twin.parameters)
    if len(arrays) != 1 + len(parameters):
        listed = ", ".join(parameters) or "none"
        raise DataError(
            f"{name_of(theirs)} takes {len(arrays)} inputs, but {layer.kind} its input and the parameters {listed}"
        )
    twin.set_parameters(dict(zip(parameters, arrays[1:], strict=True)))
    output = twin.predict(arrays[0])
    back: Array = np.random.default_rng(SEED).standard_normal(np.shape(output))

    def upstream(_: Array) -> Array:
        return back

    result = run(theirs, given, upstream)
    claims: dict[str, Any] = {"y_hat": result.output}
    for name, came in zip(("x", *parameters), result.inputs, strict=True):
        derivative = twin.program.derivative_of.get(name)
        if came is not None and derivative is not None:
            claims[derivative] = came
    return diagnose_claims(twin, arrays[0], output - back, claims)
