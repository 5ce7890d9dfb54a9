"""The page as a widget in a notebook: its parameters and the network's stay the same, in both directions."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from importlib import import_module
from typing import Any, cast

import numpy as np

from ..base.errors import OptionError
from ..model.model import Model
from .bundle import bundle, style
from .document import json_text
from .page import Page

RENDER = """
function render({ model, el }) {
  const root = document.createElement("div");
  el.append(root);
  const { mount } = modules["page"];
  const board = mount(root, JSON.parse(model.get("page")), functions);
  root.dataset.lmSuppressShortcuts = "true";
  const names = board.machine.given.filter((name) => ["parameter", "state"].includes(board.data.values[name].role));
  const own = () => Object.fromEntries(names.map((name) => [name, Array.from(board.given[name])]));
  const array = (numbers) => Float64Array.from(numbers, (n) => n ?? NaN); // NaN travels as null
  const arrays = (numbers) => Object.fromEntries(names.map((name) => [name, array(numbers[name])]));
  const equal = (n, own) => n === own || !(Number.isFinite(n) || Number.isFinite(own));
  const same = (numbers) => names.every((name) => numbers[name]?.every((n, k) => equal(n, board.given[name][k])));
  const take = () => {
    const numbers = model.get("numbers");
    if (Object.keys(numbers).length && !same(numbers)) board.setArrays(arrays(numbers), "notebook");
  };
  take();
  let late = 0;
  board.addEventListener("change", () => {
    clearTimeout(late);
    late = setTimeout(() => {
      if (same(model.get("numbers"))) return;
      model.set("numbers", own());
      model.save_changes();
    }, 100);
  });
  model.on("change:numbers", take);
}
export default { render };
"""


def widget(network: Model, page: Page) -> Any:
    """A page as a widget (anywidget): what is changed or trained in it changes the network, and the other way round.

    In a notebook the network's parameters are looked at after every cell; elsewhere call its `refresh()`.

    Args:
        network: the network.
        page: its page.

    Raises:
        OptionError: where anywidget is not installed.
    """
    try:
        anywidget: Any = import_module("anywidget")
        traitlets: Any = import_module("traitlets")
    except ImportError:
        raise OptionError("widget needs the package anywidget: pip install 'chalkgrad[widget]'") from None

    esm = f"{bundle()}\nconst functions = {page.data.functions};\n{RENDER}"
    page_table, page_html = page.data.table, page._repr_html_()  # pyright: ignore[reportPrivateUsage]

    base: Any = anywidget.AnyWidget

    class PageWidget(base):
        """The page, its data, and the numbers that both sides share."""

        _esm = esm
        _css = style()
        page = traitlets.Unicode(json_text(page_table)).tag(sync=True)
        numbers = traitlets.Dict().tag(sync=True)

        def __init__(self, **settings: Any) -> None:
            base.__init__(self, **settings)
            self.refresh()
            self.observe(self._take, names="numbers")
            _after_every_cell(self.refresh)

        def refresh(self) -> None:
            """Shows the network's parameters as they are now."""
            own = _numbers(network)
            if own != self.numbers:
                self.numbers = own

        def _take(self, change: Mapping[str, Any]) -> None:
            _put(network, change["new"])

        def _repr_mimebundle_(self, **settings: Any) -> Any:
            return _with_page(base._repr_mimebundle_(self, **settings), page_html)

    return PageWidget()


def _with_page(shown: Any, html: str) -> dict[str, Any]:
    """What a widget displays, and for viewers without widgets the page."""
    table = cast("dict[str, Any]", shown[0] if isinstance(shown, tuple) else shown or {})
    return {"text/html": html, **table}


def _numbers(network: Model) -> dict[str, list[float]]:
    """The parameters and running averages, each row by row."""
    return {
        name: np.ravel(array).astype(float).tolist() for name, array in {**network.parameters, **network.states}.items()
    }


def _put(network: Model, numbers: Mapping[str, Any]) -> None:
    """Puts numbers that the page sent into the network; those that do not fit it are left out."""
    for name, array in {**network.parameters, **network.states}.items():
        own = np.asarray(numbers.get(name, ()), dtype=array.dtype)
        if own.size == array.size:
            array[...] = own.reshape(array.shape)


def _after_every_cell(act: Callable[[], None]) -> None:
    """Has something done after every cell of a notebook; nothing where there is none."""
    try:
        shell = import_module("IPython").get_ipython()
    except ImportError:
        return
    if shell is not None:

        def acted(*_results: Any) -> None:
            act()

        shell.events.register("post_run_cell", acted)
