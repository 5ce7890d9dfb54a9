"""Which products are alike: the same loops over values that lie alike, so that one routine computes them all.

The four gates of an LSTM are, and the blocks of a transformer; a compiler then has to look at each kind once.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass, field

from ....formula.nodes import Element, Symbol
from ....formula.rewrite import at
from ..schedule.plan import Plan
from ..schedule.products import Product

Kind = Hashable
"""What two products have in common that are alike."""


@dataclass(frozen=True, slots=True)
class Shared:
    """The routines that several products share.

    Attributes:
        kinds: the kind of every product that has its like, by what it sets.
        routines: the name of each kind's routine, once there is one.
    """

    kinds: Mapping[str, Kind]
    routines: dict[Kind, str] = field(default_factory=dict[Kind, str])


def kind_of(product: Product, plan: Plan) -> Kind:
    """A product without its names: of values, by what they are in it, and of indices, by their order."""
    statement = product.statement
    letters = {index: f"k{at}" for at, index in enumerate(statement.sizes)}
    put = {index: Symbol(letter) for index, letter in letters.items()}
    output = Element(statement.output, statement.place)
    elements = [output, product.left, product.right, *([product.bias] if product.bias is not None else [])]
    places = tuple(tuple(at(i, put) for i in e.indices) for e in elements)

    def named(indices: Sequence[str | None]) -> tuple[str | None, ...]:
        return tuple(None if i is None else letters[i] for i in indices)

    loops = [product.vector, product.rows, product.columns, product.within, product.each]
    order = tuple(map(named, (loops, product.outer, product.summed, product.fixed, statement.loops)))
    sizes = tuple(statement.sizes.values())
    numbers = product.across, product.lanes, product.block, product.tile, product.scale, product.bias is None
    lying = tuple(_lying(e.name, plan) for e in elements)
    return places, order, sizes, numbers, lying, statement.output in plan.totals


def _lying(name: str, plan: Plan) -> Kind:
    """How a value lies in memory."""
    root = plan.aliases.get(plan.updated.get(name, name), plan.updated.get(name, name))
    value = plan.values[root]
    return plan.layouts[name], value.layout, value.home == "given", value.sampled


def kinds_of_several(plan: Plan) -> dict[str, Kind]:
    """The kind of every product that has its like, by what it sets."""
    kinds = {
        statement.output: kind_of(product, plan)
        for phase in plan.phases
        if phase.kind == "rows"
        for statement in phase.statements
        if (product := plan.products.get(statement.output)) is not None
        if not product.skips and not product.others
    }
    counts = Counter(kinds.values())
    return {output: kind for output, kind in kinds.items() if counts[kind] > 1}
