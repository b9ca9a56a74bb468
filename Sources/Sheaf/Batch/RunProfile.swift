/// What runs of one model on one device cost: learned by warm-up and while a worker serves, kept on disk between them.
public struct RunProfile: Sendable {
  var model: CostModel

  public init() { model = CostModel() }
  init(_ model: CostModel) { self.model = model }

  /// - Parameter encoded: as `encoded` gave it; nil where it is of another version, or broken.
  public init?(encoded: [UInt8]) {
    guard let model = CostModel(decoding: encoded) else { return nil }
    self.model = model
  }

  public var encoded: [UInt8] { model.encode() }

  public var isEmpty: Bool { model.isEmpty }

  /// A run took so long. - Parameters: rows, length (the longest row): 1 and more; lanes: that ran at once, with it.
  public mutating func observe(rows: Int, length: Int, time: Nanoseconds, lanes: Int = 1) {
    model.observe(rows: rows, length: length, duration: time, lanes: lanes)
  }

  /// Runs of so many lanes at once were measured to take this much longer than one alone. - Parameter laneFactor: above 0.
  public mutating func set(laneFactor: Double, lanes: Int) { model.set(laneFactor: laneFactor, lanes: lanes) }

  /// What a run may be expected to take, in nanoseconds; nil: nothing was ever measured. - Parameter quantile: 0…1.
  public func time(rows: Int, length: Int, lanes: Int = 1, quantile: Double = 0.5) -> Double? {
    model.isEmpty ? nil : model.predict(rows: rows, length: length, lanes: lanes, quantile: quantile)
  }

  /// Whether runs about this shape were measured.
  public func knows(rows: Int, length: Int) -> Bool { model.familiarity(rows: rows, length: length) > 0 }

  /// What was measured, in classes of shapes: the largest of its class, and the runs remembered of it.
  public var measured: [(shape: BatchShape, runs: Int)] {
    model.cells.indices.filter { model.cells[$0].count > 0 }.map { index in
      let rows = ShapeGrid.size(index / ShapeGrid.lengthClasses), length = ShapeGrid.size(index % ShapeGrid.lengthClasses)
      return (BatchShape(rows: rows, length: length), model.cells[index].count)
    }
  }

  /// The law fitted through all shapes: nanoseconds of a run, of each row, of each token, and of each token for each of its row; nil:
  /// nothing was ever measured.
  public var law: SIMD4<Double>? { model.prior.map { $0.terms * model.scale } }

  /// How much longer runs of so many lanes at once take than one alone.
  public func laneFactor(_ lanes: Int) -> Double { model.laneFactor(lanes) }

  /// The largest batch measured.
  public var mostRows: Int { model.mostRows }
  public var mostTokens: Int { model.mostTokens }
}
