/// Texts with a number each, found byte by byte from their beginning: a double array, in which a step is one look-up. Immutable.
final class Trie: @unchecked Sendable {  // Its memory is written in init only.
  /// Where a step from this node with byte b leads, `base ^ b`, and which node has to be the parent there.
  private struct Unit {
    var base: Int32
    var parent: Int32
  }
  private let units: UnsafeMutablePointer<Unit>
  /// The number of the text that ends at a node; -1: none does.
  private let values: UnsafeMutablePointer<Int32>

  static let root: Int32 = 0

  /// - Parameter entries: no text twice, none empty.
  init(_ entries: [(text: ArraySlice<UInt8>, value: Int32)]) {
    var builder = Builder(entries.sorted { $0.text.lexicographicallyPrecedes($1.text) })
    builder.build()
    let count = builder.parents.count
    units = .allocate(capacity: count)
    values = .allocate(capacity: count)
    for index in 0..<count { units[index] = Unit(base: builder.bases[index], parent: builder.parents[index]) }
    values.initialize(from: builder.values, count: count)
  }

  deinit {
    units.deallocate()
    values.deallocate()
  }

  /// The node that a byte leads to; `nil`: no text goes on with it.
  @inline(__always) func step(_ node: Int32, _ byte: UInt8) -> Int32? {
    let next = units[Int(node)].base ^ Int32(byte)
    return units[Int(next)].parent == node ? next : nil
  }

  @inline(__always) func value(_ node: Int32) -> Int32 { values[Int(node)] }

  /// The number of a whole text.
  func value(of text: UnsafePointer<UInt8>, _ count: Int) -> Int32? {
    var node = Self.root
    for index in 0..<count {
      guard let next = step(node, text[index]) else { return nil }
      node = next
    }
    return value(node) >= 0 ? value(node) : nil
  }

  /// Lays the nodes out. Units come in blocks of 256, so that a step never leaves the array.
  private struct Builder {
    private let entries: [(text: ArraySlice<UInt8>, value: Int32)]
    var bases: [Int32] = []
    /// -1: the unit is free.
    var parents: [Int32] = []
    var values: [Int32] = []
    /// All units before this one are taken, or have been looked at often enough.
    private var firstFree = 1

    init(_ entries: [(text: ArraySlice<UInt8>, value: Int32)]) {
      self.entries = entries
      grow()
      parents[0] = -2
    }

    private mutating func grow() {
      bases += [Int32](repeating: 0, count: 256)
      parents += [Int32](repeating: -1, count: 256)
      values += [Int32](repeating: -1, count: 256)
    }

    mutating func build() {
      var labels: [(byte: UInt8, first: Int)] = []
      // A node's texts are neighbours in the order, so a node is a range of them and a depth.
      var open: [(node: Int32, first: Int, end: Int, depth: Int)] = [(0, 0, entries.count, 0)]
      while let (node, first, end, depth) = open.popLast() {
        var index = first
        if index < end, entries[index].text.count == depth {
          values[Int(node)] = entries[index].value
          index += 1
        }
        labels.removeAll(keepingCapacity: true)
        while index < end {
          let text = entries[index].text
          let byte = text[text.startIndex + depth]
          if labels.last?.byte != byte { labels.append((byte, index)) }
          index += 1
        }
        if labels.isEmpty { continue }
        let base = place(labels)
        bases[Int(node)] = Int32(base)
        for label in labels { parents[base ^ Int(label.byte)] = node }
        for (place, label) in labels.enumerated() {
          open.append((Int32(base ^ Int(label.byte)), label.first, place + 1 < labels.count ? labels[place + 1].first : end, depth + 1))
        }
      }
    }

    /// A base from which every label leads to a free unit.
    private mutating func place(_ labels: [(byte: UInt8, first: Int)]) -> Int {
      let first = Int(labels[0].byte)
      var unit = firstFree
      var taken = 0
      while true {
        if unit >= parents.count { grow() }
        if parents[unit] == -1 {
          let base = unit ^ first
          if labels.allSatisfy({ parents[base ^ Int($0.byte)] == -1 }) {
            // Where nearly all is taken, later nodes begin to look behind it.
            if unit - firstFree >= 64, taken * 20 >= (unit - firstFree) * 19 { firstFree = unit }
            while firstFree < parents.count, parents[firstFree] != -1 { firstFree += 1 }
            return base
          }
        } else {
          taken += 1
        }
        unit += 1
      }
    }
  }
}
