"""Document 000: a convolution, a max-pool and two dense layers, on one picture of 5 x 5, until the error is 1e-4.

    python examples/cnn_by_hand.py

By correct gradients this takes 262,941 steps and predicts 0.0070818 and 0.9929397. (The document's own backward
pass, with its mistakes, takes 364,024.)
"""

import numpy as np

import chalkgrad as cg

picture = np.array(
    [
        [0.51, 0.90, 0.88, 0.84, 0.05],
        [0.40, 0.62, 0.22, 0.59, 0.10],
        [0.11, 0.20, 0.74, 0.33, 0.14],
        [0.47, 0.01, 0.85, 0.70, 0.09],
        [0.76, 0.19, 0.72, 0.17, 0.57],
    ]
)[None, None]
target = [[0.0, 1.0]]

layers = [
    cg.Conv2D(1, 2, bias=False),
    cg.MaxPool2D(2),
    cg.Flatten(),
    cg.Sigmoid(),
    cg.Dense(2, bias=False),
    cg.Sigmoid(),
    cg.Dense(2, bias=False),
    cg.Sigmoid(),
]
net = cg.Network(layers, input_shape=(1, 5, 5), loss=cg.SquaredError(), dtype="float64")
w = np.random.RandomState(0).randn(16)  # the document's draw: w_conv, w1 to w8, w9 to w12
net.set_parameters(W1=w[:4].reshape(1, 1, 2, 2), W2=w[4:12].reshape(2, 4).T, W3=w[12:].reshape(2, 2).T)

print(net.trace(picture, target, optimizer=cg.SGD(0.001)))
print()
print(net.check_gradients(picture, target))
print("\ntraining, about half a minute ...", flush=True)
history = net.fit(picture, target, optimizer=cg.SGD(0.01), epochs=None, batch_size=None, shuffle=False, stop_below=1e-4)
print(f"\n{history.steps} steps, error {history.loss!r}, predictions {net.predict(picture)[0]}")
