import Glibc

/// What a run takes, in milliseconds.
struct Device {
  enum Law {
    /// a + b·rows.
    case affine(Double, Double)
    /// a + b·rows·longest.
    case tokens(Double, Double)
    /// a·ceil(rows / step), at least `floor`: full waves of a wide device.
    case steps(Double, step: Int, floor: Double)
    /// Times of MiniLM.
    case minilm
    /// As long as one of the most alike runs that were recorded.
    case recorded([Run])
  }

  struct Run {
    var rows, longest: Int
    /// Milliseconds.
    var time: Double

    /// How unlike a shape is: in octaves of both.
    func distance(_ rows: Int, _ longest: Int) -> Double {
      abs(log2(Double(rows) / Double(self.rows))) + abs(log2(Double(longest) / Double(self.longest)))
    }
  }

  var name: String
  var law: Law
  var lanes = 1
  /// Of the logarithm of a run's time.
  var noise = 0.02
  /// One run in so many takes five times as long; 0: none.
  var slowRun = 0
  /// What each further lane that runs adds to all runs' time, as a share.
  var contention = 0.0
  /// The latency target, milliseconds.
  var target: Double

  func time(rows: Int, longest: Int, running: Int) -> Double {
    let base =
      switch law {
      case .affine(let a, let b): a + b * Double(rows)
      case .tokens(let a, let b): a + b * Double(rows * longest)
      case .steps(let a, let step, let floor): max(floor, a * Double((rows + step - 1) / step))
      case .minilm: MiniLM.time(rows: rows, length: longest)
      case .recorded(let runs): runs.min { $0.distance(rows, longest) < $1.distance(rows, longest) }!.time
      }
    return base * (1 + contention * Double(running - 1))
  }

  func sample(rows: Int, longest: Int, running: Int, _ random: inout SeededGenerator) -> Double {
    if case .recorded(let runs) = law {
      let alike = runs.sorted { $0.distance(rows, longest) < $1.distance(rows, longest) }.prefix(8)
      return alike.randomElement(using: &random)!.time
    }
    var time = time(rows: rows, longest: longest, running: running) * exp(noise * random.normal())
    if slowRun > 0, Int.random(in: 0..<slowRun, using: &random) == 0 { time *= 5 }
    return time
  }
}

/// all-MiniLM-L6-v2 (float32) on ONNX Runtime 1.32, CPU provider, one thread: median processor time of 5 runs (3 where rows × length is
/// above 1,024), in microseconds, measured 2026-11-24 on a shared AMD EPYC virtual machine. 0: not measured.
enum MiniLM {
  static let rows = [1, 2, 4, 8, 16, 32, 64]
  static let lengths = [4, 8, 16, 32, 64, 128, 256]
  static let microseconds: [[Double]] = [
    [3790, 4280, 5991, 9449, 16341, 31538, 65858],
    [4913, 5835, 9599, 16233, 30865, 61819, 135737],
    [6103, 9230, 16079, 30103, 59279, 123725, 277234],
    [9868, 16767, 30771, 59800, 121639, 257321, 663231],
    [16210, 29851, 56992, 114839, 270555, 669724, 1545414],
    [30329, 58590, 115172, 229686, 518136, 1234299, 0],
    [58567, 115426, 231615, 522711, 1183217, 0, 0],
  ]

  /// Between points, straight in both logarithms; beyond them, on by the tokens from the nearest. Milliseconds.
  static func time(rows: Int, length: Int) -> Double {
    var row = min(rowTable.count - 2, max(0, Int.bitWidth - 1 - rows.leadingZeroBitCount))
    var column = min(lengths.count - 2, max(0, Int.bitWidth - 1 - max(4, length).leadingZeroBitCount - 2))
    while rowTable[row + 1][column + 1] == 0 { if row > 0 { row -= 1 } else { column -= 1 } }
    let x = log2(Double(rows)) - Double(row)
    let y = log2(Double(max(1, length))) - 2 - Double(column)
    let table = rowTable
    return exp2((table[row][column] * (1 - x) + table[row + 1][column] * x) * (1 - y) + (table[row][column + 1] * (1 - x) + table[row + 1][column + 1] * x) * y)
  }

  private static let rowTable: [[Double]] = microseconds.map { $0.map { $0 == 0 ? 0 : log2($0 / 1000) } }
}
