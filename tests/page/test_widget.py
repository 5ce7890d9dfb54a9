"""The widget: the network's parameters and the page's are the same in both directions."""

from __future__ import annotations

import shutil
import sys
from typing import Any

import numpy as np
import pytest

import chalkgrad as cg
from chalkgrad import load_example
from chalkgrad.base.errors import OptionError

BROWSER = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")


def web() -> tuple[cg.Network, Any]:
    pytest.importorskip("anywidget", reason="anywidget is not installed")
    example = load_example("web")
    return example.network, example.network.widget(example.x, example.y, optimizer=example.optimizer)


def test_what_the_page_sends_comes_into_the_network_and_back() -> None:
    net, widget = web()
    assert widget.numbers["W1"] == [0.15, 0.25, 0.2, 0.3]
    widget.numbers = {**widget.numbers, "W1": [0.9, 0.25, 0.2, 0.3], "b1": [1.0]}
    assert net.parameters["W1"][0, 0] == 0.9
    assert net.parameters["b1"].tolist() == [0.35, 0.35], "what does not fit is left out"
    net.set_parameters({"W2": np.zeros((2, 2))})
    widget.refresh()
    assert widget.numbers["W2"] == [0, 0, 0, 0]


def test_where_there_are_no_widgets_it_shows_a_page() -> None:
    _, widget = web()
    shown = widget._repr_mimebundle_()
    table = shown[0] if isinstance(shown, tuple) else shown
    assert table["text/html"].startswith("<iframe srcdoc=")


def test_without_anywidget_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    example = load_example("web")
    monkeypatch.setitem(sys.modules, "anywidget", None)
    with pytest.raises(OptionError, match=r"pip install 'chalkgrad\[widget\]'"):
        example.network.widget(example.x, example.y)


@pytest.mark.skipif(BROWSER is None, reason="no chromium is installed")
def test_the_widget_runs_in_a_browser() -> None:
    """Its module with a model as anywidget gives it: what is changed in the page is set, what is set is shown."""
    playwright = pytest.importorskip("playwright.sync_api", reason="Playwright is not installed")
    _, widget = web()
    with playwright.sync_playwright() as started:
        browser = started.chromium.launch(executable_path=BROWSER, args=["--no-sandbox", "--disable-gpu"])
        page = browser.new_page()
        page.goto("about:blank")
        script = """async ({ esm, css, values }) => {
            const style = document.createElement("style");
            style.textContent = css;
            document.body.append(style);
            const listeners = {};
            window.model = {
                get: (name) => values[name],
                set: (name, value) => { values[name] = value; window.sent = value; },
                save_changes: () => { window.saved = (window.saved ?? 0) + 1; },
                on: (name, act) => { listeners[name] = act; },
                put: (name, value) => { values[name] = value; listeners[`change:${name}`](); },
            };
            const module = await import(URL.createObjectURL(new Blob([esm], { type: "text/javascript" })));
            module.default.render({ model: window.model, el: document.body });
        }"""
        values = {"page": widget.page, "numbers": dict(widget.numbers)}
        page.evaluate(script, {"esm": widget._esm, "css": widget._css, "values": values})
        assert page.locator("#opened .hint").is_visible()
        assert page.get_by_text("Download with my numbers").count() == 0, "the document is the notebook's"
        page.click('#lines button.number[data-at="W1[0, 0]"]')
        page.fill("#edit", "0.9")
        page.keyboard.press("Enter")
        page.wait_for_function("window.saved === 1")
        assert page.evaluate("window.sent.W1") == [0.9, 0.25, 0.2, 0.3]
        page.evaluate("window.model.put('numbers', { ...window.sent, W1: [0.5, 0.25, 0.2, 0.3] })")
        assert page.inner_text('#lines button.number[data-at="W1[0, 0]"]').startswith("0.5")
        saved = page.evaluate("window.saved")
        page.evaluate("window.model.put('numbers', { ...window.sent, W1: [null, 0.25, 0.2, 0.3] })")
        assert page.inner_text('#lines button.number[data-at="W1[0, 0]"]').startswith("NaN")
        page.wait_for_timeout(500)
        assert page.evaluate("window.saved") <= saved + 1, "NaN is not sent again and again"
        browser.close()
