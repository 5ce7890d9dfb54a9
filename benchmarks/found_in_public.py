"""How many wrong backward passes from public reports are named, and whether right ones are called wrong.

    python benchmarks/found_in_public.py

Every case is a wrong pass that was shipped or printed, in lines of our own, with its link (`public_cases.py`).
`diagnose` gets the values that the pass computes, once all of them and once only the parameters' gradients; formulas go
to `compare`. An answer is

    named         the mistake, and nothing beside it
    placed        the line in which it is, without a name; where they have one line for several of chalkgrad's,
                  these
    only wrong    that something is wrong
    wrong cause   another mistake, with or without the right one, or another place
    called right  nothing

Mistakes that the answer says it cannot tell apart from the named one count as named. The cases were used while
chalkgrad was written, so they say what it knows; others like them are kept apart.
"""

from __future__ import annotations

import argparse
import re
import sys
import time
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parent))

import chalkgrad as cg
from chalkgrad.calculus.claims import compare
from public_cases import GITHUB, RATE, RIGHT, WRONG, Formulas, Pass
from public_passes import NETWORKS, Values, drawn, filled

BARE = re.compile(r"^it is ([\d.]+ times|twice|half) (of )?what it should be")
NAMED, PLACED, ONLY, CAUSE, CALLED = "named", "placed", "only wrong", "wrong cause", "called right"


@dataclass(frozen=True)
class Answer:
    """What was answered: the verdict, and the words."""

    verdict: str
    words: str


def claims(case: Pass, net: cg.Network, x: Any, y: Any, trace: Any) -> dict[str, Any]:
    """What the pass computes, by name: the forward pass, the derivatives, and new parameters where they are claimed."""
    lines = {**NETWORKS[case.network][1], **case.lines}
    values = Values(
        {name: trace[name] for name in trace if not name.startswith("d") or name in trace.program.parameters}
    )
    if case.before:
        values["before"] = earlier(net).trace(x, y)
    found = filled({n: line for n, line in lines.items() if line is not None}, values)
    values.update(found)
    forward = {step.output for step in trace.program.part("forward", "loss")}
    given = {n: value for n, value in values.items() if n in forward or (n in found and n in trace)}
    if case.updated:
        given.update({f"{n}_new": values[n] - RATE * values[f"d{n}"] for n in net.parameters if f"d{n}" in values})
    given.update({n: line(values) for n, line in case.new.items()})
    return {n: v for n, v in given.items() if not case.alone or n in case.alone}


def earlier(net: cg.Network) -> cg.Network:
    """The network with the parameters of an earlier pass."""
    other = net.copy()
    other.flat *= 0.7
    return other


def of_parameters(given: dict[str, Any], net: cg.Network) -> dict[str, Any]:
    """Only the gradients and new values of the parameters."""
    ends = {n for p in net.parameters for n in (f"d{p}", f"{p}_new")}
    return {n: v for n, v in given.items() if n in ends}


def diagnosed(case: Pass, *, whole: bool) -> cg.Diagnosis:
    """The diagnosis of a pass: of all that it computes, or of the parameters' gradients only."""
    net, x, y = drawn(case.network)
    optimizer = case.optimizer or (cg.SGD(RATE) if case.updated else None)
    state = None
    if case.state is not None:
        state = case.state(Values(net.parameters))
    trace = net.trace(x, y, optimizer=optimizer, optimizer_state=state)
    given = claims(case, net, x, y, trace)
    before = dict(earlier(net).parameters) if case.before else None
    return cg.diagnose(
        net, x, y, given if whole else of_parameters(given, net), optimizer=optimizer, optimizer_state=state,
        before=before,
    )  # fmt: skip


def judged(case: Pass, diagnosis: cg.Diagnosis) -> Answer:
    """Whether a diagnosis names what the case is.

    A bare factor ("it is 1.67 times what it should be") is the place and no name.
    """
    if diagnosis.correct:
        return Answer(CALLED, "")
    words = "; ".join(f"{', '.join(s.outputs)}: {s.text}" for c in diagnosis.causes for s in c.slips)
    if diagnosis.causes:
        answers = [[*c.slips, *c.instead] for c in diagnosis.causes]
        named = [any(fits(slip, [one]) for answer in answers for slip in answer) for one in case.names]
        if all(named) and all(any(fits(slip, case.names) for slip in answer) for answer in answers):
            return Answer(NAMED, words)
        bare = all(BARE.search(answer[0].text) and at_place(answer[0].outputs, case) for answer in answers)
        return Answer(PLACED if bare else CAUSE, words)
    suspects = tuple(getattr(diagnosis, "suspects", ()))
    wrong = [f.name for f in diagnosis.findings if f.verdict == "wrong"]
    said = getattr(diagnosis, "place", "") or f"wrong: {', '.join(wrong)}"
    if not suspects:
        return Answer(PLACED if at_place(wrong, case) else ONLY, said)
    if not any(at_place([one], case) for one in suspects):
        return Answer(CAUSE, said)
    return Answer(PLACED if at_place(suspects, case) else ONLY, said)


def fits(slip: Any, names: Sequence[tuple[str, str]]) -> bool:
    """Whether a mistake is one of those that were made."""
    return any(
        re.search(words, slip.text, re.IGNORECASE) and any(re.fullmatch(at, output) for output in slip.outputs)
        for at, words in names
    )


def at_place(values: Iterable[str], case: Pass) -> bool:
    """Whether all of the values are lines of the case's."""
    return all(any(re.fullmatch(at, value) for at, _ in case.names) for value in values)


def compared(case: Formulas) -> Answer:
    """What is said of a formula."""
    (claim,) = compare(case.forward, case.claimed).claims
    if claim.correct:
        return Answer(CALLED, claim.words)
    if re.search(case.words, claim.words):
        return Answer(NAMED, claim.words)
    return Answer(PLACED, claim.words)


def answered(case: Pass | Formulas) -> tuple[Answer, Answer]:
    """The answers to a case: to all that it computes, and to the parameters' gradients only."""
    if isinstance(case, Formulas):
        answer = compared(case)
        return answer, answer
    whole = judged(case, diagnosed(case, whole=True))
    return whole, whole if case.alone else judged(case, diagnosed(case, whole=False))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--show", action="store_true", help="print what was answered")
    parser.add_argument("--only", default="", metavar="WORDS", help="only cases whose description holds these words")
    given = parser.parse_args()
    started = time.perf_counter()
    counts: tuple[Counter[str], Counter[str]] = Counter(), Counter()
    print("| wrong pass | reported | all values given | parameters' gradients given |")
    print("| --- | --- | --- | --- |")
    for case in WRONG:
        if given.only not in case.what:
            continue
        answers = answered(case)
        for count, answer in zip(counts, answers, strict=True):
            count[answer.verdict] += 1
        print(f"| {case.what} | [{case.link}]({GITHUB}{case.link}) | {answers[0].verdict} | {answers[1].verdict} |")
        if given.show:
            for answer in answers:
                print(f"    {answer.verdict}: {answer.words}", file=sys.stderr)
    print("\n| right, though claimed to be wrong | reported | answer |")
    print("| --- | --- | --- |")
    alarms = 0
    rights = [case for case in RIGHT if given.only in case.what]
    for case in rights:
        answer = answered(case)
        alarm = any(a.verdict != CALLED for a in answer)
        alarms += alarm
        said = "called wrong" if alarm else answer[0].words or "right"
        print(f"| {case.what} | [{case.link}]({GITHUB}{case.link}) | {said} |")
    print("\n| | all values given | parameters' gradients given |")
    print("| --- | ---: | ---: |")
    for verdict in (NAMED, PLACED, ONLY, CAUSE, CALLED):
        print(f"| {verdict} | {' | '.join(share(count, verdict) for count in counts)} |")
    print(f"\n{alarms} false alarms on {len(rights)} right passes; {time.perf_counter() - started:.0f} s.")


def share(count: Counter[str], verdict: str) -> str:
    total = sum(count.values())
    return f"{count[verdict]} of {total} ({count[verdict] / max(total, 1):.0%})"


if __name__ == "__main__":
    main()
