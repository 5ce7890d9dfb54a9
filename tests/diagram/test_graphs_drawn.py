"""Drawings of networks that are graphs: every way of a value is drawn, every share shown, nothing on top of another."""

from __future__ import annotations

import itertools
import re
import xml.etree.ElementTree as ET
from collections import Counter

import pytest
from hypothesis import HealthCheck, assume, event, given, settings
from hypothesis import strategies as st

import chalkgrad as cg
from chalkgrad import diagram
from chalkgrad.diagram.computation import read_graph
from chalkgrad.diagram.stages import begins, settings_text
from chalkgrad.diagram.svg import Box
from chalkgrad.diagram.tracks import place
from chalkgrad.program import Role
from chalkgrad.rules import Operation, tanh
from diagram.test_pictures import SVG, check_places, check_whole, texts
from drawn_graphs import GRAPHS, graphs
from write.written import samples

QUICK = settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.too_slow])
SMALL = ["small residual", "used three times", "branches", "gate", "tied", "tied twice", "skip over skip", "two inputs",
         "three inputs", "late input"]  # fmt: skip


def check_layers(net: cg.Network) -> None:
    picture = diagram.layers(net, batch=32)
    check_whole(picture)
    check_places("layers", picture)
    shown = texts(picture)
    for line in net.layout.lines:
        assert any(line.layer.kind in text for text in shown)
        if len(line.sources) > 1:
            assert " x ".join(map(str, (32, *line.shape))) in " ".join(shown)
            assert sum(text.startswith("of ") and " and " in text for text in shown) >= 1
    for name, array in net.parameters.items():
        assert f"{name} {' x '.join(map(str, array.shape))}" in shown


def check_graph(program: cg.Program) -> None:
    picture = diagram.graph(program, batch=16)
    check_whole(picture)
    check_places("graph", picture)
    shown = texts(picture)
    joined = " ".join(shown)
    for step in program.part("forward", "loss"):
        assert str(step) in shown
    for step in program.part("backward"):
        assert step.output in joined
        if step.value.role is Role.SHARE and step.rule.name != "sum_of_shares":
            shape = " x ".join("16" if s == "N" else str(s) for s in step.shape)
            assert f"{step.output} {shape}" in shown, step


def check_neurons(net: cg.Network) -> None:
    picture = diagram.neurons(net, net.trace(*samples(net, rows=2)), sample=1)
    check_whole(picture)
    check_places("neurons", picture)
    check_ways(picture)


def check_ways(picture: diagram.Picture) -> None:
    """No line but a level one, which may stand in a node between z and a, goes through a node."""
    root = ET.fromstring(picture.svg)
    nodes: list[Box] = []
    for element in root.iter(f"{SVG}rect"):
        if element.get("stroke-width") == "1.5":
            x, y, width, height = (float(element.attrib[k]) for k in ("x", "y", "width", "height"))
            nodes.append(Box(x + 1, y + 1, x + width - 1, y + height - 1))
    for element in root.iter(f"{SVG}polyline"):
        points = [tuple(map(float, point.split(","))) for point in element.attrib["points"].split()]
        for (x, y), (right, bottom) in itertools.pairwise(points):
            assert y == bottom or not any(node.crossed((x, y), (right, bottom)) for node in nodes), points


@pytest.mark.parametrize("name", GRAPHS)
def test_graphs_are_drawn_by_layers_and_steps(name: str) -> None:
    net = GRAPHS[name]()
    check_layers(net)
    check_graph(net.program)
    check_graph(net.prediction_program)


@pytest.mark.parametrize("name", SMALL)
def test_small_graphs_are_drawn_by_neurons(name: str) -> None:
    check_neurons(GRAPHS[name]())


@QUICK
@given(graphs())
def test_random_graphs_are_drawn(net: cg.Network) -> None:
    check_layers(net)
    check_graph(net.program)


@pytest.mark.parametrize("examples", [10, pytest.param(40, marks=pytest.mark.long)])
def test_neurons_of_random_graphs_are_drawn_with_every_way(examples: int) -> None:
    @settings(QUICK, max_examples=examples)
    @given(graphs(most=5, widest=2, norms=False))
    def check(net: cg.Network) -> None:
        check_every_way(net)

    check()


def check_every_way(net: cg.Network) -> None:
    try:
        picture = diagram.neurons(net)
    except cg.OptionError as error:
        assume("more than the" not in str(error))
        raise
    check_whole(picture)
    check_places("neurons", picture)
    check_neurons(net)
    elements = ET.fromstring(picture.svg).iter(f"{SVG}text")
    at = {text: float(element.attrib["x"]) for text, element in zip(texts(picture), elements, strict=True)}
    computed = {s.owner.line: s.output for s in net.program.part("forward") if s.owner.line is not None}

    def place(source: int | str) -> float:
        return at[f"{source if isinstance(source, str) else computed[source]}[0, 0]"]

    columns = sorted({place(source) for source in (*net.layout.inputs, *computed)})

    def passes(source: int | str, line: int) -> bool:
        return columns.index(place(line)) - columns.index(place(source)) > 1

    arrows, skips = net.output_shape[0], 0  # into the loss
    for line in net.layout.lines:
        if isinstance(line.layer, cg.Dense):
            arrows += line.shape[0] * (line.shapes[0][0] + line.layer.bias)
            continue
        widths = dict(zip(line.sources, line.shapes, strict=True))
        for source, (width,) in widths.items():
            if passes(source, line.place):
                arrows, skips = arrows + 1, skips + 1
            elif place(source) < place(line.place):  # else it joins the node of what it takes
                arrows += width * (line.sources.count(source) if isinstance(line.layer, cg.Concat) else 1)
    assert len(list(ET.fromstring(picture.svg).iter(f"{SVG}polygon"))) == arrows
    assert sum("each value to a node of its own" in text for text in texts(picture)) == skips
    event(f"{skips} skips")


@given(st.lists(st.lists(st.integers(0, 30), min_size=1, max_size=4), max_size=12))
def test_no_way_goes_through_a_node_or_along_another(given_sources: list[list[int]]) -> None:
    sources = [[], *([s % (k + 1) for s in taken] for k, taken in enumerate(given_sources))]
    tracks = place(sources)
    nodes = list(zip(tracks.rows, tracks.columns, strict=True))
    assert len(set(nodes)) == len(nodes)
    assert {(e.source, e.target) for e in tracks.edges} == {(s, t) for t, taken in enumerate(sources) for s in taken}
    passed = Counter(
        (row, e.column) for e in tracks.edges for row in range(tracks.rows[e.source] + 1, tracks.rows[e.target])
    )
    assert not set(passed) & set(nodes)
    assert all(count == 1 for count in passed.values())


def test_a_skip_is_a_line_beside_the_chain() -> None:
    net = GRAPHS["residual"]()
    shown = texts(diagram.layers(net))
    assert "of z4 and z1" in shown
    arrows = len(list(ET.fromstring(diagram.layers(net).svg).iter(f"{SVG}polygon")))
    assert arrows == len(net.layout.lines) - 2 + 1 + 1  # GELU and softmax join a stage; the skip; the loss
    graph = read_graph(net.program)
    assert graph.passing == ["z1"]
    shown = texts(diagram.graph(net.program))
    assert "dz1 = dz1_from_z2 + dz1_from_s4" in shown
    assert {"dz1 N x 4", "dz1_from_z2 N x 4", "dz1_from_s4 N x 4", "+"} <= set(shown)


def test_shared_weights_are_said_where_they_are_used() -> None:
    net = GRAPHS["tied"]()
    assert "W of 'tokens'" in texts(diagram.layers(net))
    assert "W of 'tokens'" in texts(diagram.neurons(net))
    shown = texts(diagram.graph(net.program))
    assert "W of Dense 'tokens'" in shown
    assert any(re.match(r"dtokens.W(_data)? = dtokens.W_from_tokens.z \+ dtokens.W_from_y_hat", t) for t in shown)
    weights = [t for t in texts(diagram.neurons(net)) if t.startswith("tokens.W[2, 1]")]
    assert len(weights) == 2  # from x[2] to the first layer, and turned from its second unit to y_hat[2]


def test_neurons_say_of_what_a_sum_is() -> None:
    net = GRAPHS["used three times"]()
    shown = texts(diagram.neurons(net))
    assert "= b.z[0, 1] \u00b7 t.a[0, 1]" in shown
    assert "= g.g[0, 0] + t.a[0, 0]" in shown
    assert sum(text.startswith("t.a: each value") for text in shown) == 2
    assert "= p.a[0, 1]" in texts(diagram.neurons(GRAPHS["branches"]()))


class Odd(cg.Layer):
    """A layer from outside."""

    def operation(self, training: bool) -> Operation:
        return tanh.operation


def test_a_layer_from_outside_can_be_drawn_and_registered() -> None:
    net = cg.Network([cg.Dense(3), Odd(), cg.Dense(2)], input_shape=2, loss="SquaredError")
    assert "+ Odd" in texts(diagram.layers(net))
    diagram.graph(net.program)
    with pytest.raises(cg.OptionError, match=r"layer 2, Odd has no neurons.*kind 'layers'"):
        diagram.neurons(net)
    settings_text.register(Odd)(lambda layer: " of outside")
    begins.register(Odd)(lambda layer: True)
    assert "Odd of outside" in texts(diagram.layers(net))
