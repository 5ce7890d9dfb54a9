"""Pages measured in a browser: their size, how long one takes to open, how many steps of training it makes a second.

    python benchmarks/page.py [--data DIR]

needs Playwright and a chromium. The digits perceptron is trained for an epoch first; MNIST's LeNet, with its data in
DIR, is not.
"""

from __future__ import annotations

import argparse
import shutil
import tempfile
from pathlib import Path

import numpy as np

import chalkgrad as cg
from chalkgrad.data import digits, mnist
from chalkgrad.page import Page

ROUNDS = 5
STEPS = 30
TRAIN = f"""() => {{
    const board = document.getElementById("page").board;
    const begin = performance.now();
    for (let k = 0; k < {STEPS}; k++) board.train(1);
    return {STEPS} / ((performance.now() - begin) / 1000);
}}"""


def pages(data: str | None) -> dict[str, Page]:
    """The pages that are measured."""
    web = cg.load_example("web")
    found = {"web, 1 sample": web.network.page(web.x, web.y, optimizer=web.optimizer, labels=web.labels)}
    set_of_digits = digits()
    perceptron = cg.Network(
        [cg.Flatten(), cg.Dense(64), cg.ReLU(), cg.Dense(10), cg.Softmax()],
        input_shape=set_of_digits.input_shape,
        loss="CrossEntropy",
    )
    perceptron.fit(set_of_digits.x_train, set_of_digits.y_train, optimizer="Adam", epochs=1)
    for samples in (1, 32, 200):
        x, y = np.asarray(set_of_digits.x_test[:samples]), set_of_digits.y_test[:samples]
        name = f"digits perceptron, {perceptron.flat.size:,} parameters, {samples} sample{'s' * (samples > 1)}"
        found[name] = perceptron.page(x, y)
    if data:
        images = mnist(data)
        lenet = cg.Network(
            [
                cg.Conv2D(6, 5, padding=2), cg.Tanh(), cg.AvgPool2D(2), cg.Conv2D(16, 5), cg.Tanh(), cg.AvgPool2D(2),
                cg.Flatten(), cg.Dense(120), cg.Tanh(), cg.Dense(84), cg.Tanh(), cg.Dense(10), cg.Softmax(),
            ],
            input_shape=(1, 28, 28),
            loss="CrossEntropy",
        )  # fmt: skip
        x, y = np.asarray(images.x_test[:8]), images.y_test[:8]
        found[f"LeNet, {lenet.flat.size:,} parameters, 8 samples"] = lenet.page(x, y)
    return found


def main() -> None:
    """Prints a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", help="the folder of MNIST's files, for LeNet")
    arguments = parser.parse_args()
    from playwright.sync_api import sync_playwright

    browser_path = shutil.which("chromium") or shutil.which("google-chrome")
    print("| page | size, kB | opens in, s | steps a second |\n|---|---|---|---|")
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as started:
        browser = started.chromium.launch(executable_path=browser_path, args=["--no-sandbox", "--disable-gpu"])
        for name, page in pages(arguments.data).items():
            file = Path(folder) / "page.html"
            page.save(file)
            opened: list[float] = []
            steps: list[float] = []
            for _ in range(ROUNDS):
                tab = browser.new_page(viewport={"width": 1400, "height": 900})
                tab.goto(file.as_uri())
                opened.append(tab.evaluate("performance.getEntriesByType('navigation')[0].loadEventEnd") / 1000)
                steps.append(tab.evaluate(TRAIN))
                tab.close()
            size = file.stat().st_size / 1000
            print(f"| {name} | {size:.0f} | {np.median(opened):.2f} | {np.median(steps):.0f} |")
        browser.close()


if __name__ == "__main__":
    main()
