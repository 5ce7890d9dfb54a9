"""Drawings: whole and valid, every number and shape in them, nothing on top of another."""

from __future__ import annotations

import itertools
import re
import shutil
import subprocess
import xml.etree.ElementTree as ET
from collections.abc import Callable
from functools import cache
from pathlib import Path

import numpy as np
import pytest

import chalkgrad as cg
from chalkgrad import diagram
from chalkgrad.base.digits import significant
from chalkgrad.diagram import svg
from chalkgrad.diagram.svg import Box, text_width
from chalkgrad.examples.example import Example, load_example
from networks import IMAGE, document_000

WEB = Path(cg.__file__).parent / "examples" / "web.toml"
SVG = "{http://www.w3.org/2000/svg}"
HOSTILE = '</text><script>alert("1")</script>&\'\x00\x1b\ud800'
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")


def web() -> Example:
    return load_example(WEB)


def softmax_342(**options: object) -> cg.Network:
    layers = [cg.Dense(4), cg.ReLU(), cg.Dense(2), cg.Softmax()]
    return cg.Network(layers, input_shape=3, loss=cg.CrossEntropy(**options), dtype="float64")


def lenet() -> cg.Network:
    layers = [
        cg.Conv2D(6, 5, padding="same"), cg.ReLU(), cg.MaxPool2D(2), cg.Conv2D(16, 5), cg.ReLU(), cg.MaxPool2D(2),
        cg.Flatten(), cg.Dropout(0.25), cg.Dense(120), cg.ReLU(), cg.Dense(84), cg.ReLU(), cg.Dense(10), cg.Softmax(),
    ]  # fmt: skip
    return cg.Network(layers, input_shape=(1, 28, 28), loss="CrossEntropy")


def mlp() -> cg.Network:
    layers = [cg.Flatten(), cg.Dense(128), cg.Sigmoid(), cg.Dense(10), cg.Softmax()]
    return cg.Network(layers, input_shape=(1, 28, 28), loss="CrossEntropy")


def normalised() -> cg.Network:
    layers = [
        cg.Conv2D(4, 3, name="first"), cg.BatchNorm(), cg.ReLU(), cg.AvgPool2D(2, 1), cg.Dropout(), cg.Flatten(),
        cg.LayerNorm(), cg.Dense(3), cg.Softmax(),
    ]  # fmt: skip
    return cg.Network(layers, input_shape=(1, 8, 8), loss=cg.CrossEntropy(fuse=False), l2=0.1)


def hinge() -> cg.Network:
    return cg.Network([cg.Tanh(), cg.Dense(3, bias=False)], input_shape=2, loss="Hinge", dtype="float64")


NETWORKS: dict[str, Callable[[], cg.Network]] = {
    "web": lambda: web().network,
    "softmax_342": softmax_342,
    "expanded": lambda: softmax_342(fuse=False),
    "document_000": document_000,
    "lenet": lenet,
    "mlp": mlp,
    "normalised": normalised,
    "hinge": hinge,
    "yes_or_no": lambda: cg.Network([cg.Dense(1), cg.Sigmoid()], input_shape=2, loss="BinaryCrossEntropy"),
    "plane": lambda: cg.Network([cg.Flatten(), cg.Dense(1), cg.Sum()], input_shape=(2, 2), loss="AbsoluteError"),
}


def of_one(name: str) -> diagram.Picture:
    network = NETWORKS[name]()
    y = [2] if name == "hinge" else np.ones((1, *network.output_shape))
    return diagram.neurons(network, network.trace(np.ones((1, *network.input_shape)), y))


def of_sizes(sizes: tuple[int, ...]) -> diagram.Picture:
    layers = [layer for units in sizes[1:] for layer in (cg.Dense(units), cg.Tanh())]
    network = cg.Network(layers, input_shape=sizes[0], loss="SquaredError", dtype="float64")
    trace = network.trace(np.linspace(-1, 1, 2 * sizes[0]).reshape(2, -1), np.ones((2, sizes[-1])))
    return diagram.neurons(network, trace)


def of_softmax() -> diagram.Picture:
    small = softmax_342()
    return diagram.neurons(small, small.trace([[0.5, -1.2, 0.3], [1, 2, 3]], [1, 0]), sample=1)


DRAWINGS: dict[str, Callable[[], diagram.Picture]] = {
    "web": lambda: diagram.neurons(web().network, web().trace()),
    "web without numbers": lambda: diagram.neurons(web().network, labels=web().labels),
    "web without labels": lambda: diagram.neurons(web().network, web().trace(), labels={}),
    "softmax": of_softmax,
    **{name: lambda name=name: of_one(name) for name in ("plane", "hinge", "yes_or_no")},
    **{  # as large and as small as they may be
        str(sizes): lambda sizes=sizes: of_sizes(sizes) for sizes in ((8, 8), (4, 8, 4), (2, 8, 1, 8), (1, 1))
    },
    **{f"layers of {name}": lambda make=make: diagram.layers(make()) for name, make in NETWORKS.items()},
    **{f"graph of {name}": lambda make=make: diagram.graph(make().program) for name, make in NETWORKS.items()},
}


@cache
def pictures() -> dict[str, diagram.Picture]:
    return {name: draw() for name, draw in DRAWINGS.items()}


def texts(picture: diagram.Picture) -> list[str]:
    """What can be read in the picture: the texts without their hints."""
    root = ET.fromstring(picture.svg)
    lines = []
    for element in root.iter(f"{SVG}text"):
        for hint in element.findall(f"{SVG}title"):
            hint.text = ""
        lines.append("".join(element.itertext()).strip())
    return lines


def boxes(picture: diagram.Picture) -> list[tuple[str, Box]]:
    """Where every text stands, by its own attributes and a usual font's width (0.93 of the writer's cautious one)."""
    root = ET.fromstring(picture.svg)
    found = []
    for element, text in zip(root.iter(f"{SVG}text"), texts(picture), strict=True):
        size, x, y = (float(element.attrib[k]) for k in ("font-size", "x", "y"))
        width = 0.93 * text_width(text, size, bold=element.get("font-weight") == "600")
        left = x - {"start": 0, "middle": width / 2, "end": width}[element.get("text-anchor", "start")]
        found.append((text, Box(left, y - 0.75 * size, left + width, y + 0.2 * size)))
    return found


# -- every picture -------------------------------------------------------------------------------------------


def test_a_picture_is_whole_and_says_in_words_what_it_shows() -> None:
    for picture in pictures().values():
        check_whole(picture)


def check_whole(picture: diagram.Picture) -> None:
    root = ET.fromstring(picture.svg)
    assert root.tag == f"{SVG}svg"
    assert root.attrib["role"] == "img"
    title, desc = root.find(f"{SVG}title"), root.find(f"{SVG}desc")
    assert title is not None
    assert desc is not None
    assert root.attrib["aria-labelledby"].split() == [title.attrib["id"], desc.attrib["id"]]
    assert title.text == picture.title
    assert len(desc.text or "") > 60
    assert [float(v) for v in root.attrib["viewBox"].split()][2:] == [picture.width, picture.height]
    assert "max-width:100%" in root.attrib["style"]
    assert all(float(e.attrib["font-size"]) >= 11 for e in root.iter(f"{SVG}text"))
    kinds = {e.tag.removeprefix(SVG) for e in root.iter()}
    assert kinds <= {"svg", "title", "desc", "rect", "polyline", "polygon", "text", "tspan"}
    assert not re.search(r"href|url\(|@import|<style|javascript", picture.svg)


def test_no_text_stands_on_another_or_outside() -> None:
    for name, picture in pictures().items():
        check_places(name, picture)


def check_places(name: str, picture: diagram.Picture) -> None:
    left, top, width, height = map(float, ET.fromstring(picture.svg).attrib["viewBox"].split())
    found = boxes(picture)
    assert found
    for text, box in found:
        assert left <= box.left, text
        assert top <= box.top, text
        assert box.right <= left + width, text
        assert box.bottom <= top + height, text
    for (one, a), (other, b) in itertools.combinations(found, 2):
        assert not a.overlap(b), f"{name}: {one!r} and {other!r}"


def test_pictures_are_the_same_every_time_and_have_ids_of_their_own() -> None:
    first = pictures()
    for name in ("web", "softmax", "plane", "(8, 8)", "layers of lenet", "graph of web", "graph of document_000"):
        assert first[name] == DRAWINGS[name](), name
    ids = [i for text in {p.svg for p in first.values()} for i in re.findall(r'id="([^"]+)"', text)]
    assert len(ids) == len(set(ids))


def test_colours_of_text_can_be_read_on_what_is_behind_them() -> None:
    def light(colour: str) -> float:
        parts = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
        r, g, b = (p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts)
        return 0.2126 * r + 0.7152 * g + 0.0722 * b

    from chalkgrad.diagram.gaps import TONES

    for ink in (svg.INK, svg.SOFT, svg.ORANGE, svg.BLUE, *TONES):
        for paper in (svg.PAPER, svg.PALE_BLUE, svg.PALE_GREY):
            if ink in (svg.BLUE, *TONES) and paper != svg.PAPER:
                continue  # headings and weights stand on the panel
            assert (light(paper) + 0.05) / (light(ink) + 0.05) >= 4.5, (ink, paper)


def test_a_picture_shows_and_saves_itself(tmp_path: Path) -> None:
    picture = diagram.layers(mlp())
    assert str(picture) == picture._repr_svg_() == picture.svg
    assert len(repr(picture)) < 200
    picture.save(tmp_path / "a.svg")
    picture.save(str(tmp_path / "a.svg"))
    assert ET.parse(tmp_path / "a.svg").getroot().tag == f"{SVG}svg"
    assert [p.name for p in tmp_path.iterdir()] == ["a.svg"]
    with pytest.raises(OSError, match="nowhere"):
        picture.save(tmp_path / "nowhere" / "a.svg")


# -- neurons -------------------------------------------------------------------------------------------------


def test_every_label_number_and_gradient_of_the_example_is_there() -> None:
    example = web()
    trace = example.trace()
    picture = diagram.neurons(example.network, trace)
    shown = texts(picture)
    for name in ("x", "W1", "b1", "z1", "a1", "W2", "b2", "z2", "y_hat", "y", "L"):
        for place in np.ndindex(trace[name].shape):
            address = f"{name}[{', '.join(map(str, place))}]" if place else name
            value = f"{example.labels.get(address, address)} {significant(float(trace[name][place]), 4)}"
            assert value in shown or f"target {value}" in shown
            if name not in ("x", "y", "L"):
                assert f"\u2202 {significant(float(trace[f'd{name}'][place]), 4)}" in shown
    assert "w5 from out_h1 to net_o1" in diagram.neurons(example.network, labels=example.labels).svg


def test_without_a_trace_there_are_names_only() -> None:
    example = web()
    shown = texts(diagram.neurons(example.network, labels={"W1[0,0]": "w1", "a2[0, -1]": "out"}))
    assert {"w1", "W1[0, 1]", "b1[0]", "z1[0, 0]", "out", "L", "target y[0, 0]"} <= set(shown)
    assert not any("." in line for line in shown)


def test_precision_and_sample() -> None:
    net = softmax_342()
    trace = net.trace([[0.5, -1.2, 0.3], [1, 2, 3]], [1, 0])
    shown = texts(diagram.neurons(net, trace, sample=1, precision=7))
    assert f"x[1, 2] {significant(3.0, 7)}" in shown
    assert f"l[1] {significant(float(trace['l'][1]), 7)}" in shown
    assert f"L {significant(float(trace['L']), 7)}" in shown
    assert any(line.startswith("Sample 1 of 2") for line in shown)
    for wrong in (2, -1, 0.5, True):
        with pytest.raises(cg.OptionError, match="sample"):
            diagram.neurons(net, trace, sample=wrong)
    for wrong in (0, 18, "4"):
        with pytest.raises(cg.OptionError, match="precision"):
            diagram.neurons(net, trace, precision=wrong)


def test_sum_flatten_and_a_first_activation_can_be_drawn() -> None:
    for name in ("plane", "hinge", "yes_or_no"):
        net = NETWORKS[name]()
        x = np.ones((1, *net.input_shape))
        y = [2] if name == "hinge" else np.ones((1, *net.output_shape))
        shown = texts(diagram.neurons(net, net.trace(x, y)))
        assert any(line.startswith("W1[0, 0]") for line in shown)
        assert any(line.startswith("L ") for line in shown)


def test_what_cannot_be_drawn_as_neurons_is_refused_with_the_other_drawing_named() -> None:
    wide = cg.Network([cg.Dense(9)], input_shape=2, loss="SquaredError")
    many = cg.Network([cg.Dense(8), cg.Dense(8)], input_shape=8, loss="SquaredError")
    for net, what in ((wide, "layer 1, Dense has 9"), (many, "128 weights"), (document_000(), "layer 1, Conv2D")):
        with pytest.raises(cg.OptionError, match=what) as error:
            diagram.neurons(net)
        assert "layers" in str(error.value)


def test_the_trace_of_another_network_is_refused() -> None:
    net = softmax_342()
    with pytest.raises(cg.OptionError, match="another network"):
        diagram.neurons(net, web().trace())
    with pytest.raises(cg.OptionError, match="trace"):
        diagram.neurons(net, {"x": 1})
    with pytest.raises(cg.ChalkgradError, match="W1"):
        diagram.neurons(net, labels={"W1[9, 9]": "w"})
    with pytest.raises(cg.ChalkgradError, match="w9"):
        diagram.neurons(net, labels={"w9[0]": "w"})
    with pytest.raises(cg.OptionError, match="text"):
        diagram.neurons(net, labels={"W1[0, 0]": 1})


def test_hostile_names_are_only_text(tmp_path: Path) -> None:
    example = web()
    labels = {"W1[0, 0]": HOSTILE, "x[0, 0]": "long " * 99, "L": "\u0635\n\u200f<b>", "b1[0]": " "}
    for trace in (None, example.trace()):
        picture = diagram.neurons(example.network, trace, labels=labels)
        root = ET.fromstring(picture.svg)
        assert not list(root.iter(f"{SVG}script"))
        assert "<script" not in picture.svg
        assert any(line.startswith("</text><script>") for line in texts(picture))
        picture.save(tmp_path / "a.svg")
        ET.parse(tmp_path / "a.svg")
        assert picture.width < 1500
    for picture in (diagram.layers(mlp(), batch=HOSTILE), diagram.graph(mlp().program, batch=HOSTILE)):
        assert "<script" not in picture.svg
        ET.fromstring(picture.svg)


# -- layers and graph ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", NETWORKS)
def test_layers_show_every_layer_shape_and_parameter(name: str) -> None:
    net = NETWORKS[name]()
    picture = diagram.layers(net, batch=32)
    shown = texts(picture)
    text = " ".join(shown)
    for layer in net.layers:
        assert layer.kind in text
    for line in net.layout.lines:
        for shape in (*line.shapes, line.shape):
            assert " x ".join(map(str, (32, *shape))) in shown, line
    for parameter, array in net.parameters.items():
        assert f"{parameter} {' x '.join(map(str, array.shape))}" in shown
    assert f"{net.flat.size:,} parameters in all" in shown
    assert net.loss_function.kind in shown


def test_settings_stand_on_the_arrows_and_long_networks_are_wrapped() -> None:
    shown = texts(diagram.layers(lenet()))
    for line in ("Conv2D 5x5, stride 1,", "padding same", "MaxPool2D 2x2", "+ Dropout 0.25", "Dense", "+ Softmax"):
        assert line in shown
    deep = cg.Network(
        [layer for _ in range(20) for layer in (cg.Dense(30), cg.Tanh())], input_shape=5, loss="SquaredError"
    )
    assert diagram.layers(deep).width < 760
    assert diagram.layers(deep).height > 800


@pytest.mark.parametrize("name", NETWORKS)
def test_the_graph_shows_every_value_with_its_shape(name: str) -> None:
    for program in (NETWORKS[name]().program, NETWORKS[name]().prediction_program):
        shown = texts(diagram.graph(program, batch=16))
        for step in program.part("forward", "loss", "backward"):
            shape = " x ".join("16" if s == "N" else str(s) for s in step.shape) or "number"
            assert f"{step.output} {shape}" in shown
        for step in program.part("forward", "loss"):
            assert str(step) in shown
        for parameter, sizes in program.parameters.items():
            assert f"{parameter} {' x '.join(map(str, sizes))}" in shown


def test_a_graph_that_is_too_long_is_refused_with_the_other_drawing_named() -> None:
    deep = cg.Network([cg.Dense(3) for _ in range(60)], input_shape=3, loss="SquaredError")
    with pytest.raises(cg.OptionError, match=r"62 forward steps.*layers"):
        diagram.graph(deep.program)


@pytest.mark.parametrize("batch", [0, -1, 1.5, True, None, "", "  "])
def test_a_batch_is_a_number_of_samples_or_a_letter(batch: object) -> None:
    with pytest.raises(cg.OptionError, match="batch"):
        diagram.layers(mlp(), batch=batch)
    with pytest.raises(cg.OptionError, match="batch"):
        diagram.graph(mlp().program, batch=batch)


# -- in a browser --------------------------------------------------------------------------------------------

MEASURE = """<script>
const found = [...document.querySelectorAll('svg')].map(s => {
  const b = [...s.querySelectorAll('text')].map(t => [t.textContent, t.getBBox()]);
  const hits = [];
  for (let i = 0; i < b.length; i++) for (let j = 0; j < i; j++) {
    const p = b[i][1], q = b[j][1];
    const w = Math.min(p.x + p.width, q.x + q.width) - Math.max(p.x, q.x);
    const h = Math.min(p.y + p.height, q.y + q.height) - Math.max(p.y, q.y);
    if (w > 0.5 && h > 3) hits.push(b[i][0] + ' on ' + b[j][0]);  // boxes reach above and below the letters
  }
  return hits.join('; ') + (s.getBoundingClientRect().width > innerWidth ? 'too wide' : '');
});
document.body.innerHTML = '<p id=found>' + found.map((h, i) => i + ':' + h).join('|') + '|end</p>';
</script>"""


def browse(tmp_path: Path, *arguments: str) -> str:
    assert CHROMIUM is not None
    settings = ["--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars", f"--user-data-dir={tmp_path / 'u'}"]
    return subprocess.run(
        [CHROMIUM, *settings, *arguments], capture_output=True, text=True, timeout=120, check=True
    ).stdout  # fmt: skip


@pytest.mark.skipif(CHROMIUM is None, reason="no chromium here")
def test_a_browser_shows_the_pictures_wide_and_narrow(tmp_path: Path) -> None:
    from matplotlib.image import imread

    example = web()
    drawn = [
        diagram.neurons(example.network, example.trace()),
        diagram.layers(document_000()),
        diagram.graph(document_000().program),
    ]
    page = tmp_path / "pictures.html"
    frame = '<!doctype html><meta charset="utf-8"><style>svg {{ display: block }}</style><body style="margin:0;background:#111">{}'
    page.write_text(frame.format("".join(map(str, drawn))))
    for width in (1200, 400):
        shot, top = tmp_path / f"{width}.png", 0.0
        sizes = [(min(width, p.width), p.height * min(width, p.width) / p.width) for p in drawn]
        browse(
            tmp_path,
            f"--screenshot={shot}",
            f"--window-size={width},{int(sum(h for _, h in sizes)) + 50}",
            page.as_uri(),
        )
        image = np.asarray(imread(shot))[..., :3]
        assert image.shape[1] == width
        for shown, height in sizes:
            inside = image[int(top) + 1 : int(top + height), : int(shown)]
            top += height
            assert inside.mean() > 0.8  # the light panel
            assert (inside.min(axis=2) < 0.4).sum() > 500  # letters and lines
            columns = np.nonzero(inside.min(axis=2) < 0.4)[1]
            assert np.ptp(columns) > 0.7 * shown  # scaled, not cut off


@pytest.mark.skipif(CHROMIUM is None, reason="no chromium here")
def test_in_a_browser_no_text_stands_on_another(tmp_path: Path) -> None:
    drawn = pictures()
    page = tmp_path / "all.html"
    body = "\n".join(p.svg for p in drawn.values())
    page.write_text(f'<!doctype html><meta charset="utf-8"><body>{body}{MEASURE}')
    found = re.search(r'id="found">(.*)\|end<', browse(tmp_path, "--window-size=600,900", "--dump-dom", page.as_uri()))
    assert found is not None
    hits = dict(zip(drawn, (line.partition(":")[2] for line in found[1].split("|")), strict=True))
    assert not {name: hit for name, hit in hits.items() if hit}


def test_the_document_s_image_can_be_traced_and_drawn_by_its_graph() -> None:
    net = document_000()
    program = net.trace(IMAGE, [[0, 1]], optimizer=cg.SGD(0.1)).program
    assert "W1_new" not in diagram.graph(program, batch=1).svg
