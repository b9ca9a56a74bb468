/// The part of one output tensor that belongs to one request: its rows, contiguous, row-major.
public struct OutputSlice: BitwiseCopyable {
  /// Index into the signature's outputs.
  public var output: Int
  public var data: UnsafeRawPointer
  public var byteCount: Int
  /// The shape without the batch axis; the rows' axis comes first in `data`.
  public var tail: UnsafeBufferPointer<Int>
  public var rows: Int

  public init(output: Int, data: UnsafeRawPointer, byteCount: Int, tail: UnsafeBufferPointer<Int>, rows: Int) {
    self.output = output
    self.data = data
    self.byteCount = byteCount
    self.tail = tail
    self.rows = rows
  }
}
