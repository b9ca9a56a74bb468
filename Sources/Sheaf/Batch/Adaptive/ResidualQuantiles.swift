import Glibc

/// How far runs miss their predicted median, as quantiles of log(time / predicted): a histogram that forgets.
struct ResidualQuantiles: Sendable {
  private static let low = -1.0, width = 0.04, bins = 128
  /// What is taken for granted before anything was seen, as weights.
  private var weights = [Float](repeating: 0, count: bins)
  private var total = 0.0
  /// A later residual weighs more, instead of all earlier ones less.
  private var step = 1.0
  private var untilCached = 0
  private var spread99 = 1.3, spread50 = 1.0
  /// Half the width of the middle two thirds, in logarithms.
  private(set) var sigma = 0.05

  init() {
    // Twenty runs of a device that is late by a tenth now and then.
    for (log, weight) in [(0.0, 16.0), (0.05, 2.0), (0.1, 1.2), (0.2, 0.6), (0.4, 0.2)] { add(log, weight: weight) }
    refresh()
  }

  mutating func add(_ residual: Double) {
    add(residual, weight: step)
    step *= 1.002
    if step > 1e6 {
      for index in weights.indices { weights[index] /= Float(step) }
      total /= step
      step = 1
    }
    untilCached -= 1
    if untilCached <= 0 { refresh() }
  }

  private mutating func add(_ residual: Double, weight: Double) {
    let bin = ((residual - ResidualQuantiles.low) / ResidualQuantiles.width).rounded()
    weights[bin.isFinite ? Int(max(0, min(Double(ResidualQuantiles.bins - 1), bin))) : ResidualQuantiles.bins - 1] += Float(weight)
    total += weight
  }

  private mutating func refresh() {
    untilCached = 16
    spread50 = exp(log(quantile: 0.5))
    spread99 = exp(log(quantile: 0.99))
    sigma = max(0.01, (log(quantile: 0.84) - log(quantile: 0.16)) / 2)
  }

  /// The factor on a predicted median that gives the quantile. - Parameter quantile: 0…1; 0.5 and 0.99 cost nothing.
  func factor(_ quantile: Double) -> Double {
    if quantile == 0.5 { return spread50 }
    if quantile == 0.99 { return spread99 }
    return exp(log(quantile: quantile))
  }

  private func log(quantile: Double) -> Double {
    var left = quantile * total
    for (index, weight) in weights.enumerated() {
      left -= Double(weight)
      if left <= 0 { return ResidualQuantiles.low + Double(index) * ResidualQuantiles.width }
    }
    return ResidualQuantiles.low + Double(ResidualQuantiles.bins - 1) * ResidualQuantiles.width
  }
}
