import Glibc
import Sheaf

/// Text that is written, in UTF-8, with the place that each byte comes from where somebody asks for places.
///
/// A handle: copies are the same buffer. Whoever made it calls `deallocate`.
struct TextBuffer {
  private struct Memory {
    var bytes: UnsafeMutablePointer<UInt8>
    var places: UnsafeMutablePointer<Place>?
    var count: Int
    var capacity: Int
  }
  private let memory: UnsafeMutablePointer<Memory>

  init(tracksPlaces: Bool, capacity: Int) {
    memory = .allocate(capacity: 1)
    memory.initialize(
      to: Memory(bytes: .allocate(capacity: capacity), places: tracksPlaces ? .allocate(capacity: capacity) : nil, count: 0, capacity: capacity))
  }

  func deallocate() {
    memory.pointee.bytes.deallocate()
    memory.pointee.places?.deallocate()
    memory.deallocate()
  }

  var count: Int { @inline(__always) get { memory.pointee.count } }
  var tracksPlaces: Bool { @inline(__always) get { memory.pointee.places != nil } }

  /// What has been written, until more is.
  func view(origin: Int, isAtStart: Bool) -> TextView {
    TextView(bytes: memory.pointee.bytes, count: memory.pointee.count, places: memory.pointee.places.map { UnsafePointer($0) }, origin: origin, isAtStart: isAtStart)
  }

  func removeAll() { memory.pointee.count = 0 }

  /// A character whose place is `place`, which counts only where places are tracked.
  @inline(__always) func append(_ scalar: UInt32, _ place: @autoclosure () -> Place) {
    reserve(4)
    let start = memory.pointee.count
    let length = UTF8Bytes.encode(scalar, into: memory.pointee.bytes + start)
    if let places = memory.pointee.places {
      let place = place()
      for index in start..<start &+ length { places[index] = place }
    }
    memory.pointee.count = start &+ length
  }

  /// Bytes that all have one place.
  func append(_ bytes: UnsafeBufferPointer<UInt8>, _ place: @autoclosure () -> Place) {
    guard let base = bytes.baseAddress, bytes.count > 0 else { return }
    reserve(bytes.count)
    let start = memory.pointee.count
    memcpy(memory.pointee.bytes + start, base, bytes.count)
    if let places = memory.pointee.places { (places + start).initialize(repeating: place(), count: bytes.count) }
    memory.pointee.count = start + bytes.count
  }

  /// A part of another text, as it stands there.
  @inline(__always) func append(_ source: TextView, _ start: Int, _ end: Int) {
    let length = end &- start
    if length <= 0 { return }
    reserve(length)
    let at = memory.pointee.count
    if length < 16 {
      for index in 0..<length { memory.pointee.bytes[at &+ index] = source.bytes[start &+ index] }
    } else {
      memcpy(memory.pointee.bytes + at, source.bytes + start, length)
    }
    if let places = memory.pointee.places { copyPlaces(source, start, end, to: places + at) }
    memory.pointee.count = at &+ length
  }

  private func copyPlaces(_ source: TextView, _ start: Int, _ end: Int, to places: UnsafeMutablePointer<Place>) {
    if let known = source.places {
      places.update(from: known + start, count: end - start)
      return
    }
    var index = start
    while index < end {
      let length = UTF8Bytes.length(source.bytes[index])
      let place = Place(start: Int32(source.origin + index), end: Int32(source.origin + index + length))
      for byte in index..<min(index + length, end) { places[byte - start] = place }
      index += length
    }
  }

  @inline(__always) private func reserve(_ more: Int) {
    if memory.pointee.count &+ more > memory.pointee.capacity { grow(more) }
  }

  @inline(never) private func grow(_ more: Int) {
    let capacity = max(memory.pointee.capacity * 2, memory.pointee.count + more)
    let bytes = UnsafeMutablePointer<UInt8>.allocate(capacity: capacity)
    memcpy(bytes, memory.pointee.bytes, memory.pointee.count)
    memory.pointee.bytes.deallocate()
    memory.pointee.bytes = bytes
    if let old = memory.pointee.places {
      let places = UnsafeMutablePointer<Place>.allocate(capacity: capacity)
      places.initialize(from: old, count: memory.pointee.count)
      old.deallocate()
      memory.pointee.places = places
    }
    memory.pointee.capacity = capacity
  }
}
