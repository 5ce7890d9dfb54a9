"""The explainer: derivations of a trace's elements, each opened by its rule, and its inputs in turn."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial

import numpy as np

from ..base.address import Address
from ..base.digits import rounded, significant
from ..base.errors import OptionError
from ..formula.expression import Extreme, Partial, Quantity, number, quantities, walk_expression
from ..formula.nodes import Indicator, Node, Reduction
from ..program import Step
from ..program import names as value_names
from .derivation import Derivation
from .opening import Opening, open_element, shares_over_time
from .origin import head_address, tolerance_of
from .paths import Edges, Paths
from .settings import DerivationSettings
from .values import Values

FLOAT32 = float(np.finfo(np.float32).eps)


def _to_float32(value: float) -> float:
    with np.errstate(over="ignore"):
        return float(np.float32(value))


class Explainer:
    """The opener of elements of a trace's values.

    Args:
        trace: the values; rounded already where the settings ask for hand rounding.
        settings: the settings of opening and printing.
    """

    def __init__(self, trace: Values, settings: DerivationSettings) -> None:
        self.trace = trace
        self.settings = settings
        self.steps = {s.output: s for s in trace.program}
        self.shapes = {name: trace[name].shape for name in trace}
        self._opened: dict[str, Derivation] = {}

    def explain(self, address: Address) -> Derivation:
        """The derivation of one element, in the form that the settings name.

        Raises:
            OptionError: where the paths form is asked for an element that is no derivative of the loss.
        """
        if self.settings.form == "delta":
            return self.open(str(address))
        edges = Edges(self.steps, self.trace, self.settings.hand_rounding)
        if edges.forward_name(address.name) is None:
            of = self.trace.program.derivative_of.get(self.trace.program.belongs_to(address.name))
            instead = str(Address(of, address.place)) if of is not None else self._some_derivative()
            raise OptionError(f"the paths form opens derivatives of the loss; {address} is none: take {instead}")
        return self._paths(address, Paths(edges, self.settings.terms))

    def _some_derivative(self) -> str:
        for step in self.trace.program.part("backward"):
            if self.trace.program.derivatives.get(step.output) in self.trace.program.parameters:
                return str(Address(step.output, (0,) * len(step.shape)))
        return "dx"

    def open(self, text: str) -> Derivation:
        """The derivation of the element at an address; the same object each time."""
        if text not in self._opened:
            self._opened[text] = self._open(text)
        return self._opened[text]

    def _open(self, text: str) -> Derivation:
        address = Address.read(text, self.shapes)
        step = self.steps.get(address.name)
        program = float(self.trace[address.name][address.place])
        head = Quantity(address, program)
        opening = open_element(step, address.place, self.trace, self.settings.terms) if step is not None else None
        if step is None or opening is None:
            return self._given(head, step)
        value = opening.value
        if self.settings.hand_rounding is not None:
            value = rounded(value, self.settings.hand_rounding)
        inputs = tuple(dict.fromkeys(str(q.address) for q in self._followed(step, opening)))
        head = Quantity(address, value)
        derivation = self._derivation(head, step, opening.expression, value, program, inputs, self.open, opening.size)
        outcome = self._outcome(address, opening.expression)
        times = self._times(step, address)
        reason = "; ".join(filter(None, (outcome or derivation.reason, times)))
        return replace(derivation, reason=reason)

    def _times(self, step: Step, address: Address) -> str:
        """How much each time of a sequence carries in a sum over times, the largest where there are many."""
        shares = shares_over_time(step, address.place, self.trace)
        if shares is None or len(shares) == 1:
            return ""
        largest = sorted(np.argsort(-np.abs(shares), kind="stable")[: self.settings.terms].tolist())
        parts = [f"t = {t}: {significant(float(shares[t]), self.settings.precision)}" for t in largest]
        rest = len(shares) - len(largest)
        return f"by time: {', '.join(parts)}" + (f", {rest} other times less" if rest else "")

    def _outcome(self, address: Address, expression: Node) -> str:
        """A sentence on whether an element won its windows, for a value below a maximum; empty for others."""
        below = str(Address(self.trace.program.belongs_to(address.name), address.place))
        sentences: list[str] = []
        for node in walk_expression(expression):
            if not isinstance(node, Indicator) or not isinstance(node.left, Quantity):
                continue
            chooser = self.steps.get(node.left.address.name)
            if chooser is None or not _is_choice(chooser):
                continue
            if number(node):
                sentences.append(f"{below} won its window ({node.left.address}), so what comes back goes to it")
                continue
            choice = open_element(chooser, node.left.address.place, self.trace, self.settings.terms)
            entries = choice.expression.entries if choice and isinstance(choice.expression, Extreme) else ()
            best = max(entries, key=number, default=None)
            to = f" to {best.address}" if isinstance(best, Quantity) else ""
            sentences.append(f"{below} lost its window{to}, so nothing comes back")
        return "; ".join(sentences)

    def _derivation(
        self,
        head: Node,
        step: Step,
        expression: Node,
        value: float,
        program: float,
        inputs: tuple[str, ...],
        opener: Callable[[str], Derivation],
        size: float = 0.0,
    ) -> Derivation:
        numbers = [number(q) for q in quantities(expression)]
        eps = self._eps(step)
        # what rounding every operation to float32 does to it, scaled to the program's own rounding
        roundoff = abs(number(expression, _to_float32) - number(expression))
        roundoff = 100 * roundoff * eps / FLOAT32 if math.isfinite(roundoff) else 0.0
        return Derivation(
            address=head_address(head),
            head=head,
            rule=step.rule.name,
            formula=step.rule.formula.text if step.rule.formula else "",
            source=step.rule.source,
            reason=step.rule.reason,
            part=step.part,
            layer=step.owner.text,
            expression=expression,
            value=value,
            program=program,
            tolerance=tolerance_of(eps, size, value, program, *numbers) + roundoff,
            input_addresses=inputs,
            settings=self.settings,
            opener=opener,
        )

    def _eps(self, step: Step) -> float:
        if self.settings.hand_rounding is not None:
            return float(10.0 ** (1 - self.settings.hand_rounding)) * 1e-4  # one unit of the last digit kept
        kinds = [self.trace[n].dtype for n in (step.output, *step.inputs) if n is not None and n in self.trace]
        return max((float(np.finfo(k).eps) for k in kinds if k.kind == "f"), default=float(np.finfo(np.float64).eps))

    def _given(self, head: Quantity, step: Step | None) -> Derivation:
        name = head.address.name
        if step is not None:
            reason = f"drawn at random by the rule {step.rule.name}, keyed by seed, layer and training step"
        elif name in self.trace.program.parameters:
            label, place, program = self.settings.labels.get(str(head.address)), head.address.place, self.trace.program
            gradient = value_names.derivative(label) if label else Address(program.derivative_of[name], place)
            reason = f"a parameter, given; its gradient is {gradient}"
            if name in program.updated:
                update = value_names.updated(label) if label else Address(program.updated[name], place)
                reason += f", and after the update it is {update}"
        else:
            reason = "given, not computed"
        return Derivation(
            address=str(head.address),
            head=head,
            rule=step.rule.name if step else "",
            formula="",
            source=step.rule.source if step else "",
            reason=reason,
            part=step.part if step else "given",
            layer=step.owner.text if step else "",
            expression=None,
            value=head.value,
            program=head.value,
            tolerance=0.0,
            input_addresses=(),
            settings=self.settings,
            opener=self.open,
        )

    def _followed(self, step: Step, opening: Opening) -> list[Quantity]:
        """The values in an expression that are opened in turn.

        From a forward value back to the input; from a derivative through derivatives to the loss, the forward
        values in it standing as numbers.
        """
        values: list[Quantity] = []
        for quantity in quantities(opening.expression):
            source = self.steps.get(quantity.address.name)
            if source is None or source.rule.formula is None:
                continue
            if source.part in ("backward", "update") or step.part in ("forward", "loss"):
                values.append(quantity)
        return values

    def _paths(self, address: Address, paths: Paths) -> Derivation:
        """The derivation by paths: the products of local derivatives, then each local derivative opened."""
        step = self.steps[address.name]
        expression = paths.expression(address)
        program = float(self.trace[address.name][address.place])
        value = number(expression)
        if self.settings.hand_rounding is not None:
            value = rounded(value, self.settings.hand_rounding)
        locals_ = {head_address(p): p for p in paths.partials(expression)}
        head, size = Quantity(address, value), paths.size(address)
        opener = partial(self._local, paths, locals_)
        derivation = self._derivation(head, step, expression, value, program, tuple(locals_), opener, size)
        if self.settings.hand_rounding is None:
            return derivation
        # rounded factors multiplied need not give what rounded deltas give: a unit of the last digit for each
        tolerance = 10.0 ** (1 - self.settings.hand_rounding) * max(abs(value), abs(program)) * (1 + len(locals_))
        return replace(derivation, tolerance=tolerance)

    def _local(self, paths: Paths, locals_: Mapping[str, Partial], text: str) -> Derivation:
        """The derivation of a local derivative; nothing in it is opened in turn."""
        edge = locals_[text]
        expression, step = paths.local(edge)
        return self._derivation(edge, step, expression, edge.value, edge.value, (), self.open)


def _is_choice(step: Step) -> bool:
    formula = step.rule.formula
    return formula is not None and isinstance(formula.right, Reduction) and formula.right.kind == "argmax"
