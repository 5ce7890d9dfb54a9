"""What the computation graph shows: nodes in the order of the forward pass, and which values go between them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from ..program import Loop, Owner, Program, Role, Step
from ..rules import shares


@dataclass(slots=True)
class Node:
    """A step of the forward pass or the loss; several where one owner has several, or the loss by-passes some.

    Attributes:
        steps: the steps inside, in order.
        enters: what comes from the node before: names of values.
        skips: what comes from earlier ones, and inputs.
        sides: parameters, targets and the like that come in from outside.
        inner: values that stay inside, with their gradients; and help values of the backward pass.
        shared: parameters of other layers, as text.
        sums: steps that add up the shares of the derivatives of its parameters and of what it hands on in time.
        states: values of its own that it takes from the step of time before, each with its derivative's shares that go
            back there.
    """

    steps: list[Step]
    enters: list[str] = field(default_factory=list[str])
    skips: list[str] = field(default_factory=list[str])
    sides: list[str] = field(default_factory=list[str])
    inner: list[tuple[Step | None, Step | None]] = field(default_factory=list[tuple["Step | None", "Step | None"]])
    shared: list[str] = field(default_factory=list[str])
    sums: list[Step] = field(default_factory=list[Step])
    states: dict[str, list[Step]] = field(default_factory=dict[str, list[Step]])

    @property
    def outputs(self) -> set[str]:
        """Names of what its steps compute."""
        return {s.output for s in self.steps}

    @property
    def inputs(self) -> list[str]:
        """Names from outside the node, each once, in the order in which they are needed."""
        names = dict.fromkeys(i for s in self.steps for i in s.inputs if i is not None)
        return [name for name in names if name not in self.outputs]


@dataclass(slots=True)
class Graph:
    """A program's nodes.

    Attributes:
        nodes: in the order of the forward pass.
        inputs: names of the network's inputs; what the first node takes as its first one is the last of these.
        users: for each value that passes from one node to others, the places of these; an input's too.
        sums: for each value of several users, the steps that add up the shares of its derivative.
    """

    nodes: list[Node]
    inputs: list[str]
    users: dict[str, list[int]]
    sums: dict[str, list[Step]]

    @property
    def passing(self) -> list[str]:
        """The values that go to some node past others."""
        return [value for value in self.users if self.skips(value)]

    def home(self, value: str) -> int:
        """The place of the node that computes a value; below 0 for an input."""
        if value in self.inputs:
            return self.inputs.index(value) - len(self.inputs)
        return next(k for k, node in enumerate(self.nodes) if value in node.outputs)

    def skips(self, value: str) -> list[int]:
        """The places of the nodes to which a value goes past others."""
        return [k for k in self.users.get(value, []) if value in self.nodes[k].skips]


def read_graph(program: Program) -> Graph:
    """Nodes of the forward pass and the loss, and what goes between them."""
    nodes = _nodes(program.part("forward", "loss"))
    forward = program.part("forward")
    used = dict.fromkeys(i for step in forward for i in step.inputs if i is not None)
    inputs = [v.name for v in program.inputs if v.role is Role.GIVEN and v.dtype != "int" and v.name in used]
    first = [i for i in nodes[0].inputs if i in inputs][:1]
    inputs = [*(i for i in inputs if i not in first), *first]
    graph = Graph(nodes, inputs, {}, {})
    computed = {name for node in nodes for name in node.outputs} | set(inputs)
    before: set[str] = set(first)
    for place, node in enumerate(nodes):
        node.enters = [i for i in node.inputs if i in before]
        node.skips = [i for i in node.inputs if i in computed and i not in before]
        node.sides = [i for i in node.inputs if i not in computed]
        for name in (*node.enters, *node.skips):
            graph.users.setdefault(name, []).append(place)
        before = node.outputs
    _add_states(program, graph)
    _add_insides(program, graph)
    _add_shared(program, graph)
    return graph


def _nodes(steps: Sequence[Step]) -> list[Node]:
    """The steps in nodes: those of one owner together, and with a step of the loss what its value by-passes."""
    nodes: list[Node] = []
    for step in steps:
        together = step.part == "forward" and nodes and nodes[-1].steps[-1].owner == step.owner
        if together:
            nodes[-1].steps.append(step)
        else:
            nodes.append(Node([step]))
    at = 0
    while at < len(nodes):
        computed = {o: k for k, node in enumerate(nodes) for o in node.outputs}
        sources = [computed[i] for i in nodes[at].inputs if i in computed]
        first = min(sources, default=at)
        if first < at - 1 and nodes[at].steps[-1].part == "loss":
            merged = Node([s for node in nodes[first + 1 : at + 1] for s in node.steps])
            nodes[first + 1 : at + 1] = [merged]
            at = first + 1
            continue
        at += 1
    return nodes


def _add_states(program: Program, graph: Graph) -> None:
    """Says for every node which values it hands to itself, one step of time later."""
    loops = [segment for segment in program.segments if isinstance(segment, Loop)]
    backward = program.part("backward")
    for loop in (one for one in loops if one.steps[0].part == "forward"):
        for name in loop.carried:
            node = graph.nodes[graph.home(name)]
            back = [s for s in backward if s.value.of == name and s.value.through in node.outputs]
            later = {
                s.output for each in loops for s, delays in zip(each.steps, each.delays, strict=True) if any(delays)
            }
            node.states[name] = [s for s in back if s.output in later]


def _add_insides(program: Program, graph: Graph) -> None:
    """Says for every node what stays inside; help values stand in the node of their layer, sums of shares too."""
    nodes = graph.nodes
    backward = {s.output: s for s in program.part("backward")}
    derivatives = program.derivative_of
    names: set[str] = set()
    for node in nodes:
        names.update(derivatives[i] for i in node.inputs if i in derivatives)
        last = node.steps[-1].output
        inside = [s for s in node.steps if s.output not in graph.users and s.output != last]
        node.inner = [(s, backward.get(derivatives.get(s.output, ""))) for s in inside]
        names.update(derivatives[s.output] for s in node.steps if s.output in derivatives)
    for step in backward.values():
        of = step.value.of
        home = next((n for n in nodes if any(s.owner == step.owner for s in n.steps)), nodes[-1])
        if step.rule is shares.sum_of_shares and of is not None:
            if of in graph.passing:
                graph.sums.setdefault(of, []).append(step)
            elif of in graph.users and not any(of in node.states for node in nodes):
                nodes[graph.users[of][0]].sums.append(step)  # its one user takes it several times
            else:
                home.sums.append(step)
        elif step.output not in names and step.value.role is not Role.SHARE:
            home.inner.append((None, step))


def _add_shared(program: Program, graph: Graph) -> None:
    """Says at every node which parameters are those of an earlier one."""
    owners: dict[str, Owner] = {}
    for node in graph.nodes:
        for step in (s for s in node.steps if s.part == "forward"):
            for formal, name in zip(step.rule.operands, step.inputs, strict=True):
                if name is None or name not in program.parameters:
                    continue
                if (owner := owners.setdefault(name, step.owner)) != step.owner:
                    node.shared.append(f"{formal} of {owner.title}")
