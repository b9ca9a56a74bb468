// The function table of ONNX Runtime, loaded with dlopen.
