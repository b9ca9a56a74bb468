import Glibc
import SheafTesting
import Testing

@testable import Sheaf

@Suite struct CostModelTests {
  /// 2 ms + 0.1 ms a row + 10 µs a token.
  private func time(_ rows: Int, _ length: Int) -> Double { 2e6 + 1e5 * Double(rows) + 1e4 * Double(rows * length) }

  private func trained(_ runs: Int = 400, seed: UInt64 = 1, noise: Double = 0.05, by factor: Double = 1, into model: CostModel = CostModel()) -> CostModel {
    var model = model
    var random = SeededGenerator(seed: seed)
    for _ in 0..<runs {
      let rows = 1 << Int.random(in: 0...5, using: &random), length = Int.random(in: 4...128, using: &random)
      let late = 1 + noise * Double.random(in: -1...1, using: &random)
      model.observe(rows: rows, length: length, duration: Nanoseconds(time(rows, length) * late * factor))
    }
    return model
  }

  private func error(_ model: CostModel, _ rows: Int, _ length: Int, by factor: Double = 1) -> Double {
    abs(model.predict(rows: rows, length: length) / (time(rows, length) * factor) - 1)
  }

  @Test func classesTile() {
    var last = 0
    for size in 1...100_000 {
      let sizeClass = ShapeGrid.sizeClass(size)
      #expect(sizeClass == last || sizeClass == last + 1)
      #expect(size <= ShapeGrid.size(sizeClass) && (sizeClass == 0 || size > ShapeGrid.size(sizeClass - 1)))
      last = sizeClass
    }
    var bucket = 0
    for length in 1...100_000 {
      let now = LengthBuckets.bucket(length)
      #expect(now == bucket || now == bucket + 1)
      #expect(length <= LengthBuckets.longest(now) && (now == 0 || length > LengthBuckets.longest(now - 1)))
      bucket = now
    }
  }

  @Test func aNewModelKnowsNothing() {
    #expect(CostModel().predict(rows: 1, length: 1) == 0)
    #expect(CostModel().isEmpty)
  }

  @Test func itLearnsAndInterpolates() {
    let model = trained()
    for rows in [1, 2, 4, 8, 16, 32] { for length in [8, 20, 60, 128] { #expect(error(model, rows, length) < 0.12, "\(rows) × \(length)") } }
    // Between the sizes that were run, and beyond them.
    for (rows, length) in [(3, 30), (12, 70), (24, 100), (48, 64), (64, 128), (8, 200)] { #expect(error(model, rows, length) < 0.2, "\(rows) × \(length)") }
  }

  @Test func aLoneSlowFirstRunIsNotBelieved() {
    var model = CostModel()
    for rows in [32, 16, 8, 4, 2, 1] { model.observe(rows: rows, length: 64, duration: Nanoseconds(time(rows, 64) * (rows == 32 ? 30 : 1))) }
    #expect(error(model, 32, 64) < 0.35)
    for _ in 0..<3 { model.observe(rows: 32, length: 64, duration: Nanoseconds(time(32, 64))) }
    #expect(error(model, 32, 64) < 0.1)
  }

  /// A neighbour takes half of the device: a dozen runs of a few shapes tell for all.
  @Test func throttlingIsNoticedByAllShapes() {
    let before = trained()
    var model = before
    for index in 0..<16 { model.observe(rows: [4, 8][index & 1], length: 40, duration: Nanoseconds(time([4, 8][index & 1], 40) * 2)) }
    #expect(model.changes == before.changes + 1)
    #expect(error(model, 32, 120, by: 2) < 0.2)
    for index in 0..<16 { model.observe(rows: [4, 8][index & 1], length: 40, duration: Nanoseconds(time([4, 8][index & 1], 40))) }
    #expect(error(model, 32, 120) < 0.2)
  }

  /// Twice the time twice in a row is enough where runs stray little; a lone slow run is not.
  @Test func aLargeChangeIsNoticedAtOnce() {
    var model = trained()
    let before = model.changes
    model.observe(rows: 8, length: 40, duration: Nanoseconds(time(8, 40) * 2))
    model.observe(rows: 8, length: 40, duration: Nanoseconds(time(8, 40)))
    #expect(model.changes == before)
    for _ in 0..<2 { model.observe(rows: 8, length: 40, duration: Nanoseconds(time(8, 40) * 2)) }
    #expect(model.changes == before + 1)
    #expect(error(model, 32, 120, by: 2) < 0.2)
  }

  @Test func noiseIsNoChange() { #expect(trained(3000, noise: 0.4).changes == 0) }

  @Test func slowDriftCarriesShapesThatAreNotRun() {
    var model = trained()
    for index in 0..<2000 {
      let factor = 1 + 0.5 * Double(index) / 2000
      model.observe(rows: 4, length: 40, duration: Nanoseconds(time(4, 40) * factor))
    }
    #expect(error(model, 32, 120, by: 1.5) < 0.15)
  }

  @Test func quantilesFollowTheTail() {
    var model = CostModel()
    var random = SeededGenerator(seed: 3)
    // One run in 20 takes three times as long.
    for _ in 0..<3000 {
      let rows = Int.random(in: 1...32, using: &random)
      model.observe(rows: rows, length: 16, duration: Nanoseconds(time(rows, 16) * (Int.random(in: 0..<20, using: &random) == 0 ? 3 : 1)))
    }
    #expect(error(model, 16, 16) < 0.1)
    let ratio = model.predict(rows: 16, length: 16, quantile: 0.99) / model.predict(rows: 16, length: 16)
    #expect(ratio > 2.6 && ratio < 3.5)
    #expect(model.predict(rows: 16, length: 16, quantile: 0.9) < 1.3 * model.predict(rows: 16, length: 16))
  }

  @Test func lanesCostEachOther() {
    var model = trained()
    var random = SeededGenerator(seed: 4)
    for _ in 0..<600 {
      let rows = 1 << Int.random(in: 0...5, using: &random), lanes = Int.random(in: 1...2, using: &random)
      model.observe(rows: rows, length: 40, duration: Nanoseconds(time(rows, 40) * (lanes == 2 ? 1.5 : 1)), lanes: lanes)
    }
    let ratio = model.predict(rows: 8, length: 40, lanes: 2) / model.predict(rows: 8, length: 40)
    #expect(ratio > 1.3 && ratio < 1.7)
  }

  /// More is never cheaper by the prior, whatever was observed.
  @Test(arguments: 0..<20) func thePriorIsMonotone(seed: UInt64) {
    var random = SeededGenerator(seed: seed)
    var model = CostModel()
    for _ in 0..<200 {
      model.observe(
        rows: .random(in: 1...64, using: &random), length: .random(in: 1...512, using: &random), duration: .random(in: 1...1_000_000_000, using: &random))
    }
    let prior = model.prior!
    #expect(prior.terms.min() >= 0)
    for rows in 1...64 { #expect(prior.time(rows: Double(rows + 1), length: 9) >= prior.time(rows: Double(rows), length: 9)) }
    #expect(model.predict(rows: 1000, length: 4000).isFinite)
  }

  @Test func aProfileIsReadBack() throws {
    let model = trained()
    let read = try #require(CostModel(decoding: model.encode()))
    for rows in [1, 7, 32, 64] { for length in [4, 50, 200] {
      #expect(abs(read.predict(rows: rows, length: length) / model.predict(rows: rows, length: length) - 1) < 0.2)
    } }
    #expect(read.mostRows == 32)
    // And goes on learning.
    #expect(error(trained(200, seed: 9, by: 3, into: read), 16, 60, by: 3) < 0.15)
    #expect(try #require(CostModel(decoding: CostModel().encode())).isEmpty)
  }

  @Test func brokenProfilesAreRefusedAndHarmless() {
    let bytes = trained().encode()
    #expect(CostModel(decoding: []) == nil)
    for length in stride(from: 0, to: bytes.count, by: 7) { #expect(CostModel(decoding: Array(bytes.prefix(length))) == nil) }
    #expect(CostModel(decoding: bytes + [0]) == nil)
    var random = SeededGenerator(seed: 5)
    for _ in 0..<2000 {
      var broken = bytes
      broken[Int.random(in: 0..<bytes.count, using: &random)] ^= UInt8.random(in: 1...255, using: &random)
      #expect(CostModel(decoding: broken) == nil)
    }
  }

  @Test func arrivalsAreCountedAndABurstIsAMoment() {
    var rate = ArrivalRate()
    var random = SeededGenerator(seed: 6)
    var now = 5e9
    func arrive(until end: Double, perSecond: Double) {
      while true {
        let next = now - log(Double.random(in: 1e-9..<1, using: &random)) / perSecond * 1e9
        if next > end { now = end; return }
        now = next
        rate.add(rows: 1, now: Nanoseconds(now))
      }
    }
    #expect(rate.perSecond(0) == 0)
    arrive(until: 9e9, perSecond: 400)
    #expect(abs(rate.perSecond(9_000_000_000) / 400 - 1) < 0.15)
    // A thousand at once, a moment later.
    for _ in 0..<1000 { rate.add(rows: 1, now: 9_010_000_000) }
    arrive(until: 9.2e9, perSecond: 400)
    #expect(rate.perSecond(9_200_000_000) < 600)
    arrive(until: 14e9, perSecond: 3)
    #expect(rate.perSecond(14_000_000_000) < 16)
    arrive(until: 40e9, perSecond: 3)
    #expect(abs(rate.perSecond(40_000_000_000) / 3 - 1) < 0.5)
  }
}
