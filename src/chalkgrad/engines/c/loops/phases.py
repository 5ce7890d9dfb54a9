"""A plan's phases as routines of the intermediate form."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from ....program.names import GIVEN
from ....program.statement import Statement
from ..schedule.plan import Phase, Plan
from ..schedule.products import Product
from ..schedule.request import Request
from ..schedule.times import TIME
from .alike import Shared, kinds_of_several
from .ir import (
    Bind,
    Block,
    CallPiece,
    Chunks,
    Clear,
    Code,
    Everything,
    Index,
    Instruction,
    Loop,
    Parameter,
    Routine,
    Share,
    WholeBatch,
    whole,
)
from .loops import Loops
from .memory import Memory
from .tiles import Tiles
from .zeros import Zeros

SHORT = 256
"""Values of at most so many numbers are updated by one thread."""
MANY, TOGETHER = 60, 30
"""A phase of more statements is made of several routines, each for so many."""

_STATE, _THREAD, _PART = Parameter("T", "state"), Parameter("thread", "int"), Parameter("part", "int")
_SAMPLES = Parameter("N", "long")
SHARED = (_STATE, _THREAD, _SAMPLES)
"""The parameters of the routine of a phase that every thread computes for itself,"""
PARTS = (_STATE, _THREAD, _PART, _SAMPLES)
"""of a phase of which every part computes some elements,"""
ROWS = (_STATE, _THREAD, _PART, Parameter("first", "long"), Parameter("end", "long"), Parameter("N", "int"))
"""of a phase that goes through the samples,"""
PIECE = (_STATE, _THREAD, _PART, Parameter("begin", "long"), Parameter("rows", "int"), Parameter("N", "int"))
"""and of a piece of one."""


TINY = 2000
"""A step of at most so many terms, made by one thread, is written so that the compiler can unroll it all: in one
function, twice, once for full batches, and with what it computes in variables."""


@dataclass(slots=True)
class Routines:
    """A plan as routines.

    Attributes:
        memory: the places of values.
        zeros: the words that skip zeros.
        tiny: whether a step is so small that it is to be one routine in the end.
        tiles: the routines of tiles, by name.
        phases: the routines of each phase, pieces first, by the phase's name, in order.
    """

    memory: Memory
    zeros: Zeros
    tiny: bool
    tiles: dict[str, Routine] = field(default_factory=dict[str, Routine])
    phases: dict[str, list[Routine]] = field(default_factory=dict[str, list[Routine]])

    @property
    def given(self) -> list[str]:
        """The values that come from outside, of those that anything reads."""
        names = {
            instruction.value.name
            for routines in self.phases.values()
            for routine in routines
            for instruction in _within(routine.body)
            if isinstance(instruction, Bind) and instruction.value.home == "given"
        }
        return [name for name in GIVEN if name in names]


def _within(code: Code) -> Iterable[Instruction]:
    for instruction in code:
        yield instruction
        if isinstance(instruction, Chunks):
            yield from instruction.body


def lower(schedule: Plan, request: Request) -> Routines:
    """The routines of a plan's phases.

    Args:
        schedule: the plan.
        request: the request that it is a plan of.
    """
    terms = sum(s.terms for p in schedule.phases for s in p.statements)
    tiny = terms * request.batch <= TINY and not schedule.products and request.parts == 1
    memory, zeros = Memory(schedule, request.batch, local=tiny), Zeros(schedule, request.batch)
    routines, shared = Routines(memory, zeros, tiny), Shared(kinds_of_several(schedule))
    for at, phase in enumerate(schedule.phases):
        if phase.statements or phase.kind == "report":
            name = f"{phase.kind}_{at + 1}"
            routines.phases[name] = _Phase(name, phase, schedule, memory, zeros, routines.tiles, shared).routines(tiny)
    return routines


class _Phase:
    def __init__(
        self,
        name: str,
        phase: Phase,
        plan: Plan,
        memory: Memory,
        zeros: Zeros,
        tiles: dict[str, Routine],
        shared: Shared,
    ) -> None:
        self.name = name
        self.phase = phase
        self.plan = plan
        self.memory = memory
        self.zeros = zeros
        self.loops = Loops(plan, memory)
        self.shared = shared
        self.tiles = Tiles(plan, memory, tiles, self.loops, shared)

    def routines(self, tiny: bool) -> list[Routine]:
        """The phase's routine, and before it those that it is made of where there is much in it."""
        if self.phase.kind == "rows" and len(self.phase.statements) > MANY and not tiny:
            return self._long()
        make = {"rows": self._rows, "blocks": self._blocks, "update": self._update}
        code = make.get(self.phase.kind, self._shared)()
        names, totals = list(self.loops.used), self._sums()
        constants, beginning = self.loops.constants.declared, self.zeros.begun(self.phase)
        inline = "always" if tiny else ""
        if self.phase.kind == "rows":
            pointers = self._bound([v for v in names if self.plan.values[v].home != "part"], "begin")
            sums = self._bound([v for v in names if self.plan.values[v].home == "part"], "begin")
            body: Code = [*constants, *sums, *self._zeroed(totals), Chunks([*pointers, *beginning, *code])]
            return [Routine(self.name, ROWS, body, inline)]
        parameters = PARTS if self.phase.kind in ("blocks", "update") else SHARED
        return [Routine(self.name, parameters, [*constants, *self._bound(names), *beginning, *code], inline)]

    def _long(self) -> list[Routine]:
        """A phase that goes through the samples, as several routines.

        A compiler's time grows with the square of what the loops inside one loop read and write together.
        """
        pieces: list[Routine] = []
        sums: Code = []
        for number, statements in enumerate(_pieces(self.plan.together(self.phase.statements)), 1):
            phase = Phase("rows", statements)
            name = f"{self.name}_{number}"
            piece = _Phase(name, phase, self.plan, self.memory, self.zeros, self.tiles.routines, self.shared)
            code = piece._rows()
            pointers = piece._bound(list(piece.loops.used), "begin")
            body = [*piece.loops.constants.declared, *pointers, *self.zeros.begun(phase), *code]
            pieces.append(Routine(name, PIECE, body, "never"))
            totals = piece._sums()
            sums += [*piece._bound(totals, "begin"), *piece._zeroed(totals)]
        calls: Code = [CallPiece(piece.name) for piece in pieces]
        return [*pieces, Routine(self.name, ROWS, [*sums, Chunks(calls)])]

    def _bound(self, names: Sequence[str], begin: str = "") -> Code:
        """The values' pointers; in an update the first part's sums get the others added to them."""
        return [self.memory.declared(v, begin, first_part=self.phase.kind == "update") for v in names]

    def _sums(self) -> list[str]:
        """The parts' sums that the phase computes."""
        own = {s.output for s in self.phase.statements}
        return [v for v in self.loops.used if v in own and self.plan.values[v].home == "part"]

    def _zeroed(self, totals: Sequence[str]) -> Code:
        """Sets these sums to zero."""
        layouts = {v: self.plan.values[v].layout for v in totals}
        return [Clear(self.memory.name(v), None if y is None else y.size) for v, y in layouts.items()]

    def _rows(self) -> Code:
        code: Code = []
        alone: list[Statement] = []
        for group in self.plan.together(self.phase.statements):
            loop = self.plan.loops.get(group[0].output)
            if loop is None:
                alone += group
                continue
            code += self._by_sample(alone)
            alone = []
            end = whole(loop.times)
            code.append(Loop(TIME, end, self._by_sample(group), backward=loop.backward))
        return [*code, *self._by_sample(alone)]

    def _by_sample(self, statements: Sequence[Statement]) -> Code:
        """Statements in order, products in tiles, the others for one sample after another."""
        code: Code = []
        together: list[Statement] = []

        def close() -> None:
            if together:
                code.append(Loop("n", Index("rows"), self.loops.plain(together)))
            together.clear()

        for statement in statements:
            product = self.plan.products.get(statement.output)
            if product is None:
                assert statement.sample in (None, "n"), statement.text  # which the loop goes through
                together.append(statement)
            else:
                close()
                code += self.tiles.product(product)
        close()
        return code

    def _blocks(self) -> Code:
        (statement,) = self.phase.statements
        return self._by_blocks(self.plan.products[statement.output])

    def _by_blocks(self, product: Product, finish: Sequence[Statement] = ()) -> Code:
        assert product.block is not None
        share = Share(product.vectors * product.lanes // product.block, product.block)
        code = self.tiles.product(product, finish, blocks=True)
        return [WholeBatch(), share, *code] if finish else [share, WholeBatch(), *code]

    def _shared(self) -> Code:
        self.loops.over_parts = True
        return [Block(self.loops.plain([s])) for s in self.phase.statements]

    def _update(self) -> Code:
        code: Code = []
        for first, *others in _chains(self.phase.statements):
            product = self.plan.products.get(first.output)
            if product is not None:
                code.append(Block(self._by_blocks(product, others), "by blocks"))
                continue
            size = self.plan.layouts[first.output].size
            chain = self.loops.chain([first, *others])
            if size <= SHORT:
                code.append(Everything(size, chain))
            else:
                code.append(Block([Share(-(-size // 16), 16, size), *chain]))
        return code


def _pieces(groups: Sequence[Sequence[Statement]]) -> list[list[Statement]]:
    """Groups of statements in pieces of about as many statements."""
    pieces: list[list[Statement]] = [[]]
    for group in groups:
        if pieces[-1] and len(pieces[-1]) + len(group) > TOGETHER:
            pieces.append([])
        pieces[-1] += group
    return pieces


def _chains(statements: Sequence[Statement]) -> list[list[Statement]]:
    """The statements in groups: each uses what one before it in its group computes."""
    chains: list[list[Statement]] = []
    for statement in statements:
        fits = [c for c in chains if {s.output for s in c} & statement.reads]
        if not fits:
            chains.append([statement])
            continue
        group = [s for c in fits for s in c]
        chains = [c for c in chains if c not in fits] + [[*group, statement]]
    return chains
