"""Neural Network Forward and Backward Propagation: two passes by hand through a small CNN, a class, PyTorch."""

from __future__ import annotations

from ..examples.example import load_example
from . import manual_pass
from .cnn_names import by_name
from .figure import Replay, Section, Value
from .first_pass_000 import first_pass
from .second_pass_000 import second_pass
from .trainings_000 import class_section, torch_section, training_section

TEXT = (
    "The notebook Neural Network Forward and Backward Propagation: two passes by hand with learning rate 0.001, then a "
    "class that is trained to the end, then PyTorch. The first forward pass is right, and so are the first gradients "
    "of w9 and w12; the other gradients by hand are not, and the second pass starts from the weights that they lead "
    "to. The class has other mistakes, and learns all the same, since w9 to w12 suffice for one sample."
)
LEFT_OUT = " The two long trainings of the class are left out here."


def replay(*, long: bool = True) -> Replay:
    """Every figure of the notebook; without `long` those of the long trainings are left out."""
    example = load_example("cnn")
    first, second = manual_values()
    sections: list[Section] = [
        *first_pass(by_name(example, example.trace()), first, second),
        *second_pass(by_name(example, example.trace(after=1)), second, first),
        class_section(example),
    ]
    if long:
        sections.append(training_section(example))
    sections.append(torch_section(example))
    return Replay(
        "000", "A convolutional network by hand, as a class and in PyTorch", TEXT if long else TEXT + LEFT_OUT,
        tuple(sections),
    )  # fmt: skip


def manual_values(
    mistakes: manual_pass.Mistakes = manual_pass.ALL,
) -> tuple[dict[str, Value], dict[str, Value]]:
    """The values of the notebook's own two passes, by its names; with fewer mistakes if asked for."""
    example = load_example("cnn")
    image, targets, rate = example.x[0, 0], example.y[0], example.optimizer.learning_rate
    p = example.network.parameters
    weights = manual_pass.initial(p["W1"], p["W2"], p["W3"])
    passes: list[dict[str, Value]] = []
    before = None
    for _ in range(2):
        now = manual_pass.forward(weights, image)
        values, weights = manual_pass.backward(weights, now, targets, rate, mistakes, before)
        if before is None:
            # only the first pass reaches the kernel
            of_kernel, weights = manual_pass.kernel_step(weights, now, image, values["grad_sigmoid_features"], rate)
            values |= of_kernel
        outputs = {"H1_output": now["H"][0], "H2_output": now["H"][1]}
        outputs |= {"O1_output": now["O"][0], "O2_output": now["O"][1]}
        passes.append({**now, **outputs, **manual_pass.errors(now["O"], targets), **values})
        before = now
    return passes[0], passes[1]
