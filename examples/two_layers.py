"""Document 002, and the much-read example on the web that it follows: two inputs, two hidden, two outputs.

    python examples/two_layers.py

The document's W1 and W2 are outputs x inputs; here every W is inputs x outputs, so its matrices are transposes.
"""

import chalkgrad as cg

x, y = [[0.05, 0.10]], [[0.01, 0.99]]
net = cg.Network(
    [cg.Dense(2), cg.Sigmoid(), cg.Dense(2), cg.Sigmoid()],
    input_shape=(2,),
    loss=cg.SquaredError(scale=0.5),
    dtype="float64",
)
net.set_parameters(W1=[[0.15, 0.25], [0.20, 0.30]], b1=[0.35, 0.35], W2=[[0.40, 0.50], [0.45, 0.55]], b2=[0.60, 0.60])
net.freeze("b1", "b2")  # the example leaves the biases as they are

trace = net.trace(x, y, optimizer=cg.SGD(0.5))
print(trace)
print("\nnew W2, as the document writes it:\n", trace["W2_new"].T)
print("new W1 (the document's last matrix has two mistakes):\n", trace["W1_new"].T)
net.fit(x, y, optimizer=cg.SGD(0.5), batch_size=None, shuffle=False)
print("\nerror after one step:", net.loss(x, y), "(the web page says 0.291027924)")
net.fit(x, y, optimizer=cg.SGD(0.5), epochs=9_999, batch_size=None, shuffle=False)
print("error after 10,000 steps:", net.loss(x, y), "predictions", net.predict(x)[0])
