"""Numbers as people write them down: "0.0821", "0,0821", "3.2 %", "1.449·10⁻³", "½", "0.35 * 0.5"."""

from __future__ import annotations

import math
import re
import unicodedata
from collections.abc import Callable
from dataclasses import dataclass
from numbers import Real
from typing import Any

from ...base.text import visible

LONGEST = 200
"""More characters than this are no number that anybody wrote down."""
SHOWN = 60
"""So many characters of an answer are shown."""
DEEPEST = 20
"""How deep parentheses may stand in each other."""
FUNCTIONS: dict[str, Callable[[float], float]] = {"sqrt": math.sqrt, "exp": math.exp, "ln": math.log}
_SIGNS = {
    **dict.fromkeys("\u2212\u2010\u2011\u2012\u2013\u2014\u2015\ufe63\uff0d\u207b\u02d7", "-"),
    **dict.fromkeys("\u207a\uff0b\ufe62", "+"),
    **dict.fromkeys("\u00d7\u00b7\u22c5\u2219\u2022\u2217\u2715\u2716\uff0a", "*"),
    **dict.fromkeys("\u00f7\u2215\u2044\uff0f", "/"),
    **dict.fromkeys("\uff0e", "."),
    **dict.fromkeys("\uff0c\u066b", ","),
    **dict.fromkeys("\u2248\u2243\u2245\uff1d", "="),
    "\ufe6a": "%",
    "\uff05": "%",
    "\u221a": "sqrt",
    "\ufeff": "",
    "\u200b": "",
    "\u2060": "",
}
_TEX = {r"\cdot": "*", r"\times": "*", r"\,": "\u2009", r"\%": "%", "$": "", "{": "(", "}": ")"}
_RAISED = re.compile("[\u207a\u207b]?[\u2070\u00b9\u00b2\u00b3\u2074-\u2079]+")
_NAMED = re.compile(r"(?:(?:[^\W\d]|∂)[^=]{0,60})?[=~]")
_VULGAR = "\u00bc-\u00be\u2150-\u215e\u2189"
_HALVES = re.compile(rf"(?:(?<![0-9.,])([0-9]{{1,15}}) ?)?([{_VULGAR}])")
_GROUP = re.compile("(?<=[0-9])[\u2009\u202f\u00a0\u2008\u2007](?=[0-9]{3}(?![0-9]))")
_MIXED = re.compile(r"([-+]?)([0-9]{1,15}) +([0-9]{1,15}) */ *([0-9]{1,15})")
_DECIMAL = r"(?:[0-9]+(?:[.,][0-9]*)?|[.,][0-9]+)"
_EXPONENT = r"(?: ?[eE] ?[-+]? ?[0-9]{1,9})"
_TIMES = re.compile(r"(?<=[0-9.,)]) ?[xX] ?(?=10 ?(?:\^|\*\*))|(?<=[0-9.,)]) [xX] (?=[-+(.0-9])")
_POWER = r" ?\* ?10 ?(?:\^|\*\*) ?(?:\( ?[-+]? ?[0-9]{1,9} ?\)|[-+]? ?[0-9]{1,9})"
_PLAIN = re.compile(rf"([-+]? ?{_DECIMAL})({_EXPONENT}|{_POWER})? ?(%?)")
_LOST = re.compile(r"[0-9.,)] ?[*xX] ?10 ?[-+] ?[0-9]{1,3}\)?|[0-9.,)] +10 ?\^.*")
_TWO_WAYS = re.compile(rf"[/^] ?[-+]? ?{_DECIMAL} ?%")
_TOKEN = re.compile(
    rf"({_DECIMAL}(?:[eE][-+]?[0-9]{{1,9}})?)|(sqrt(?= ?[(.,0-9])|(?:exp|ln)(?= ?\())|(\*\*|[-+*/^()])|(%)"
)


@dataclass(frozen=True, slots=True)
class Answer:
    """A number that somebody wrote down.

    Attributes:
        text: as it was written, shortened where it is long.
        value: the number.
        plain: the number as a decimal with the digits that it was given to; all of them where it was computed (1/3).
        digits: to how many significant digits it was given; None where that cannot be told.
    """

    text: str
    value: float
    plain: str
    digits: int | None = None


def short(value: object) -> str:
    """A value's text in one line, of at most `SHOWN` characters."""
    try:
        text = value.strip() if isinstance(value, str) else str(value)
    except (ValueError, RecursionError):  # a whole number of thousands of digits, lists of lists of lists
        text = f"a very large {type(value).__name__}"
    return visible(text if len(text) <= SHOWN else f"{text[: SHOWN - 1]}\u2026")


def read_number(value: object) -> Answer | None:
    """The number that a text stands for, or a number itself; None where there is none ("", "-", "___").

    Decimals with a point or a comma, powers of ten (1.4e-3, 1.4·10^-3, 1.4 x 10⁻³), percents, fractions (1/3, ½, 1 1/2)
    and arithmetic with + - * / ^, parentheses, sqrt, exp and ln are numbers; so is "0.35*0.5 = 0.175": both must agree.

    Raises:
        ValueError: where it is no number; the message continues "the answer ": "is no number".
    """
    if value is None:
        return None
    if not isinstance(value, str):
        return _as_given(value)
    if len(value) > LONGEST:
        raise ValueError(f"has {len(value):,} characters, which is no number")
    text = _usual_signs(value)
    if not text.strip("-_./\u2026 "):
        return None
    numbers = [_number(value, part.strip()) for part in text.split("=")]
    best = max(numbers, key=lambda n: math.inf if n.digits is None else n.digits)
    if not all(_agree(best, other) for other in numbers):
        raise ValueError("says that numbers are equal which are not")
    return best


def _number(text: str, bare: str) -> Answer:
    """A number in the usual signs, written out or as arithmetic."""
    plain = _PLAIN.fullmatch(bare)
    return _exact(text, _computed(bare)) if plain is None else _decimal(text, plain)


def _agree(number: Answer, other: Answer) -> bool:
    """Whether a number is another one as far as its digits go: rounded, or cut off."""
    if number.value == other.value or other.digits == 0:
        return number.value == other.value
    digits = 12 if other.digits is None else other.digits
    unit = 10.0 ** (math.floor(math.log10(max(abs(number.value), abs(other.value)))) - digits + 1)
    beyond = (number.value - other.value) / unit
    return abs(beyond) <= 0.5 + 1e-9 or 0 <= beyond * math.copysign(1.0, other.value) < 1


def _as_given(number: Any) -> Answer:
    """A number that is no text: it has the digits of its shortest decimal."""
    plain: Any = number.item() if getattr(number, "shape", None) == () else number
    if isinstance(plain, bool) or not isinstance(plain, Real):
        raise ValueError("is no number")
    try:
        value = float(plain)
    except OverflowError:
        value = math.inf
    if not math.isfinite(value):
        raise ValueError("is no finite number")
    return Answer(short(plain), value, repr(value), _digits(str(plain)))


def _usual_signs(text: str) -> str:
    """The text in ASCII, without what stands before the number (=, x =) and after it (a point, a semicolon)."""
    for tex, sign in _TEX.items():
        text = text.replace(tex, sign)
    text = _HALVES.sub(_fraction, text)
    text = _RAISED.sub(lambda m: f"^({unicodedata.normalize('NFKC', m[0])})", text)
    text = _GROUP.sub("", "".join(_usual_sign(c) for c in text))
    text = re.sub(r"\s+", " ", text).strip()
    prefix = _NAMED.match(text)
    text = text[prefix.end() :].strip() if prefix is not None else text
    text = text.removesuffix(";").rstrip()
    if text.endswith(".") and re.search(r"[.,)%]|[eE]", text[:-1]):
        text = text[:-1].rstrip()
    text = _TIMES.sub("*", text)
    inner = text[1:-1] if text.startswith("(") and text.endswith(")") else ""
    return inner.strip() if _PLAIN.fullmatch(inner.strip()) else text


def _usual_sign(character: str) -> str:
    if character.isascii():
        return character
    if character in _SIGNS:
        return _SIGNS[character]
    digit = unicodedata.decimal(character, None)
    return character if digit is None else str(digit)


def _fraction(match: re.Match[str]) -> str:
    """A fraction in one character, with the whole number before it: one number, whatever stands around it."""
    fraction = unicodedata.normalize("NFKC", match[2]).replace("\u2044", "/")
    return f"({match[1]}+{fraction})" if match[1] else f"({fraction})"


def _decimal(text: str, match: re.Match[str]) -> Answer:
    """A number that is written with its digits."""
    front = match[1].replace(" ", "").replace(",", ".")
    power = 0
    if match[2]:
        exponent = re.sub(r"^ ?(?:[eE]|\* ?10 ?(?:\^|\*\*))|[ ()]", "", match[2])
        power = int(exponent.replace(" ", ""))
    power -= 2 * bool(match[3])
    plain = f"{front}e{power}" if power else front
    value = float(plain)
    if not math.isfinite(value):
        raise ValueError("is no finite number")
    return Answer(short(text), value, plain, _digits(front))


def _digits(decimal: str) -> int:
    """How many significant digits a decimal is given to; none for 0."""
    return len(re.sub(r"[^0-9]", "", decimal.lower().partition("e")[0]).lstrip("0"))


def _exact(text: str, value: float) -> Answer:
    """A number that was computed has all of its digits."""
    if not math.isfinite(value):
        raise ValueError("is no finite number")
    return Answer(short(text), value, f"{value:.16e}")


def _computed(text: str) -> float:
    """The value of a fraction or of some arithmetic.

    Raises:
        ValueError: where it is neither; the message says what stands in the way.
    """
    mixed = _MIXED.fullmatch(text)
    if mixed is not None:
        text = f"{mixed[1]}({mixed[2]}+{mixed[3]}/{mixed[4]})"
    if _TWO_WAYS.search(text):
        raise ValueError("may be read in two ways: write (1/2)% or 1/(2%)")
    if _LOST.search(text):
        raise ValueError("may be a power of ten without its ^: write 1.5e-3 or 1.5*10^-3")
    if re.search(r"[0-9]*(?:\.[0-9]+,|,[0-9]+\.)[0-9]|[0-9][.,][0-9]+[.,][0-9]", text):
        raise ValueError("has several points or commas: write 1234.5, without separators of thousands")
    tokens: list[str] = []
    place = 0
    while place < len(text):
        if text[place] == " ":
            place += 1
            continue
        match = _TOKEN.match(text, place)
        if match is None:
            raise ValueError("is no number")
        tokens.append(match[0])
        place = match.end()
    try:
        return _Arithmetic(tokens).value()
    except ZeroDivisionError:
        raise ValueError("divides by 0") from None
    except OverflowError:
        raise ValueError("is no finite number") from None


class _Arithmetic:
    """Sums, products and powers of numbers, from their tokens."""

    def __init__(self, tokens: list[str]) -> None:
        self.tokens = [*tokens, ""]
        self.place = self.depth = 0

    def value(self) -> float:
        value = self._sum()
        if self._next():
            raise ValueError("is no number")
        return value

    def _next(self) -> str:
        return self.tokens[self.place]

    def _taken(self, *signs: str) -> str:
        """The next token if it is one of these, which is then gone; else nothing."""
        token = self._next()
        if token not in signs or not token:
            return ""
        self.place += 1
        return token

    def _sum(self) -> float:
        value = self._product(signed=True)
        while sign := self._taken("+", "-"):
            term = self._product(signed=False)
            value = value + term if sign == "+" else value - term
        return value

    def _product(self, *, signed: bool) -> float:
        value = self._factor(signed=signed)
        while sign := self._taken("*", "/"):
            factor = self._factor(signed=True)
            value = value * factor if sign == "*" else value / factor
        return value

    def _factor(self, *, signed: bool) -> float:
        """A power with at most one sign before it: -2^2 is -4."""
        sign = self._taken("-", "+") if signed else ""
        value = self._single()
        if self._taken("^", "**"):
            power: Any = value ** self._factor(signed=True)
            if isinstance(power, complex):
                raise ValueError("is no real number")
            value = float(power)
        return -value if sign == "-" else value

    def _single(self) -> float:
        token = self._next()
        self.place += 1
        if token in FUNCTIONS:
            try:
                value = FUNCTIONS[token](self._single())
            except ValueError as error:
                raise ValueError("is no real number" if "math" in str(error) else str(error)) from None
        elif token == "(":
            self.depth += 1
            if self.depth > DEEPEST:
                raise ValueError("is no number")
            value = self._sum()
            self.depth -= 1
            if not self._taken(")"):
                raise ValueError("lacks a closing parenthesis")
        elif token[:1].isdigit() or (token[:1] in (".", ",") and token):
            value = float(token.replace(",", "."))
        else:
            raise ValueError("is no number")
        return value / 100 if self._taken("%") else value
