"""The intermediate form as C."""

from __future__ import annotations

import math
from collections.abc import Sequence

from ....formula.nodes import Binary, Function, Indicator, Negative, Node, Number, Symbol
from ..loops.ir import (
    Apart,
    Assign,
    Bind,
    BindAhead,
    BindNonzero,
    Call,
    CallPiece,
    CallTile,
    Cell,
    Chunks,
    Clear,
    Copy,
    Counted,
    Declare,
    DeclareArrays,
    DeclareConstant,
    DeclareInside,
    Double,
    DrawMask,
    EachLit,
    Everything,
    FindLit,
    FindNonzero,
    Index,
    Inside,
    Instruction,
    Integer,
    Lanes,
    Linear,
    LoadVector,
    LoadWord,
    Loop,
    Point,
    Prefetch,
    Routine,
    Share,
    Unordered,
    WholeBatch,
    Zeros,
)
from ..schedule.products import WORD
from .printer import COMPARISONS, Lines, Printer, braced

SINGLE = {"N": "N", "lr": "T->rate", "t": "(double)T->t", "clock": "(double)T->clock"}
"""The C of single numbers for a whole step."""
DOUBLE = {"exp": "exp", "log": "log", "tanh": "tanh", "sin": "sin", "cos": "cos", "erf": "erf", "erfc": "erfc",
          "sqrt": "sqrt", "abs": "fabs", "max": "fmax", "min": "fmin"}  # fmt: skip
BUFFERS = {"carried": "T->carried", "batch": "T->batch", "chunk": "T->chunk + thread * CHUNK_SIZE",
           "part": "T->part + part * PART_SIZE", "own": "T->own + thread * OWN_SIZE"}  # fmt: skip
KINDS = {"state": "const Training *", "int": "int ", "long": "int64_t ", "index": "const int ", "real": "const real ",
         "read": "const real *const ", "written": "real *const ", "rows": "const real *const *const ",
         "words": "const uint32_t *const ", "ahead": "const char *const *const "}  # fmt: skip
INLINE = {"always": "ALWAYS ", "never": "__attribute__((noinline)) ", "": ""}
LINE = 64
"""Bytes of a cache line."""


def literal(value: float) -> str:
    """A number as a C constant of type double."""
    if math.isinf(value):
        return "INFINITY" if value > 0 else "-INFINITY"
    return repr(float(value))


class CPrinter(Printer):
    """The printer of C."""

    def stored(self, cell: Cell) -> str:
        return f"(int){self.cell(cell)}"

    # -- numbers ---------------------------------------------------------------------------------------------------

    def literal(self, value: float) -> str:
        if math.isnan(value):
            return "(real)NAN"
        if math.isinf(value):
            return literal(value)
        return f"(real){literal(value)}" if value >= 0 else f"(real)({literal(value)})"

    def literal_whole(self, value: int) -> str:
        return f"(real){value}"

    def call(self, name: str, arguments: Sequence[str]) -> str:
        if name in ("sin", "cos"):  # the library's own
            return f"(real){name}({', '.join(arguments)})"
        return f"real_{name}({', '.join(arguments)})"

    def cell(self, cell: Cell) -> str:
        text = super().cell(cell)
        text = f"T->{text}" if cell.of_state else text
        return text if cell.ahead is None else f"(&{text})[{self.integer(cell.ahead)}]"

    def special(self, node: Node) -> str:
        match node:
            case Counted(index=index):
                return f"(real){self._bracketed(index)}"
            case Double(body=body):
                return f"(real){self.number(body)}"
            case Unordered(left=left, right=right):
                return f"__builtin_isunordered({self.number(left)}, {self.number(right)})"
            case LoadVector(cell=cell, lanes=lanes):
                return f"*(const vec{lanes}u *)&{self.cell(cell)}"
            case Zeros(lanes=lanes):
                return f"(vec{lanes}){{0}}"
            case Lanes(body=body, lanes=lanes):
                return f"vec{lanes}_sum({self.number(body)})"
            case Inside(body=body, lanes=lanes):
                return f"(vec{lanes})((bits{lanes}){self.number(body)} & inside)"
            case LoadWord(cell=cell):
                return self.cell(cell)
            case _:
                raise NotImplementedError(f"no C for {node}")

    def _bracketed(self, index: Integer) -> str:
        plain = isinstance(index, Index) or (isinstance(index, Linear) and not index.terms)
        return self.integer(index) if plain else f"({self.integer(index)})"

    def _double(self, node: Node) -> str:
        """A number that is the same for the whole step, computed in double."""
        match node:
            case Number(value=value):
                return literal(value)
            case Symbol(name=name):
                return SINGLE[name]
            case Negative(body=body):
                return f"-({self._double(body)})"
            case Binary(operator="^", left=left, right=right):
                return f"pow({self._double(left)}, {self._double(right)})"
            case Binary(operator=operator, left=left, right=right):
                return f"({self._double(left)} {operator} {self._double(right)})"
            case Function(name=name, arguments=arguments):
                return f"{DOUBLE[name]}({', '.join(map(self._double, arguments))})"
            case Indicator(comparison=comparison, left=left, right=right):
                return f"(double)({self._double(left)} {COMPARISONS[comparison]} {self._double(right)})"
            case _:
                raise NotImplementedError(f"no C for {node}")

    # -- instructions ----------------------------------------------------------------------------------------------

    def loop(self, loop: Loop) -> Lines:
        if loop.unrolled:
            return self.laid_out(f"EACH({loop.index}, {self.integer(loop.end)})", loop)
        lines = self.laid_out(self.loop_head(loop), loop)
        if loop.reduced:
            return [f'_Pragma("omp simd reduction({loop.by}:{loop.reduced})")', *lines]
        return ["SIMD", *lines] if loop.vector else lines

    def own(self, instruction: Instruction) -> Lines:
        match instruction:
            case Assign(target=Cell() as cell, value=value, operator=operator, lanes=lanes):
                return [f"*(vec{lanes}u *)&{self.cell(cell)} {operator} {self.value(value)};"]
            case Declare(kind=kind, name=name, value=value, fixed=fixed, comment=comment):
                kind = "uint32_t" if kind == "bits" else kind
                remark = f" /* {comment} */" if comment else ""
                return [f"{'const ' if fixed else ''}{kind} {name} = {self.value(value)};{remark}"]
            case DeclareArrays(kind=kind, arrays=arrays, zeros=zeros):
                declarations = [f"{name}{''.join(f'[{size}]' for size in sizes)}" for name, sizes in arrays]
                aligned = "ALIGNED " if kind == "real" else ""
                return [f"{aligned}{kind} {', '.join(declarations)}{' = {0}' if zeros else ''};"]
            case DeclareConstant(name=name, value=value):
                return [f"const real {name} = (real)({self._double(value)});"]
            case Apart():
                return ['__asm__ volatile("" ::: "memory"); /* the next loop as if it stood alone */']
            case DeclareInside(count=count, lanes=lanes):
                ones = ", ".join(["-1"] * count + ["0"] * (lanes - count))
                return [f"static const bits{lanes} inside = {{{ones}}}; /* behind the last stand zeros */"]
            case Point(name=name, cell=cell):
                return [f"const real *const {name} = &{self.cell(cell)};"]
            case Bind():
                return [self._bound(instruction)]
            case Chunks(body=body):
                rows = "const int rows = (int)least(CHUNK, end - begin);"
                return braced("for (int64_t begin = first; begin < end; begin += CHUNK)", [rows, *self.code(body)])
            case CallTile(function=function, rows=rows, columns=columns, passed=passed):
                return [f"{function}({', '.join([str(rows), str(columns), *passed])});"]
            case Call(function=function, passed=passed):
                return [f"{function}({', '.join(passed)});"]
            case CallPiece(function=function):
                return [f"{function}(T, thread, part, begin, rows, N);"]
            case WholeBatch():
                return ["const int rows = (int)N;"]
            case Share(count=count, unit=unit, size=size):
                first, last = f"{count} * (int64_t)part / PARTS", f"{count} * (int64_t)(part + 1) / PARTS"
                end = f"(int)({last}) * {unit}" if size is None else f"(int)least({size}, {last} * {unit})"
                return [f"const int first = (int)({first}) * {unit};", f"const int last = {end};"]
            case Everything(size=size, body=body):
                return braced("if (part == 0)", [f"const int first = 0, last = {size};", *self.code(body)])
            case Clear(name=name, count=count):
                return [f"*{name} = 0;" if count is None else f"memset({name}, 0, {count} * sizeof *{name});"]
            case Copy(to=to, array=array, count=count):
                return [f"memcpy(&{self.cell(to)}, {array}, {count} * sizeof *{array});"]
            case DrawMask(to=to, size=size, seed=seed, layer=layer, threshold=threshold):
                place, clock = f"(begin + n) * (int64_t){size}", "(uint64_t)T->clock"
                return [f"draw_mask(&{self.cell(to)}, {size}, {place}, {seed}u, {layer}u, {clock}, {threshold}u);"]
            case _:
                return self._skipping(instruction)

    def _skipping(self, instruction: Instruction) -> Lines:
        """The lines of an instruction for samples that are mostly zeros."""
        match instruction:
            case FindNonzero(row=row, size=size):
                return [
                    f"uint32_t *const nonzero = T->nonzero + (thread + 1) * NONZERO - {size};",
                    f"find_nonzero(nonzero, T->rows_of_x + thread * BATCH + begin, rows, {row}, {size});",
                ]
            case BindNonzero():
                return ["const uint32_t *const nonzero = T->nonzero + thread * NONZERO;"]
            case BindAhead(begin=begin):
                further = f" + {begin}" if begin else ""
                return [f"const char *const *const ahead = T->rows_ahead + thread * BATCH{further};"]
            case Prefetch(sample=sample):
                return [
                    f"EACH(row, R) EACH(line, ({WORD} * X_BYTES + {LINE - 1}) / {LINE})",
                    f"    __builtin_prefetch(ahead[{self.integer(sample)}] + from * X_BYTES + line * {LINE}, 0, 2);",
                ]
            case FindLit(words=words, sample=sample):
                lit = f"{self.cell(words)} >> {sample} % {WORD} & ((1u << R) - 1)"
                return [f"for (int k = 0; k < {WORD}; k++) found |= (uint32_t)(({lit}) != 0) << k;"]
            case EachLit(index=index, body=body):
                place = f"const int {index} = from + __builtin_ctz(found);"
                return braced("for (; found; found &= found - 1)", [place, *self.code(body)])
            case _:
                raise NotImplementedError(f"no C for {instruction}")

    def _bound(self, bind: Bind) -> str:
        """A pointer to a value."""
        name, value, place, begin = bind.name, bind.value, bind.place, bind.begin
        further = f" + {begin}" if begin else ""
        if value.layout is None:
            home = "T->part_numbers + part" if value.home == "part" else "T->numbers + thread"
            return f"double *const {name} = {home} * NUMBERS + {place};"
        size = value.layout.size
        if value.home == "given":
            kind = "int64_t" if value.ids else "real"
            return f"const {kind} *const *const {name} = T->rows_of_{name} + thread * BATCH{further};"
        if value.home == "result":
            further = f" + ({begin}) * {size}" if begin else ""
            return f"real *const {name} = T->{name} + T->at * {size}{further};"
        if value.home == "kept":
            return f"const real *const {name} = T->kept_{name};"
        buffer = "T->part" if bind.first_part and value.home == "part" else BUFFERS[value.home]
        further = f" + (int64_t){begin} * {size}" if value.home == "batch" and begin else ""
        return f"real *const {name} = {buffer} + {place}{further};"

    # -- routines --------------------------------------------------------------------------------------------------

    def routine(self, routine: Routine) -> Lines:
        """The lines of a routine."""
        head = ", ".join(f"{KINDS[p.kind]}{p.name}" for p in routine.parameters)
        lines = braced(f"static {INLINE[routine.inline]}void {routine.name}({head})", self.code(routine.body))
        if not routine.lanes:  # a phase's may need less than it is given
            unused = ", ".join(f"(void){p.name}" for p in routine.parameters)
            lines.insert(1, f"    {unused};")
        return [*([f"/* {routine.comment} */"] if routine.comment else []), *lines]
