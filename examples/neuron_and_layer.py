"""Document 003: a single neuron with ReLU, a layer of three neurons that is summed, and the spiral.

python examples/neuron_and_layer.py
"""

import numpy as np

import chalkgrad as cg

neuron = cg.Network([cg.Dense(1), cg.ReLU()], input_shape=3, loss=cg.SquaredError(), dtype="float64")
neuron.set_parameters(W1=[[-3.0], [-1.0], [2.0]], b1=[1.0])
history = neuron.fit([[1.0, -2.0, 3.0]], [[0.0]], optimizer=cg.SGD(0.001), epochs=200, batch_size=None, shuffle=False)
print("single neuron, loss:", *history.column("loss")[:3], "...", history.loss)

layer = cg.Network(
    [cg.Dense(3), cg.ReLU(), cg.Sum()], input_shape=4, loss=cg.SquaredError(reduction="sum"), dtype="float64"
)
W = np.array([[0.1, 0.2, 0.3, 0.4], [0.5, 0.6, 0.7, 0.8], [0.9, 1.0, 1.1, 1.2]])
layer.set_parameters(W1=W.T, b1=[0.1, 0.2, 0.3])
x, y = [[1.0, 2.0, 3.0, 4.0]], [[0.0]]
print("\ngradient with respect to the inputs:", layer.trace(x, y)["dx"][0])
history = layer.fit(x, y, optimizer=cg.SGD(0.001), epochs=200, batch_size=None, shuffle=False)
print("layer of three neurons, loss every 20 steps:", *[f"{v:.9g}" for v in history.column("loss")[::20]])
print("final weights:\n", layer.parameters["W1"].T, "\nfinal biases:\n", layer.parameters["b1"])

points, arm = cg.data.spiral_data(100, 3)
net = cg.Network(
    [cg.Dense(64, weights="normal(0.01)"), cg.ReLU(), cg.Dense(3, weights="normal(0.01)"), cg.Softmax()],
    input_shape=2,
    loss="CrossEntropy",
)
print("\nspiral, first predictions (about 1/3 each):", net.predict(points)[:2].round(6).tolist())
print("cross-entropy:", net.loss(points, arm), "with one-hot rows:", net.loss(points, np.eye(3)[arm]))

layers = [cg.Dense(64), cg.ReLU(), cg.Dense(64), cg.ReLU(), cg.Dense(3), cg.Softmax()]
net = cg.Network(layers, input_shape=2, loss="CrossEntropy")
net.fit(points, arm, optimizer=cg.Adam(0.01), epochs=150)
print("two hidden layers, on the points they were trained on:", net.evaluate(points, arm))
