/// The part of one output that belongs to one request: its rows, row-major, with the model's axes.
public struct OutputSlice: BitwiseCopyable {
  /// Index into the signature's outputs.
  public var output: Int
  public var data: UnsafeRawPointer
  public var byteCount: Int
  /// The model's shape, with the request's rows along the batch axis, where the output has one.
  public var shape: UnsafeBufferPointer<Int>

  public init(output: Int, data: UnsafeRawPointer, byteCount: Int, shape: UnsafeBufferPointer<Int>) {
    self.output = output
    self.data = data
    self.byteCount = byteCount
    self.shape = shape
  }

  var bytes: UnsafeRawBufferPointer { UnsafeRawBufferPointer(start: data, count: byteCount) }
}
