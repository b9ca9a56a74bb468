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

  /// What a run may be expected to take, in nanoseconds; nil: nothing was ever measured. - Parameter quantile: 0…1.
  public func time(rows: Int, length: Int, lanes: Int = 1, quantile: Double = 0.5) -> Double? {
    model.isEmpty ? nil : model.predict(rows: rows, length: length, lanes: lanes, quantile: quantile)
  }

  /// Whether runs about this shape were measured.
  public func knows(rows: Int, length: Int) -> Bool { model.familiarity(rows: rows, length: length) > 0 }

  /// The largest batch measured.
  public var mostRows: Int { model.mostRows }
  public var mostTokens: Int { model.mostTokens }
}
