"""Writes the backward pass: back through the operations, taking each one's backward rules.

The rules were derived by hand; nothing is differentiated here. A value that is used in several places gets a share of
its derivative back from each, and the sum of the shares is its derivative.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

from ..program import Owner, Role
from ..program import names as spelled
from ..rules import Operation, Rule, penalty, shares
from .forward import penalty_owner
from .lines import Layout, fresh
from .writer import Placed, Writer


def write_backward(writer: Writer, placed: Sequence[Placed], layout: Layout) -> None:
    """Writes the derivatives, from the loss back to the inputs, by every operation's backward rules."""
    uses = Counter(of for here in placed for rule in here.operation.backward if (of := _derived_by(here, rule)))
    owners = _owners(writer, layout)
    parts: dict[str, list[str]] = {of: [] for of in uses}
    for here in reversed(placed):
        _bind_derivatives(here)
        for rule in here.operation.backward:
            of = _derived_by(here, rule)
            if of is None:
                if here.operation.derivative(rule) is None:  # a help value; else the derivative of an absent operand
                    name = here.names[rule.output] = writer.fresh(rule.output, here)
                    writer.add(rule, name, here, "backward", Role.HELP)
                continue
            total = spelled.data_part(of) if of in layout.penalties else spelled.derivative(of)
            role = Role.SHARE if of in layout.penalties else Role.DERIVATIVE
            name, through = total, None
            if uses[of] > 1:
                through = here.names[_carries(here.operation, rule)]
                name = fresh(spelled.share(of, through or ""), writer.values)
                parts[of].append(name)
            here.names[rule.output] = total
            writer.add(rule, name, here, "backward", Role.SHARE if through else role, of=of, through=through)
            if through is not None:
                if len(parts[of]) < uses[of]:
                    continue
                _add_shares(writer, of, parts[of][::-1], total, role, owners[of])
            if of in layout.penalties:
                _add_penalty(writer, of, total, layout.penalties[of])


def _derived_by(here: Placed, rule: Rule) -> str | None:
    """The network's value by which a backward rule derives the loss; None for a help value and an absent operand."""
    formal = here.operation.derivative(rule)
    return None if formal is None else here.names.get(formal)


def _carries(operation: Operation, rule: Rule) -> str:
    """The formal name of the value through which a derivative comes back by a backward rule: the operation's output;
    where several of its rules derive by the same value, or by the output itself, the one whose derivative it takes.
    """
    alike = sum(other.output == rule.output for other in operation.backward)
    if alike == 1 and operation.derivative(rule) != operation.output:
        return operation.output
    carried = [o[1:] for o in rule.operands if o.startswith("d") and o[1:] in operation.names]
    return operation.output if operation.output in carried or not carried else carried[0]


def _bind_derivatives(here: Placed) -> None:
    """Gives every bound value's derivative its name."""
    for formal, name in list(here.names.items()):
        if not formal.startswith("d") and name is not None:
            here.names.setdefault(f"d{formal}", spelled.derivative(name))


def _owners(writer: Writer, layout: Layout) -> Mapping[str, Owner]:
    """Whose a value is: the line's that computes it, or owns the parameter."""
    owners = {step.output: step.owner for step in writer.steps}
    for line in layout.lines:
        owners.update(dict.fromkeys(line.parameters, line.owner))
    for name in layout.inputs:
        owners[name] = Owner("input", name, f"input {name}")
    return owners


def _add_shares(writer: Writer, of: str, names: Sequence[str], total: str, role: Role, owner: Owner) -> None:
    """Writes the sum of a value's shares, in the order of the forward pass."""
    names, rule = list(names), shares.sum_of_shares
    while len(names) > 1:
        now, names = names[: shares.MOST], names[shares.MOST :]
        name = total if not names else fresh(spelled.share(of, "first"), writer.values)
        bound: dict[str, str | None] = {**dict.fromkeys(rule.operands), **dict(zip(rule.operands, now, strict=False))}
        bound |= {"v": of, "dv": name}
        here = Placed(shares.operation, bound, {}, owner)
        writer.add(rule, name, here, "backward", Role.SHARE if names else role, of=of)
        names = [name, *names] if names else []


def _add_penalty(writer: Writer, of: str, data_part: str, pair: tuple[float, float]) -> None:
    """Writes the derivative of the loss with its penalty, of that of the data."""
    name, (l1, l2) = spelled.derivative(of), pair
    here = Placed(penalty.operation, {"dW_data": data_part, "W": of}, {"l1": l1, "l2": l2}, penalty_owner(of))
    writer.add(penalty.penalty_dW, name, here, "backward", Role.DERIVATIVE, of=of)
