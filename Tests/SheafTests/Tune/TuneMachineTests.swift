import SheafTesting
import Testing

@testable import Sheaf

/// Machines that cost what a law says, and a tune of them in time that is counted, not passed.
struct SyntheticMachine: Sendable {
  /// Milliseconds of one run.
  var law: @Sendable (_ layout: LaneLayout, _ rows: Int, _ length: Int) -> Double
  /// The share by which single rounds are off at most, and how often one is four times as long.
  var noise = 0.0
  var outliers = 0.0
  var layouts = [LaneLayout(lanes: 2, threads: 1), LaneLayout(lanes: 1, threads: 2), LaneLayout(lanes: 1, threads: 1)]

  /// - Returns: the machine when nothing more was wanted, the order of cells, and the seconds spent.
  func tune(budget: Double, target: Double, maxRows: Int = 256, longest: Int = 128, length: Int = 32, seed: UInt64 = 1, from given: TuneMachine? = nil) -> (tuned: TuneMachine, order: [TuneCell], seconds: Double) {
    let shapes = TuneMachine.shapes(maxRows: maxRows, longest: longest, maxTokens: 8192, length: length, isPadded: true)
    var tuned = given ?? TuneMachine(layouts: layouts, shapes: shapes, length: length, target: Nanoseconds(target * 1e6))
    var generator = SeededGenerator(seed: seed), spent = 0.0, order: [TuneCell] = []
    while let cell = tuned.next(left: Nanoseconds(max(0, budget * 1e9 - spent))) {
      var time = law(cell.layout, cell.shape.rows, cell.shape.length) * 1e6
      let isFirst = tuned.rounds[cell] == nil
      if noise > 0 { time *= 1 + Double.random(in: -noise...noise, using: &generator) }
      if outliers > 0, Double.random(in: 0..<1, using: &generator) < outliers { time *= 4 }
      spent += max(time, 20e6) + (isFirst ? time : 0)
      order.append(cell)
      tuned.record(cell, Nanoseconds(time))
    }
    return (tuned, order, spent / 1e9)
  }
}

/// A device with a cost of each run: 8 ms, and 1 ms a row of 32 tokens; two lanes halve nothing, two threads save a fifth.
private let device = SyntheticMachine { layout, rows, length in
  (8 + Double(rows * length) / 32) * (layout.threads == 2 ? 0.8 : 1) * (layout.lanes == 2 ? 2 : 1)
}

/// Processors: next to nothing for a run, 2 ms a row of 32 tokens; lanes scale by 1.9, threads by 1.3.
private let processors = SyntheticMachine { layout, rows, length in
  (0.2 + 2 * Double(rows * length) / 32) / (layout.threads == 2 ? 1.3 : 1) * (layout.lanes == 2 ? 2 / 1.9 : 1)
}

@Suite struct TuneMachineTests {
  @Test func layoutsShareTheProcessorsOut() {
    func layouts(_ processors: Int) -> [String] { LaneLayout.ofProcessor(processors).map(\.description) }
    #expect(layouts(1) == ["1×1"])
    #expect(layouts(2) == ["2×1", "1×2", "1×1"])
    #expect(layouts(4) == ["4×1", "2×2", "1×4", "1×1"])
    #expect(layouts(6) == ["6×1", "3×2", "1×4", "1×6", "1×1"])
    #expect(layouts(64) == ["64×1", "16×4", "4×16", "1×64", "1×1"])
  }

  @Test func shapesHaveTheFrontiersLengthAndNoTinyOnes() {
    let shapes = TuneMachine.shapes(maxRows: 64, longest: 128, maxTokens: 2048, length: 24, isPadded: true)
    #expect(shapes.count == Set(shapes).count)
    #expect(Set(shapes.map(\.length)) == [8, 16, 24, 32, 64, 128])
    #expect(shapes.filter { $0.length == 24 }.map(\.rows).sorted() == [1, 2, 4, 8, 16, 32, 64])
    #expect(shapes.allSatisfy { $0.rows * $0.length <= 2048 })
    #expect(Set(TuneMachine.shapes(maxRows: 8, longest: 4, maxTokens: 100, length: 4, isPadded: true).map(\.length)) == [4])
    #expect(Set(TuneMachine.shapes(maxRows: 8, longest: 1, maxTokens: 4096, length: 1, isPadded: false)) == Set([1, 2, 4, 8].map { .init(rows: $0, length: 1) }))
  }

  /// Kleinrock's knee of a + b·rows is at a / b rows, whatever the lanes.
  @Test func theKneeOfAnAffineLawIsWhereARowsCostsAreHalf() throws {
    let (tuned, _, _) = device.tune(budget: 600, target: 1000)
    let knee = try #require(Frontier(tuned.pointsAtLength).knee)
    #expect(knee.rows == 8)
    #expect(knee.layout == LaneLayout(lanes: 1, threads: 2))
    #expect(abs(knee.time - 0.8 * 16e6) < 1e3 && abs(knee.latency - 2 * knee.time) < 1e-3 && abs(knee.throughput - 625) < 0.1)
  }

  @Test(arguments: 1...8) func lanesWinWhereTheyScaleAndThreadsDoNot(_ seed: Int) throws {
    var machine = processors
    machine.noise = 0.08
    machine.outliers = 0.1
    let (tuned, _, seconds) = machine.tune(budget: 60, target: 100, seed: UInt64(seed))
    #expect(seconds <= 60)
    let recommended = try #require(Recommendation(tuned, longest: 128))
    #expect(recommended.point.layout == LaneLayout(lanes: 2, threads: 1) && !recommended.missesTarget)
    // A run costs next to nothing, so all of some rows are as good; 32 take 68 ms, and with half of that to wait 100 ms hold no more.
    let cell = recommended.point.cell
    #expect((2...32).contains(cell.shape.rows) && abs(recommended.point.time / 1e6 / processors.law(cell.layout, cell.shape.rows, 32) - 1) < 0.2)
    #expect(recommended.maxTokens >= 512 && recommended.maxTokens <= 1024)
    // What would run for longer than twice the target was left alone; what is foretold from few runs is off by a doubling at most.
    #expect(tuned.points.allSatisfy { processors.law($0.layout, $0.rows, $0.cell.shape.length) < 600 })
  }

  @Test func threadsWinWhereLanesDoNotScale() throws {
    let (tuned, _, _) = device.tune(budget: 600, target: 100)
    let recommended = try #require(Recommendation(tuned, longest: 128))
    // One lane: 0.8 × (8 + rows) ms, twice within 100 ms: 32 rows take 32 ms, 64 take 58.
    #expect(recommended.point.layout == LaneLayout(lanes: 1, threads: 2) && recommended.point.rows == 32)
    // Short texts: 128 of 8 tokens take 32 ms.
    #expect(recommended.maxRows == 128)
  }

  @Test func aTargetThatCannotBeMetIsSaid() throws {
    let (tuned, _, _) = device.tune(budget: 600, target: 5)
    let recommended = try #require(Recommendation(tuned, longest: 128))
    #expect(recommended.missesTarget && recommended.point.rows == 1)
    #expect(recommended.maxTokens == 128)
    #expect(Recommendation(TuneMachine(layouts: [], shapes: [], length: 1, target: 1), longest: 1) == nil)
  }

  /// Whatever the budget: it is kept to (one round's bound over it at most), the frontier's shapes come first, and no cell is two rounds
  /// ahead of another that is as wanted.
  @Test(arguments: [0.1, 0.5, 2, 8, 30]) func budgetsAreKept(_ budget: Double) {
    let (tuned, order, seconds) = processors.tune(budget: budget, target: 100)
    #expect(seconds <= budget + 0.1)
    #expect(order.first == TuneCell(LaneLayout(lanes: 2, threads: 1), .init(rows: 1, length: 32)))
    let first = order.firstIndex { $0.shape.length != 32 } ?? order.count
    #expect(order.prefix(first).allSatisfy { $0.shape.length == 32 })
    if first < order.count { #expect(order.prefix(first).filter { $0 == order[0] }.count == 2) }
    #expect(Frontier(tuned.pointsAtLength).knee != nil)
  }

  @Test func roundsAreInterleaved() {
    let (tuned, order, _) = processors.tune(budget: 1000, target: 100)
    #expect(order.count == tuned.points.count * TuneMachine.enough)
    #expect(tuned.progress == (order.count, order.count))
    for (index, cell) in order.enumerated().dropFirst() { #expect(cell != order[index - 1]) }
  }

  /// What was measured is not measured again.
  @Test func anInterruptedTuneGoesOn() {
    let whole = processors.tune(budget: 1000, target: 100)
    let part = processors.tune(budget: 5, target: 100)
    let rest = processors.tune(budget: 1000, target: 100, from: part.tuned)
    #expect(part.order.count > 20 && part.order.count + rest.order.count == whole.order.count)
    #expect(rest.tuned.rounds == whole.tuned.rounds)
    #expect(processors.tune(budget: 1000, target: 100, from: whole.tuned).order.isEmpty)
  }

  @Test func whatFailsIsNotTriedAgainNorWhatIsLarger() {
    let shapes = TuneMachine.shapes(maxRows: 8, longest: 16, maxTokens: 8192, length: 16, isPadded: true)
    var tuned = TuneMachine(layouts: processors.layouts, shapes: shapes, length: 16, target: 1_000_000_000)
    var tried: [TuneCell] = []
    while let cell = tuned.next(left: 1 << 40) {
      tried.append(cell)
      if cell.shape.rows * cell.shape.length >= 64, cell.layout.threads == 1 { tuned.fail(cell) } else { tuned.record(cell, 1_000_000) }
    }
    let failing = tried.filter { $0.shape.rows * $0.shape.length >= 64 && $0.layout.threads == 1 }
    #expect(failing.count == 2 && Set(failing.map(\.shape)) == [.init(rows: 4, length: 16), .init(rows: 8, length: 8)])
    #expect(tried.contains { $0.layout.threads == 2 && $0.shape == .init(rows: 8, length: 16) })
  }

  /// The profile says what was measured, of one lane and of all at once; what lanes cost each other does not pass for a slower device.
  @Test func profilesLearnWhatWasMeasured() throws {
    var machine = processors
    machine.law = { layout, rows, length in (0.2 + 2 * Double(rows * length) / 32) * (layout.lanes == 2 ? 1.6 : 1) }
    machine.noise = 0.03
    let (tuned, _, _) = machine.tune(budget: 1000, target: 100)
    var profile = RunProfile()
    tuned.teach(&profile, threads: 1)
    #expect(abs(profile.laneFactor(2) - 1.6) < 0.1)
    let stored = try #require(RunProfile(encoded: profile.encoded))
    for point in tuned.points where point.layout.threads == 1 {
      let time = try #require(stored.time(rows: point.rows, length: point.cell.shape.length, lanes: point.layout.lanes))
      #expect(abs(time / point.time - 1) < 0.15, "\(point.cell): \(time) for \(point.time)")
    }
    #expect(profile.measured.count == Set(tuned.points.filter { $0.layout.threads == 1 }.map(\.cell.shape)).count)
  }
}

@Suite struct FrontierTests {
  private func point(_ milliseconds: Double, rows: Int, lanes: Int = 1) -> OperatingPoint {
    OperatingPoint(TuneCell(LaneLayout(lanes: lanes, threads: 1), .init(rows: rows, length: 1)), time: milliseconds * 1e6)
  }

  @Test func pointsThatAnotherBeatsAreLeftOut() {
    let kept = [point(1, rows: 1), point(4, rows: 8), point(10, rows: 30)]
    // Slower and no better; as quick and worse; better by less than noise.
    let beaten = [point(2, rows: 2), point(4, rows: 7), point(10.001, rows: 30), point(3, rows: 3)]
    #expect(Frontier((kept + beaten).shuffled()).points == kept)
    #expect(Frontier([]).points.isEmpty && Frontier([]).knee == nil)
  }

  @Test func latencyIsTheRunAndTheWaitForALane() {
    #expect(point(10, rows: 4).latency == 20e6 && point(10, rows: 4).throughput == 400)
    #expect(point(10, rows: 4, lanes: 4).latency == 12.5e6 && point(10, rows: 4, lanes: 4).throughput == 1600)
  }

  @Test(arguments: 1...50) func noPointBeatsOneOfTheFrontier(_ seed: UInt64) {
    var generator = SeededGenerator(seed: seed)
    let all = (0..<30).map { _ in point(.random(in: 0.1...100, using: &generator), rows: .random(in: 1...64, using: &generator), lanes: .random(in: 1...4, using: &generator)) }
    let frontier = Frontier(all, gain: 0)
    for kept in frontier.points { #expect(!all.contains { $0.latency < kept.latency && $0.throughput >= kept.throughput }) }
    for other in all where !frontier.points.contains(other) {
      #expect(frontier.points.contains { $0.latency <= other.latency && $0.throughput >= other.throughput })
    }
    // The greatest power of all points is on it.
    #expect(frontier.knee.map { $0.throughput / $0.latency } == all.map { $0.throughput / $0.latency }.max())
  }
}

/// The thin part: lanes begin together, each on a context and a thread of its own.
@Suite struct LaneBenchTests {
  @Test func everyLaneRunsTheShape() throws {
    let model = CountingModel()
    let bench = try LaneBench(model, lanes: 3)
    let time = try bench.round(.init(rows: 4, length: 7), span: 0, discarding: true)
    #expect(time > 0)
    let runs = model.runs.locked { model.seen }
    #expect(runs.count == 6 && runs.allSatisfy { $0 == [4, 7] })
    _ = try bench.round(.init(rows: 1, length: 2), span: 0, discarding: false)
    #expect(model.runs.locked { model.seen.count } == 9)
  }

  @Test func aLaneThatFailsFailsTheRound() throws {
    let bench = try LaneBench(CountingModel(failsAt: 5), lanes: 2)
    _ = try bench.round(.init(rows: 4, length: 1), discarding: true)
    #expect(throws: ModelOutOfMemory.self) { try bench.round(.init(rows: 5, length: 1), discarding: true) }
    #expect(throws: ModelOutOfMemory.self) { try bench.round(.init(rows: 5, length: 1), discarding: false) }
  }

  private final class CountingModel: Model, @unchecked Sendable {  // `seen` is protected by `runs`.
    let name = "counting", failsAt: Int
    let signature = Signature(
      inputs: [TensorSpec("ids", .int64, [.symbolic("batch"), .symbolic("length")], padAxis: 1)], outputs: [.rows("y", .float32, [1])])
    let runs = Monitor()
    var seen: [[Int]] = []

    init(failsAt: Int = .max) { self.failsAt = failsAt }

    func makeContext() -> any RunContext { Context(self) }

    final class Context: RunContext {
      let model: CountingModel
      init(_ model: CountingModel) { self.model = model }
      func run(_ batch: ModelBatch) throws {
        if batch.rows >= model.failsAt { throw ModelOutOfMemory("too large") }
        model.runs.locked { model.seen.append(batch.inputShape(0)) }
      }
    }
  }
}
