/// How large a batch is: its rows, and how long its longest row is.
public struct BatchShape: Sendable, Hashable {
  /// 1 and more.
  public var rows: Int
  /// Along the pad axis; where nothing is padded, what a row's open axes multiply to. 1 and more.
  public var length: Int

  public init(rows: Int, length: Int) {
    self.rows = rows
    self.length = length
  }
}
