"""A run of an `nn.Module`, recorded: every function of PyTorch's that it called, on what, and where.

The module runs for real on an example, so that whatever it decides by shapes is decided; what it decides by values is
refused, for it would be another network for other samples. PyTorch's own modules are seen as the functions that they
call (nn.Linear calls linear), but for recurrent layers and attention, which are one call each. So a module and the
functional call of the same are the same here.
"""

from __future__ import annotations

import importlib
import linecache
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from inspect import signature
from pathlib import Path
from types import CodeType
from typing import Any, cast

import numpy as np

from ...base.checks import said
from ...base.errors import OptionError
from ...model.arguments import TAKEN
from ...write.torch.recurrent import GRU_CLASS, LSTM_CLASS, RESET_AFTER_CLASS

LOOKED_AT = frozenset({"__bool__", "item", "tolist", "__int__", "__float__", "__index__", "numpy", "__array__"})
"""The functions by which values of tensors come into Python."""
OWN = Path(__file__).parents[1]


def torch_library() -> Any:
    """PyTorch. Raises OptionError where it is not installed."""
    try:
        return importlib.import_module("torch")
    except ImportError:
        raise OptionError("PyTorch is not installed; see pytorch.org for how: pip install torch") from None


class FailedError(OptionError):
    """The module itself raised an error."""


class RefusedError(OptionError):
    """A call that is not covered, with its place."""


@dataclass(frozen=True, slots=True)
class Ref:
    """A tensor of the run, by its number."""

    number: int


@dataclass(frozen=True, slots=True)
class Call:
    """One call of a function or of a whole module.

    Attributes:
        name: the function, "linear", "view", "add", without what says that it works in place; of a module "nn.LSTM".
        args, kwargs: what it was called with, tensors that come from the samples or the weights as `Ref`.
        result: what it gave, every tensor as `Ref`.
        path: the attribute of the innermost module that was running, "layer1.0.conv1"; "" for the module itself.
        module: that module.
        line: the file, line and text of the call in code that is not PyTorch's; "" where it is not known.
        function: the function itself; None for a whole module.
        order: its place among all calls.
    """

    name: str
    args: tuple[Any, ...]
    kwargs: Mapping[str, Any]
    result: Any
    path: str
    module: Any
    line: str
    function: Any = None
    order: int = -1

    @property
    def place(self) -> str:
        """The place in the module for messages: `fc1 (nn.Linear)`, or the line of forward for a function."""
        kind = type(self.module).__name__
        if theirs(self.module):
            return f"{self.path or 'the module'} (nn.{kind})"
        where = f"{self.path} ({kind})" if self.path else kind
        return f"{where}, {self.line}" if self.line else where

    @property
    def words(self) -> str:
        """The name of the function for messages."""
        return self.name if self.name[:3] == "nn." else f"{self.name}()"

    def take(self, *names: str, **defaults: Any) -> list[Any]:
        """The arguments by their names, in this order; those with defaults come last."""
        order = [*names, *defaults]
        found = {**defaults, **dict(zip(order, self.args, strict=False)), **self.kwargs}
        if missing := [name for name in names if name not in found]:
            raise self.refusal(f"{self.words} without {missing[0]} is not covered")
        return [found[name] for name in order]

    def refusal(self, why: str) -> OptionError:
        """The error that names the place."""
        return RefusedError(f"{self.place}: {why}")


@dataclass(slots=True)
class Record:
    """What a run did.

    Attributes:
        calls: in order.
        inputs: the numbers of the inputs by their names, in order.
        weights: the names of the module's parameters by their numbers.
        tensors: every tensor by its number, as it was when it was made.
        live: the tensors themselves, which later calls may have changed in place.
        versions: how often each had been changed when it was made.
        output: what the module gave.
        samples: how many samples the example has.
        training: whether it ran as in training.
    """

    calls: list[Call] = field(default_factory=list[Call])
    inputs: dict[str, int] = field(default_factory=dict[str, int])
    weights: dict[int, str] = field(default_factory=dict[int, str])
    tensors: list[Any] = field(default_factory=list[Any])
    live: list[Any] = field(default_factory=list[Any])
    versions: list[int] = field(default_factory=list[int])
    output: Any = None
    samples: int = 0
    training: bool = False


def theirs(module: Any) -> bool:
    """Whether a module's class is PyTorch's own."""
    return str(type(module).__module__).startswith("torch.nn")


def scripted_kind(module: Any) -> str | None:
    """The name of the class of a script of chalkgrad's that a module is of, by its code; None for others."""
    kind = cast("Any", type(module))
    code = getattr(getattr(kind, "forward", None), "__code__", None)
    for name, text in {"GRU": GRU_CLASS, "LSTM": LSTM_CLASS, "ResetAfterGRU": RESET_AFTER_CLASS}.items():
        if type(module).__name__ == name and isinstance(code, CodeType):
            own = _forward(text)
            if (own.co_code, own.co_consts, own.co_names) == (code.co_code, code.co_consts, code.co_names):
                return name
    return None


@cache
def _forward(text: str) -> CodeType:
    """The compiled `forward` of a class's text, as in a script that imports what scripts import."""
    codes = [compile(f"import torch\nfrom torch import nn\n{text}", "<a script's class>", "exec", dont_inherit=True)]
    while codes:
        code = codes.pop()
        if code.co_name == "forward":
            return code
        codes += [inner for inner in code.co_consts if isinstance(inner, CodeType)]
    raise AssertionError("the class has no forward")


def _whole(module: Any) -> str | None:
    """The name under which a module's call is recorded as one; None where its functions are."""
    kinds = importlib.import_module("torch.nn")
    if isinstance(module, (kinds.RNN, kinds.LSTM, kinds.GRU, kinds.MultiheadAttention)) and theirs(module):
        return f"nn.{type(module).__name__}"
    kind = scripted_kind(module)
    return None if kind is None else f"scripted {kind}"


def read_example(module: Any, example: Any) -> dict[str, Any]:
    """The example as tensors by the names of the inputs, on the module's device and of its parameters' dtype.

    Raises:
        OptionError: where it holds no samples.
    """
    torch = torch_library()
    if not isinstance(module, torch.nn.Module):
        write = " of it, made" if isinstance(module, type) else ""
        raise OptionError(f"from_torch takes an nn.Module{write}, not {said(module)}")
    parts = dict(cast("Mapping[str, Any]", example)) if isinstance(example, Mapping) else example
    if not isinstance(parts, dict):
        several = list(cast("Sequence[Any]", parts)) if isinstance(parts, tuple) else [parts]
        names = ["x"] if len(several) == 1 else _argument_names(module)
        if len(names) < len(several):
            raise OptionError(f"the example has {len(several)} inputs, but forward takes {', '.join(names)}")
        parts = dict(zip(names, several, strict=False))
    first = next((p for p in module.parameters() if p.is_floating_point()), None)
    found: dict[str, Any] = {}
    for name, part in cast("dict[str, Any]", parts).items():
        tensor = part if isinstance(part, torch.Tensor) else torch.as_tensor(np.asarray(part))
        if tensor.ndim < 2 or not len(tensor):
            raise OptionError(
                f"the example {name} is a batch of samples, (N, ...), such as torch.randn(2, 3); its shape is "
                f"{tuple(tensor.shape)}"
            )
        if first is not None:
            tensor = tensor.to(first.device, first.dtype if tensor.is_floating_point() else tensor.dtype)
        found[name] = tensor.detach().clone()
    if len({len(tensor) for tensor in found.values()}) != 1:
        raise OptionError("the inputs of the example have not as many samples")
    return found


def _argument_names(module: Any) -> list[str]:
    kind = cast("Any", type(module))
    return list(signature(kind.forward).parameters)[1:]


def record(module: Any, inputs: Mapping[str, Any], *, training: bool = False) -> Record:
    """Runs a module on an example and records it. Its modes are put back after it.

    Args:
        module: the module.
        inputs: the tensors by the names of the inputs.
        training: whether it runs as in training, with the batch's own statistics; else as in prediction.

    Raises:
        OptionError: where it decides by values, changes what was used before, or fails.
    """
    modes = [(part, part.training) for part in module.modules()]
    kept = [(part, dict(part._buffers)) for part in module.modules()] if training else []
    backends: Any = importlib.import_module("torch.backends.mha")
    fast = backends.get_fastpath_enabled()
    recorder = _Recorder(module, inputs)
    try:
        backends.set_fastpath_enabled(False)
        module.train(training)
        for part, buffers in kept:  # training moves copies
            part._buffers.update({name: None if b is None else b.detach().clone() for name, b in buffers.items()})
        recorder.record.training = training
        return recorder.run()
    finally:
        backends.set_fastpath_enabled(fast)
        for part, mode in modes:
            part.training = mode
        for part, buffers in kept:
            part._buffers.update(buffers)


class _Recorder:
    def __init__(self, module: Any, inputs: Mapping[str, Any]) -> None:
        self.torch = torch_library()
        self.module, self.given = module, dict(inputs)
        self.record = Record(samples=len(next(iter(self.given.values()))))
        self.known: dict[int, tuple[int, int]] = {}  # by id: the number, and the version in which it was met
        self.stack: list[tuple[str, Any]] = []
        self.hidden = 0
        self.waiting: list[str] = []  # of the names of calls of whole modules that are running
        for name, parameter in module.named_parameters(remove_duplicate=True):
            self.record.weights[self._new(parameter).number] = name
        for name, tensor in self.given.items():
            self.record.inputs[name] = self._new(tensor).number

    def run(self) -> Record:
        torch = self.torch

        def handle(_: Any, function: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
            return self._function(function, tuple(args), dict(kwargs or {}))

        mode = type("Recorder", (torch.overrides.TorchFunctionMode,), {"__torch_function__": handle})()
        handles: list[Any] = []
        for path, part in self.module.named_modules():
            handles.append(part.register_forward_pre_hook(self._enter(path), with_kwargs=True))
            handles.append(part.register_forward_hook(self._leave, with_kwargs=True, always_call=False))
        given = list(self.given.values())
        named = len(given) > 1
        try:
            with mode, torch.enable_grad():
                output: Any = self.module(**self.given) if named else self.module(given[0])
        except OptionError:
            raise
        except Exception as error:  # whatever their code raises
            kind = type(self.module).__name__
            raise FailedError(f"{kind} failed on the example: {type(error).__name__}: {error}") from error
        finally:
            for handle_of_hook in handles:
                handle_of_hook.remove()
        self.record.output = self._referred(output)
        if named:  # names that a network gives itself
            own = {name: f"{name}_in" if name in TAKEN else name for name in self.record.inputs}
            self.record.inputs = {own[name]: number for name, number in self.record.inputs.items()}
        return self.record

    # -- modules ---------------------------------------------------------------------------------------------------

    def _enter(self, path: str) -> Callable[..., None]:
        def hook(module: Any, args: Any, kwargs: Any) -> None:
            self.stack.append((path, module))
            if self.hidden or _whole(module) is not None:
                self.hidden += 1

        return hook

    def _leave(self, module: Any, args: Any, kwargs: Any, output: Any) -> Any:
        path, _ = self.stack[-1]
        result = output
        if self.hidden:
            self.hidden -= 1
            name = _whole(module)
            if not self.hidden and name is not None:
                result = self._note(name, args, kwargs, output, path, module)
        self.stack.pop()
        return result

    # -- functions -------------------------------------------------------------------------------------------------

    def _function(self, function: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        if self.hidden or not self.stack:
            return function(*args, **kwargs)
        name = _name(function)
        path, module = self.stack[-1]
        tensors = self._tensors((args, kwargs))
        tracked = [t for t in tensors if id(t) in self.known]
        if name in LOOKED_AT and any(self._of_samples(t) for t in tracked):
            call = Call(name, (), {}, None, path, module, _line())
            raise call.refusal(
                "forward looks at the numbers in a tensor, so that other samples may go another way; a network's lines "
                "are the same for all samples"
            )
        before = [t._version for t in tensors]
        result = function(*args, **kwargs)
        if not tracked or not self._tensors(result):
            return result
        changed = {id(t) for t, version in zip(tensors, before, strict=True) if t._version != version}
        return self._note(name, args, kwargs, result, path, module, changed, function)

    def _note(
        self,
        name: str,
        args: Any,
        kwargs: Any,
        output: Any,
        path: str,
        module: Any,
        changed: set[int] | None = None,
        function: Any = None,
    ) -> Any:
        """Records a call; returns what it gave, under another object where that is an argument as it was."""
        changed = changed or set()
        line = "" if theirs(module) else _line()
        call = Call(name, (), {}, None, path, module, line)
        referred = self._referred((tuple(args), dict(kwargs)), call, changed)
        arguments = {id(t) for t in self._tensors((args, kwargs))}

        def fresh(tensor: Any) -> Any:
            return tensor.view_as(tensor) if id(tensor) in arguments and id(tensor) not in changed else tensor

        output = fresh(output) if isinstance(output, self.torch.Tensor) else output
        result = self._mapped(output, self._new)
        order = len(self.record.calls)
        self.record.calls.append(Call(name, referred[0], referred[1], result, path, module, line, function, order))
        return output

    # -- tensors ---------------------------------------------------------------------------------------------------

    def _new(self, tensor: Any) -> Ref:
        """A number for a tensor."""
        number = len(self.record.live)
        self.record.live.append(tensor)
        weight = isinstance(tensor, self.torch.nn.Parameter)
        self.record.tensors.append(tensor.detach() if weight else tensor.detach().clone())
        self.record.versions.append(tensor._version)
        self.known[id(tensor)] = number, tensor._version
        return Ref(number)

    def _of_samples(self, tensor: Any) -> bool:
        return self.known[id(tensor)][0] not in self.record.weights

    def _tensors(self, tree: Any) -> list[Any]:
        found: list[Any] = []
        self._mapped(tree, found.append)
        return found

    def _referred(self, tree: Any, call: Call | None = None, changed: set[int] | None = None) -> Any:
        """A tree with the tensors that are known as their references."""

        def refer(tensor: Any) -> Any:
            if id(tensor) not in self.known:
                return tensor
            number, version = self.known[id(tensor)]
            if tensor._version != version and id(tensor) not in (changed or set()):
                where = call.place if call is not None else "the module"
                raise OptionError(
                    f"{where}: a tensor that it takes was changed in place after it was made; write it without "
                    "in-place operations"
                )
            return Ref(number)

        return self._mapped(tree, refer)

    def _mapped(self, tree: Any, of_tensor: Callable[[Any], Any]) -> Any:
        if isinstance(tree, self.torch.Tensor):
            return of_tensor(tree)
        if isinstance(tree, dict):
            return {key: self._mapped(part, of_tensor) for key, part in cast("dict[Any, Any]", tree).items()}
        if isinstance(tree, (tuple, list)):
            parts: list[Any] = [self._mapped(part, of_tensor) for part in cast("Sequence[Any]", tree)]
            return tuple(parts) if isinstance(tree, tuple) else parts
        return tree


def _name(function: Any) -> str:
    """The function's name without what says that it works in place, or from the right, or as an operator."""
    name = str(getattr(function, "__name__", function))
    if name == "__get__":  # an attribute such as x.T
        return str(getattr(getattr(function, "__self__", None), "__name__", name))
    if name in LOOKED_AT:
        return name
    if name[:2] == "__" and name[-2:] == "__":
        word = name.strip("_")
        return {"radd": "add", "rmul": "mul", "iadd": "add", "imul": "mul", "itruediv": "div", "truediv": "div"}.get(
            word, {"isub": "sub"}.get(word, word)
        )
    return name.rstrip("_")


def _line() -> str:
    """The innermost line of code that is neither PyTorch's nor chalkgrad's."""
    torch_home = str(Path(str(torch_library().__file__)).parent)
    frame = sys._getframe(1)  # pyright: ignore[reportPrivateUsage]
    while frame is not None:
        file = frame.f_code.co_filename
        if not file.startswith(torch_home) and OWN not in Path(file).parents:
            text = linecache.getline(file, frame.f_lineno).strip()
            where = f"line {frame.f_lineno} of {Path(file).name}"
            return f"{where}, `{text}`" if text else where
        frame = frame.f_back
    return ""
