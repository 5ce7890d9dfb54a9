"""A network as an ONNX file."""
