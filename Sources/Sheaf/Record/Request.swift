import Glibc

/// One input of a decoded request: its rows one after another, row-major, without padding.
public struct RequestTensor: BitwiseCopyable, @unchecked Sendable {  // Read-only; lives as long as its Request.
  /// `nil`: the request does not carry this input.
  public var data: UnsafeRawPointer?
  public var byteCount: Int
  /// Extent along the input's pad axis, the longest of its rows; 1 where it has no pad axis.
  public var length: Int32
  /// Each row's extent along the pad axis where they differ (then the axis after the batch axis is the pad axis); else `nil`.
  public var lengths: UnsafePointer<Int32>?
  /// The extent of every axis where some are open beside the batch and pad axis; else `nil`.
  public var extents: UnsafePointer<Int32>?

  public init(data: UnsafeRawPointer?, byteCount: Int, length: Int32, lengths: UnsafePointer<Int32>? = nil, extents: UnsafePointer<Int32>? = nil) {
    self.data = data
    self.byteCount = byteCount
    self.length = length
    self.lengths = lengths
    self.extents = extents
  }

  static let absent = RequestTensor(data: nil, byteCount: 0, length: 1)

  var bytes: UnsafeRawBufferPointer { UnsafeRawBufferPointer(start: data, count: byteCount) }
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
  /// The longest of its rows along the pad axis; where nothing is padded, what a row's open axes multiply to.
  public var length: Int32
  /// Bytes its rows take in the batch tensors, unpadded, of inputs that it carries.
  public var byteCount: Int
  public var replyFormat: ReplyFormat
  /// Requests of one group may run together: the extents that have to agree do, and so does what all rows of a run share.
  public var group: UInt64 = 0
  /// When it expires, unless it is running: nanoseconds of CLOCK_MONOTONIC; `.max`: never.
  public var deadline: Nanoseconds = .max
  /// The id that the sender gave the request in its body, to be given back: UTF-8 without quotes, as it stood in the JSON
  /// (escapes kept). Points into the record's value.
  public var id = UnsafeRawBufferPointer(start: nil, count: 0)
  /// The outputs that the sender asks for, as indices into the signature's, in this order; no base address: all.
  public var outputs = UnsafeBufferPointer<UInt16>(start: nil, count: 0)
  /// One malloc'd block that holds whatever of the above is not in the record; `nil`: nothing.
  public var block: UnsafeMutableRawPointer?
  /// The only input that it carries …
  private var single: RequestTensor
  private var singleInput: Int32
  /// … or one tensor for each of the signature's inputs, in `block`.
  private var several: UnsafePointer<RequestTensor>?

  /// A request of one input.
  /// - Parameter input: its index in the signature.
  public init(record: Record, rows: Int32, length: Int32, input: Int = 0, tensor: RequestTensor, replyFormat: ReplyFormat, block: UnsafeMutableRawPointer? = nil) {
    self.record = record
    self.rows = rows
    self.length = length
    byteCount = tensor.byteCount
    self.replyFormat = replyFormat
    self.block = block
    single = tensor
    singleInput = Int32(input)
  }

  /// A request of several inputs; `tensors` lies in `block` and has one for each of the signature's inputs.
  public init(record: Record, rows: Int32, length: Int32, byteCount: Int, tensors: UnsafePointer<RequestTensor>, replyFormat: ReplyFormat, block: UnsafeMutableRawPointer) {
    self.init(record: record, rows: rows, length: length, tensor: .absent, replyFormat: replyFormat, block: block)
    self.byteCount = byteCount
    several = tensors
  }

  /// The tensor of the signature's `input`th input.
  @inline(__always) func tensor(_ input: Int) -> RequestTensor {
    if let several { return several[input] }
    return input == Int(singleInput) ? single : .absent
  }

  /// Frees the block. The request's tensors are gone after it.
  func release() { free(block) }
}
