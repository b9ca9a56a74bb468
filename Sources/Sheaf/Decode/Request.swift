import Glibc

/// One input of a decoded request: its rows one after another, row-major, without padding.
public struct RequestTensor: BitwiseCopyable, @unchecked Sendable {  // Read-only; lives as long as its Request.
  public var data: UnsafeRawPointer
  public var byteCount: Int
  /// Extent along the input's pad axis where all rows have the same; 1 where it has no pad axis.
  public var length: Int32
  /// Each row's extent along the pad axis where they differ (then the axis after the batch axis is the pad axis); else `nil`.
  public var lengths: UnsafePointer<Int32>?

  public init(data: UnsafeRawPointer, byteCount: Int, length: Int32, lengths: UnsafePointer<Int32>? = nil) {
    self.data = data
    self.byteCount = byteCount
    self.length = length
    self.lengths = lengths
  }
}

/// What a reply is written as.
public enum ReplyFormat: String, Sendable, BitwiseCopyable, CaseIterable { case json, raw }

/// A decoded record: rows that stay together, are settled once, and fail together.
///
/// Trivial, like the record: tensors point into the record's value (a raw tensor needs no copy) or into `block`, which the
/// holder frees with `release()` once the rows have been copied into a batch and the reply is written.
public struct Request: BitwiseCopyable, @unchecked Sendable {  // As Record.
  public var record: Record
  /// At least 1.
  public var rows: Int32
  /// The longest of its rows along the pad axis; 1 where no input has one.
  public var length: Int32
  /// Bytes its rows take in the batch tensors, unpadded, of inputs that it carries.
  public var byteCount: Int
  public var replyFormat: ReplyFormat
  /// When it expires, unless it is running: nanoseconds of CLOCK_MONOTONIC; `.max`: never.
  public var deadline: Nanoseconds = .max
  /// The id that the sender gave the request in its body, to be given back: UTF-8 without quotes, as it stood in the JSON
  /// (escapes kept). Points into the record's value.
  public var id: UnsafeRawBufferPointer
  /// One malloc'd block that holds whatever of `tensors` is not in the record; `nil`: nothing.
  public var block: UnsafeMutableRawPointer?
  /// The inputs whose source is `.request`, in the signature's order: here where it is one …
  var single: RequestTensor
  /// … and in `block` where there are several.
  var several: UnsafePointer<RequestTensor>?

  /// A request of one input.
  public init(record: Record, rows: Int32, length: Int32, tensor: RequestTensor, replyFormat: ReplyFormat, block: UnsafeMutableRawPointer? = nil) {
    self.record = record
    self.rows = rows
    self.length = length
    self.byteCount = tensor.byteCount
    self.replyFormat = replyFormat
    self.id = UnsafeRawBufferPointer(start: nil, count: 0)
    self.block = block
    self.single = tensor
    self.several = nil
  }

  /// A request of several inputs; `tensors` lies in `block`.
  public init(record: Record, rows: Int32, length: Int32, byteCount: Int, tensors: UnsafePointer<RequestTensor>, replyFormat: ReplyFormat, block: UnsafeMutableRawPointer) {
    self.init(record: record, rows: rows, length: length, tensor: tensors[0], replyFormat: replyFormat, block: block)
    self.byteCount = byteCount
    self.several = tensors
  }

  /// The tensor of the `index`th input whose source is `.request`.
  @inline(__always) func tensor(_ index: Int) -> RequestTensor {
    if let several { several[index] } else { single }
  }

  /// Frees the block. The request's tensors are gone after it.
  func release() { free(block) }
}
