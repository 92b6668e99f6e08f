"""Models in the formats that they are used in."""

FORMATS = ("litert", "litert-int8", "onnx", "saved_model")
