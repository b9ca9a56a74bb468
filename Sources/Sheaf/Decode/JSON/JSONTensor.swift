/// The shape of a tensor in a request, up to eight axes, without memory of its own.
struct JSONShape {
  static let maxRank = 8
  private(set) var rank = 0
  private var extents = InlineArray<8, Int>(repeating: 0)

  subscript(axis: Int) -> Int { extents[axis] }

  init() {}

  /// Extents in decimal digits with commas between them, as headers have them; `nil`: anything else.
  init?(decimal text: UnsafeRawBufferPointer) {
    for part in text.split(separator: UInt8(ascii: ","), omittingEmptySubsequences: false) {
      let digits = part.drop { $0 == 32 }
      guard !digits.isEmpty, digits.count <= 15, digits.allSatisfy({ $0 &- 48 < 10 }), rank < JSONShape.maxRank else { return nil }
      append(digits.reduce(0) { $0 * 10 + Int($1 &- 48) })
    }
  }

  mutating func append(_ extent: Int) {
    extents[rank] = extent
    rank += 1
  }

  /// How many elements; `nil` where that overflows.
  var elementCount: Int? {
    var product = 1
    for axis in 0..<rank {
      let (result, overflow) = product.multipliedReportingOverflow(by: extents[axis])
      if overflow { return nil }
      product = result
    }
    return product
  }

  var description: String { "[" + (0..<rank).map { "\(extents[$0])" }.joined(separator: ",") + "]" }
}

extension JSONReader {
  /// Reads a shape: 1 to 8 extents, none negative.
  mutating func shape() throws(RecordFault) -> JSONShape {
    try take(UInt8(ascii: "["), "a shape, an array of integers")
    var shape = JSONShape()
    var first = true
    while try nextElement(&first) {
      _ = peek()
      let start = position
      let extent: Int = try integer()
      guard extent >= 0 else { throw RecordFault(.wrongInput, expected: "an extent of 0 or more", came: "\(extent) at byte \(start)") }
      guard shape.rank < JSONShape.maxRank else {
        throw RecordFault(.unsupported, expected: "a shape of at most \(JSONShape.maxRank) axes", came: "more at byte \(start)")
      }
      shape.append(extent)
    }
    return shape
  }

  /// The shape of arrays that are nested so deep, read off their brackets; `nil`: they are nested otherwise. Reads over them.
  mutating func nestedShape(rank: Int) throws(RecordFault) -> JSONShape? {
    var shape = JSONShape()
    return try measure(rank, &shape) ? shape : nil
  }

  private mutating func measure(_ rank: Int, _ shape: inout JSONShape) throws(RecordFault) -> Bool {
    let isArray = peek() == UInt8(ascii: "[")
    guard isArray == (rank > 0), rank + shape.rank <= JSONShape.maxRank else { return false }
    guard isArray else {
      if !takesNonFinite, let fault = notFinite() { throw fault }
      try skip()
      return true
    }
    position += 1
    var first = true, count = 0, inner: JSONShape?
    let level = shape.rank
    while try nextElement(&first) {
      if inner == nil {
        var below = JSONShape()
        for _ in 0...level { below.append(0) }
        guard try measure(rank - 1, &below) else { return false }
        inner = below
      } else {
        try skip()
      }
      count += 1
    }
    shape.append(count)
    for axis in (level + 1)..<max(level + 1, level + rank) { shape.append(inner.map { axis < $0.rank ? $0[axis] : 0 } ?? 0) }
    return true
  }

  /// Reads the elements of a tensor, flat or nested as its shape says, to `memory`, which has room for them and is aligned.
  /// - Parameter nonFinite: floats may be NaN, infinite or null.
  mutating func tensor(_ type: ElementType, _ shape: JSONShape, _ conversion: Conversion = .none, nonFinite: Bool = false, into memory: UnsafeMutableRawPointer) throws(RecordFault) {
    switch conversion {
    case .none: break
    case .wholeToFloat: return try wholeToFloat(type, shape, memory)
    case .floatToWhole: return try floatToWhole(type, shape, memory)
    }
    if nonFinite, type.isFloat { return try floatsWithNaN(type, shape, memory) }
    switch type {
    case .bool: try elements(shape, memory.assumingMemoryBound(to: Bool.self)) { r throws(RecordFault) in try r.boolean() }
    case .uint8: try elements(shape, memory.assumingMemoryBound(to: UInt8.self)) { r throws(RecordFault) in try r.integer() }
    case .uint16: try elements(shape, memory.assumingMemoryBound(to: UInt16.self)) { r throws(RecordFault) in try r.integer() }
    case .uint32: try elements(shape, memory.assumingMemoryBound(to: UInt32.self)) { r throws(RecordFault) in try r.integer() }
    case .uint64: try elements(shape, memory.assumingMemoryBound(to: UInt64.self)) { r throws(RecordFault) in try r.integer() }
    case .int8: try elements(shape, memory.assumingMemoryBound(to: Int8.self)) { r throws(RecordFault) in try r.integer() }
    case .int16: try elements(shape, memory.assumingMemoryBound(to: Int16.self)) { r throws(RecordFault) in try r.integer() }
    case .int32: try elements(shape, memory.assumingMemoryBound(to: Int32.self)) { r throws(RecordFault) in try r.integer() }
    case .int64: try elements(shape, memory.assumingMemoryBound(to: Int64.self)) { r throws(RecordFault) in try r.integer() }
    case .float16: try elements(shape, memory.assumingMemoryBound(to: Float16.self)) { r throws(RecordFault) in try r.half() }
    case .float32: try elements(shape, memory.assumingMemoryBound(to: Float.self)) { r throws(RecordFault) in try r.float() }
    case .float64: try elements(shape, memory.assumingMemoryBound(to: Double.self)) { r throws(RecordFault) in try r.double() }
    case .bytes: preconditionFailure("strings have no elements of one size")
    }
  }

  private mutating func wholeToFloat(_ type: ElementType, _ shape: JSONShape, _ memory: UnsafeMutableRawPointer) throws(RecordFault) {
    switch type {
    case .float16: try elements(shape, memory.assumingMemoryBound(to: Float16.self)) { r throws(RecordFault) in try r.wholeFloat("FP16") }
    case .float32: try elements(shape, memory.assumingMemoryBound(to: Float.self)) { r throws(RecordFault) in try r.wholeFloat("FP32") }
    default: try elements(shape, memory.assumingMemoryBound(to: Double.self)) { r throws(RecordFault) in try r.wholeFloat("FP64") }
    }
  }

  private mutating func floatToWhole(_ type: ElementType, _ shape: JSONShape, _ memory: UnsafeMutableRawPointer) throws(RecordFault) {
    switch type {
    case .uint8: try elements(shape, memory.assumingMemoryBound(to: UInt8.self)) { r throws(RecordFault) in try r.wholeNumber() }
    case .uint16: try elements(shape, memory.assumingMemoryBound(to: UInt16.self)) { r throws(RecordFault) in try r.wholeNumber() }
    case .uint32: try elements(shape, memory.assumingMemoryBound(to: UInt32.self)) { r throws(RecordFault) in try r.wholeNumber() }
    case .uint64: try elements(shape, memory.assumingMemoryBound(to: UInt64.self)) { r throws(RecordFault) in try r.wholeNumber() }
    case .int8: try elements(shape, memory.assumingMemoryBound(to: Int8.self)) { r throws(RecordFault) in try r.wholeNumber() }
    case .int16: try elements(shape, memory.assumingMemoryBound(to: Int16.self)) { r throws(RecordFault) in try r.wholeNumber() }
    case .int32: try elements(shape, memory.assumingMemoryBound(to: Int32.self)) { r throws(RecordFault) in try r.wholeNumber() }
    default: try elements(shape, memory.assumingMemoryBound(to: Int64.self)) { r throws(RecordFault) in try r.wholeNumber() }
    }
  }

  private mutating func floatsWithNaN(_ type: ElementType, _ shape: JSONShape, _ memory: UnsafeMutableRawPointer) throws(RecordFault) {
    switch type {
    case .float16: try elements(shape, memory.assumingMemoryBound(to: Float16.self)) { r throws(RecordFault) in if let v = try r.nonFinite() { Float16(v) } else { try r.half() } }
    case .float32: try elements(shape, memory.assumingMemoryBound(to: Float.self)) { r throws(RecordFault) in if let v = try r.nonFinite() { Float(v) } else { try r.float() } }
    default: try elements(shape, memory.assumingMemoryBound(to: Double.self)) { r throws(RecordFault) in if let v = try r.nonFinite() { v } else { try r.double() } }
    }
  }

  // Inlined, so that each type has a loop of its own with its reader inside.
  @inline(__always) private mutating func elements<T>(
    _ shape: JSONShape, _ memory: UnsafeMutablePointer<T>, _ read: (inout JSONReader) throws(RecordFault) -> T
  ) throws(RecordFault) {
    // One element may stand without brackets.
    if shape.elementCount == 1, peek() != UInt8(ascii: "[") {
      memory[0] = try read(&self)
      return
    }
    try nested(shape) { reader, start, count throws(RecordFault) in
      var index = 0
      var first = true
      while try reader.nextElement(&first) {
        guard index < count else { throw reader.wrongCount(shape, "more") }
        memory[start &+ index] = try read(&reader)
        index &+= 1
      }
      guard index == count else { throw reader.wrongCount(shape, "\(index) of \(count)") }
    }
  }

  /// Reads one array of scalars, or arrays nested as `shape` says. `run` reads the scalars of one array behind its bracket: where
  /// the first goes, and how many there have to be.
  mutating func nested(_ shape: JSONShape, _ run: (inout JSONReader, Int, Int) throws(RecordFault) -> Void) throws(RecordFault) {
    try take(UInt8(ascii: "["), "an array of data")
    guard let count = shape.elementCount else { throw wrongCount(shape, "fewer") }
    if shape.rank > 1, peek() == UInt8(ascii: "[") {
      var start = 0
      try level(0, shape, &start, run)
    } else {
      try run(&self, 0, count)
    }
  }

  /// One level of nested arrays, its bracket taken. Recursion ends at the shape's rank.
  private mutating func level(
    _ axis: Int, _ shape: JSONShape, _ start: inout Int, _ run: (inout JSONReader, Int, Int) throws(RecordFault) -> Void
  ) throws(RecordFault) {
    if axis == shape.rank - 1 {
      try run(&self, start, shape[axis])
      start += shape[axis]
      return
    }
    var first = true
    var index = 0
    while try nextElement(&first) {
      guard index < shape[axis] else { throw wrongCount(shape, "more") }
      try take(UInt8(ascii: "["), "arrays nested as shape \(shape.description) says")
      try level(axis + 1, shape, &start, run)
      index += 1
    }
    guard index == shape[axis] else { throw wrongCount(shape, "\(index) of \(shape[axis])") }
  }

  @inline(never) func wrongCount(_ shape: JSONShape, _ came: String) -> RecordFault {
    RecordFault(.wrongInput, expected: "as many data as shape \(shape.description) says", came: "\(came) at byte \(position)")
  }
}
