/// Sizes in classes, two an octave: 1, 2, 3, 4, 6, 8, 12, 16, 24, 32, … A class holds the sizes from the one below it, without it,
/// up to its own.
enum ShapeGrid {
  static let rowClasses = 28
  static let lengthClasses = 54
  static let cells = rowClasses * lengthClasses

  /// - Precondition: `size` is 1 or more.
  static func sizeClass(_ size: Int) -> Int {
    if size <= 2 { return max(0, size - 1) }
    let octave = Int.bitWidth - 1 - (size - 1).leadingZeroBitCount
    return 2 * octave + (2 * size > 3 << octave ? 1 : 0)
  }

  /// The largest size of a class.
  static func size(_ sizeClass: Int) -> Int {
    if sizeClass < 2 { return sizeClass + 1 }
    let octave = sizeClass / 2
    return sizeClass & 1 == 0 ? 3 << (octave - 1) : 2 << octave
  }

  static func cell(rows: Int, length: Int) -> Int {
    min(rowClasses - 1, sizeClass(rows)) * lengthClasses + min(lengthClasses - 1, sizeClass(length))
  }
}
