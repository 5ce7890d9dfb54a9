"""Steps of a program as statements of a NumPy script: one after another, and loops over time."""

from __future__ import annotations

import ast
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ..formula.nodes import ELLIPSIS, Symbol
from ..program import Loop, Segment, Step
from ..rules import RULES, Rule
from ..rules.derived import Derived
from .folding import constant
from .inline import Library, call_of, lines_of, put_in, unused
from .layout import STEP, WIDTH
from .unfolding import Folded, as_rows, unfolded

Shapes = Mapping[str, tuple[int | None, ...]]


def function_of(rule: Rule) -> Callable[..., Any]:
    """The function whose source a script shows: of a rule made from another one that one's."""
    return function_of(rule.base) if isinstance(rule, Derived) else rule.function


def _operands(rule: Rule) -> tuple[str, ...]:
    """The parameters of that function, in the order of the rule's operands."""
    return _operands(rule.base) if isinstance(rule, Derived) else rule.operands


def _folds(rule: Rule) -> tuple[frozenset[int], bool, int]:
    """Which operands are rows to that function, whether its result is, and how many axes are one in a row's."""
    if not isinstance(rule, Derived):
        return frozenset(), False, 1
    if not rule.folds:
        return _folds(rule.base)
    places = frozenset(p for p, o in enumerate(rule.base.operands) if o in rule.folds)
    return places, rule.base.output in rule.folds, rule.way.axes


def _turns(rule: Rule) -> tuple[frozenset[int], bool]:
    """Which operands that function takes with their steps from the last to the first, and whether its result is so."""
    if not isinstance(rule, Derived):
        return frozenset(), False
    if not rule.turns:
        return _turns(rule.base)
    return frozenset(p for p, o in enumerate(rule.base.operands) if o in rule.turns), rule.base.output in rule.turns


def _is_pointwise(rule: Rule) -> bool:
    """Whether it computes each element from those at the same place."""
    formula = rule.formula
    everywhere = (Symbol(ELLIPSIS),)
    return formula is not None and all(element.indices == everywhere for element in formula.elements)


def _together(words: Sequence[str], sizes: str) -> str:
    """The line that makes arrays of one shape."""
    return f"{', '.join(words)} = np.zeros(({f'{len(words)}, ' if len(words) > 1 else ''}{sizes}"


@dataclass(slots=True)
class StepLines:
    """What steps are as statements.

    Attributes:
        names: every value's name in the script.
        shapes: the shapes by these names; None for the number of samples.
        library: where functions go that have to stand at the script's head.
        settings: expressions that stand for settings of a step.
        count: the expression of the number of samples.
        time: the name of the index over time.
        dtype: the words for the dtype of new arrays: ", dtype=np.float32", or empty for float64.
    """

    names: Mapping[str, str]
    shapes: Shapes
    library: Library
    settings: Callable[[Step], Mapping[str, ast.expr]]
    count: str
    time: str
    dtype: str

    def of(self, segment: Segment, indent: int) -> list[ast.stmt]:
        """A step, or a loop, as statements that stand after so many spaces."""
        return self._loop(segment, indent) if isinstance(segment, Loop) else self._step(segment, indent)

    def _step(self, step: Step, indent: int) -> list[ast.stmt]:
        """One step: its rule's own source, or a call where that has loops."""
        output = self.names[step.output]
        (rows, gives_rows, lead), (turned, gives_turned) = _folds(step.rule), _turns(step.rule)
        folded: dict[str, Folded] = {}
        slices: dict[str, ast.expr] = {}
        shapes = dict(self.shapes)
        operands: list[ast.expr | None] = []
        for place, name in enumerate(step.inputs):
            word = None if name is None else self.names[name]
            if word is not None and place in turned:
                shape, word = self.shapes[word], f"{word}[:, ::-1]"
                slices[word], shapes[word] = ast.parse(word, mode="eval").body, shape
            if word is not None and place in rows:
                folded[f"{word}@"] = Folded(word, shapes[word], lead)
                word = f"{word}@"
                shapes[word] = (None, *folded[word].shape[lead:])
            operands.append(None if word is None else ast.Name(word, ast.Load()))
        result = self.shapes[output] if gives_rows else None
        taken = {*self.library.taken, *self.library.helpers}
        lines = self._inlined(step, output, operands, shapes, indent)
        if lines is None:
            call = ast.Assign([ast.Name(output, ast.Store())], self._call(step, operands))
            lines = as_rows([call], folded, result, taken)
        elif folded:
            lines = unfolded(lines, folded, result, self._pointwise(), taken)
        if gives_turned:
            lines[-1].value = ast.parse(f"({ast.unparse(lines[-1].value)})[:, ::-1]", mode="eval").body
        return [put_in(line, slices) for line in lines]

    def _pointwise(self) -> set[str]:
        """The functions at the script's head that work on each element for itself."""
        places = {f"{rule.function.__module__}.{rule.function.__qualname__}": rule for rule in RULES}
        known = {name: places.get(place) for place, name in self.library.names.items()}
        return {name for name, rule in known.items() if rule is not None and _is_pointwise(rule)}

    def _inlined(
        self, step: Step, output: str, operands: list[ast.expr | None], shapes: Shapes, indent: int
    ) -> list[ast.Assign | ast.Expr] | None:
        given = {o: v or constant(None) for o, v in zip(_operands(step.rule), operands, strict=True)}
        given.update(self.settings(step))
        return lines_of(function_of(step.rule), output, given, self.library, shapes, indent)

    def _call(self, step: Step, operands: list[ast.expr | None]) -> ast.Call:
        name = self.library.add(function_of(step.rule))
        return call_of(name, [o for o in operands if o is not None], step.options)

    # -- loops over time -----------------------------------------------------------------------------------------

    def _loop(self, loop: Loop, indent: int) -> list[ast.stmt]:
        """A loop: zeros for every value, and the steps for each time.

        z1, h1 = np.zeros((2, len(x), 4, 3))
        for t in range(4):
            h1_before = h1[:, t - 1] if t > 0 else np.zeros_like(h1[:, 0])
            z1[:, t] = x[:, t] @ W1 + h1_before @ U1 + b1
            h1[:, t] = np.tanh(z1[:, t])
        """
        others: dict[tuple[str, int], str] = {}
        body: list[ast.stmt] = []
        for step, delays in zip(loop.steps, loop.delays, strict=True):
            for name, delay in zip(step.inputs, delays, strict=True):
                if name is not None and delay and (name, delay) not in others:
                    word = self._other_time(name, delay, {*self.names.values(), *others.values()})
                    others[name, delay] = word
                    body.append(self._taken(word, self.names[name], delay, loop.times))
        for step, delays in zip(loop.steps, loop.delays, strict=True):
            body += self._time(step, delays, others, indent + STEP)
        times = ast.parse(f"range({loop.times})", mode="eval").body
        if loop.backward:
            times = ast.Call(ast.Name("reversed", ast.Load()), [times], [])
        return [*self._zeros(loop, indent), ast.For(ast.Name(self.time, ast.Store()), times, body, [])]

    def _zeros(self, loop: Loop, indent: int) -> list[ast.stmt]:
        """The arrays that a loop fills, those of one shape together."""
        alike: dict[tuple[int | None, ...], list[str]] = {}
        for step in loop.steps:
            alike.setdefault(self.shapes[self.names[step.output]], []).append(self.names[step.output])
        lines: list[str] = []
        for shape, words in alike.items():
            sizes = f"{self.count}, {', '.join(map(str, shape[1:]))}){self.dtype})"
            group: list[str] = []
            for word in words:
                if group and indent + len(_together([*group, word], sizes)) > WIDTH:
                    lines.append(_together(group, sizes))
                    group = []
                group.append(word)
            lines.append(_together(group, sizes))
        return ast.parse("\n".join(lines)).body

    def _other_time(self, name: str, delay: int, taken: set[str]) -> str:
        """The name of what a value is at an earlier time, or a later one."""
        steps = "" if abs(delay) == 1 else f"_{abs(delay)}"
        word = f"{self.names[name]}{steps}_{'before' if delay > 0 else 'after'}"
        return unused(word, {*taken, *self.library.taken, *self.library.helpers})

    def _taken(self, word: str, name: str, delay: int, times: int) -> ast.stmt:
        """The line that takes a value of another time, zeros beyond the ends."""
        t = self.time
        there = f"{t} > {delay - 1}" if delay > 0 else f"{t} < {times + delay}"
        at = f"{t} - {delay}" if delay > 0 else f"{t} + {-delay}"
        return ast.parse(f"{word} = {name}[:, {at}] if {there} else np.zeros_like({name}[:, 0])").body[0]

    def _time(
        self, step: Step, delays: tuple[int | None, ...], others: Mapping[tuple[str, int], str], indent: int
    ) -> list[ast.stmt]:
        """One step at one time."""
        shapes = dict(self.shapes)
        operands: list[ast.expr | None] = []
        for name, delay in zip(step.inputs, delays, strict=True):
            if name is None:
                operands.append(None)
                continue
            word = self.names[name]
            text = word if delay is None else others[name, delay] if delay else self._now(word)
            if delay is not None:
                shapes[text] = (None, *self.shapes[word][2:])
            operands.append(ast.Name(text, ast.Load()))
        output = self._now(self.names[step.output])
        lines = self._inlined(step, output, operands, shapes, indent)
        if lines is None:
            lines = [ast.Assign([ast.Name(output, ast.Store())], self._call(step, operands))]
        words = [self.names[n] for n in (*step.inputs, step.output) if n is not None]
        slices = {self._now(word): ast.parse(self._now(word), mode="eval").body for word in words}
        return [put_in(line, slices) for line in lines]

    def _now(self, word: str) -> str:
        """What a value is at this time, as the text that it will be."""
        return f"{word}[:, {self.time}]"
