import Glibc
import Sheaf

/// Text that is written, in UTF-8, with the place that each byte comes from where somebody asks for places.
///
/// A handle: copies are the same buffer. It lives as long as the `TextBuffers` it is of.
struct TextBuffer {
  struct State: ~Copyable {
    var bytes = Memory<UInt8>()
    var places = Memory<Place>()
    var count = 0
    let tracksPlaces: Bool
    /// How much room the first block has.
    let least: Int
  }
  let state: UnsafeMutablePointer<State>

  var count: Int { @inline(__always) get { state.pointee.count } }

  /// What has been written, until more is.
  func view(origin: Int, isAtStart: Bool) -> TextView {
    TextView(
      bytes: state.pointee.bytes.base, count: state.pointee.count, places: state.pointee.tracksPlaces ? UnsafePointer(state.pointee.places.base) : nil,
      origin: origin, isAtStart: isAtStart)
  }

  func removeAll() { state.pointee.count = 0 }

  /// A character whose place is `place`, which counts only where places are tracked.
  @inline(__always) func append(_ scalar: UInt32, _ place: @autoclosure () -> Place) {
    reserve(4)
    let start = state.pointee.count
    let length = UTF8Bytes.encode(scalar, into: state.pointee.bytes.base + start)
    if state.pointee.tracksPlaces {
      let place = place()
      for index in start..<start &+ length { state.pointee.places.base[index] = place }
    }
    state.pointee.count = start &+ length
  }

  /// Bytes that all have one place.
  func append(_ bytes: UnsafeBufferPointer<UInt8>, _ place: @autoclosure () -> Place) {
    guard let base = bytes.baseAddress, bytes.count > 0 else { return }
    reserve(bytes.count)
    let start = state.pointee.count
    memcpy(state.pointee.bytes.base + start, base, bytes.count)
    if state.pointee.tracksPlaces { (state.pointee.places.base + start).initialize(repeating: place(), count: bytes.count) }
    state.pointee.count = start + bytes.count
  }

  /// A part of another text, as it stands there.
  @inline(__always) func append(_ source: TextView, _ start: Int, _ end: Int) {
    let length = end &- start
    if length <= 0 { return }
    reserve(length)
    let at = state.pointee.count, bytes = state.pointee.bytes.base
    if length < 16 {
      for index in 0..<length { bytes[at &+ index] = source.bytes[start &+ index] }
    } else {
      memcpy(bytes + at, source.bytes + start, length)
    }
    if state.pointee.tracksPlaces { copyPlaces(source, start, end, to: state.pointee.places.base + at) }
    state.pointee.count = at &+ length
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
    let count = state.pointee.count
    state.pointee.bytes.reserve(count &+ more, keeping: count, least: state.pointee.least)
    if state.pointee.tracksPlaces { state.pointee.places.reserve(count &+ more, keeping: count, least: state.pointee.least) }
  }
}

/// The buffers of a text on its way: two for each of the ways that write it anew.
struct TextBuffers: ~Copyable {
  private let states: UnsafeMutablePointer<TextBuffer.State>

  /// - Parameter bytes: about how long the text is.
  init(tracksPlaces: Bool, bytes: Int) {
    states = .allocate(capacity: 4)
    let least = max(64, min(bytes + bytes / 2, 1 << 16))
    for index in 0..<4 { (states + index).initialize(to: TextBuffer.State(tracksPlaces: tracksPlaces, least: least)) }
  }

  deinit {
    states.deinitialize(count: 4)
    states.deallocate()
  }

  var forNormalizers: (TextBuffer, TextBuffer) { (TextBuffer(state: states), TextBuffer(state: states + 1)) }
  var forPreTokenizers: (TextBuffer, TextBuffer) { (TextBuffer(state: states + 2), TextBuffer(state: states + 3)) }
}
