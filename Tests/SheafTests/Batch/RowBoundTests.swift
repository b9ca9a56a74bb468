import Testing

@testable import Sheaf

@Suite struct RowBoundTests {
  @Test func isHalvedAndGrowsBack() {
    var bound = RowBound()
    bound.ranFull(limit: 64)
    #expect(bound.rows == nil)
    bound.exhausted(64)
    bound.exhausted(64)  // Another lane, with a batch formed before.
    #expect(bound.rows == 32)
    for _ in 0..<7 { bound.ranFull(limit: 64) }
    #expect(bound.rows == 32)
    var rows: [Int] = []
    for _ in 0..<100 where bound.rows != nil {
      bound.ranFull(limit: 64)
      if let rows = bound.rows, rows == 1 { Issue.record("fell") }
      if rows.last != bound.rows { rows.append(bound.rows ?? 64) }
    }
    #expect(rows == [36, 40, 45, 50, 56, 63, 64])
  }

  /// Memory for 20 rows, whatever is asked for: the bound stays near, and batches that fail become rare.
  @Test func staysAtTheEdge() {
    var bound = RowBound(), failures: [Int] = []
    for batch in 0..<10_000 {
      let rows = bound.rows ?? 64
      if rows > 20 {
        bound.exhausted(rows)
        failures.append(batch)
      } else {
        bound.ranFull(limit: 64)
      }
    }
    #expect(bound.rows == 19 || bound.rows == 20)
    #expect(failures.count <= 13, "\(failures)")
  }

  @Test func oneRowIsTheLeast() {
    var bound = RowBound()
    for rows in [64, 32, 16, 8, 4, 2, 1, 1] { bound.exhausted(rows) }
    #expect(bound.rows == 1)
  }
}
