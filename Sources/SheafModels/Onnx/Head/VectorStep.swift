import Glibc

/// What is done to every vector of a matrix after the graph, as sentence-transformers' modules of these names do it.
enum VectorStep: Sendable, Hashable {
  /// Scaled to a Euclidean length of 1; a vector of zeros stays.
  case normalize
  case dense(Dense)
  case layerNorm(weight: [Float], bias: [Float])

  /// A linear layer, and a function of each number.
  struct Dense: Sendable, Hashable {
    /// [outputs, inputs], row by row.
    var weight: [Float]
    /// As many as outputs; empty: none.
    var bias: [Float]
    var inputs: Int
    var outputs: Int
    var activation: Activation
    /// What is added of the input: nothing, itself, or a projection [outputs, inputs].
    var residual: Residual = .none

    enum Residual: Sendable, Hashable {
      case none, itself
      case projected([Float])
    }
  }

  enum Activation: String, Sendable, CaseIterable {
    case identity = "Identity", tanh = "Tanh", relu = "ReLU", gelu = "GELU", sigmoid = "Sigmoid", silu = "SiLU"

    func callAsFunction(_ x: Float) -> Float {
      switch self {
      case .identity: x
      case .tanh: Glibc.tanhf(x)
      case .relu: max(0, x)
      case .gelu: 0.5 * x * (1 + erff(x / Float(2).squareRoot()))
      case .sigmoid: 1 / (1 + expf(-x))
      case .silu: x / (1 + expf(-x))
      }
    }
  }

  /// The width of a vector afterwards; `nil`: it does not take vectors of this width.
  func width(after width: Int) -> Int? {
    switch self {
    case .normalize: width
    case .dense(let dense): dense.inputs == width ? dense.outputs : nil
    case .layerNorm(let weight, _): weight.count == width ? width : nil
    }
  }

  /// - Precondition: `width(after:)` of the matrix's is not nil.
  func run(_ matrix: inout Matrix) {
    switch self {
    case .normalize: eachRow(&matrix) { vector in
      let scale = 1 / max(sum(vector) { $0 * $0 }.squareRoot(), 1e-12)
      for index in vector.indices { vector[index] *= scale }
    }
    case .layerNorm(let weight, let bias): eachRow(&matrix) { vector in
      let count = Float(vector.count), mean = sum(vector) { $0 } / count
      let scale = 1 / (sum(vector) { ($0 - mean) * ($0 - mean) } / count + 1e-5).squareRoot()
      for index in vector.indices { vector[index] = (vector[index] - mean) * scale * weight[index] + bias[index] }
    }
    case .dense(let dense): matrix = dense.run(matrix)
    }
  }

  private func sum(_ vector: UnsafeMutableBufferPointer<Float>, _ of: (Float) -> Float) -> Float {
    var total: Float = 0
    for value in vector { total += of(value) }
    return total
  }

  private func eachRow(_ matrix: inout Matrix, _ body: (UnsafeMutableBufferPointer<Float>) -> Void) {
    let (rows, width) = (matrix.rows, matrix.width)
    matrix.values.withUnsafeMutableBufferPointer { values in
      for row in 0..<rows { body(UnsafeMutableBufferPointer(rebasing: values[(row * width)..<((row + 1) * width)])) }
    }
  }
}

extension VectorStep.Dense {
  fileprivate func run(_ matrix: Matrix) -> Matrix {
    var result = Matrix(rows: matrix.rows, width: outputs)
    for row in 0..<matrix.rows {
      for output in 0..<outputs {
        var value = activation(product(weight, output, matrix, row) + (bias.isEmpty ? 0 : bias[output]))
        switch residual {
        case .none: break
        case .itself: value += matrix.values[row * inputs + output]
        case .projected(let projection): value += product(projection, output, matrix, row)
        }
        result.values[row * outputs + output] = value
      }
    }
    return result
  }

  private func product(_ weight: [Float], _ output: Int, _ matrix: Matrix, _ row: Int) -> Float {
    weight.withUnsafeBufferPointer { weight in
      matrix.values.withUnsafeBufferPointer { values in
        // Eight sums, so that a compiler can keep them in one register.
        var sums = SIMD8<Float>.zero
        var index = 0
        let (w, x) = (weight.baseAddress! + output * inputs, values.baseAddress! + row * inputs)
        while index + 8 <= inputs {
          sums += UnsafeRawPointer(w + index).loadUnaligned(as: SIMD8<Float>.self) * UnsafeRawPointer(x + index).loadUnaligned(as: SIMD8<Float>.self)
          index += 8
        }
        var total = sums.sum()
        while index < inputs {
          total += w[index] * x[index]
          index += 1
        }
        return total
      }
    }
  }
}
