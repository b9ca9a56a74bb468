/// How large one run may be, for requests that are larger by themselves.
struct RunBounds: Equatable {
  var maxRows: Int
  /// Rows × length.
  var maxTokens: Int

  static let none = RunBounds(maxRows: .max, maxTokens: .max)

  /// The rows that each part of a request has at most; nil: it is run as a whole.
  func rowsOfPart(_ request: Request) -> Int? {
    let rows = Int(request.rows), length = max(1, Int(request.length))
    let most = max(1, min(maxRows, maxTokens / length))
    return most < rows ? most : nil
  }
}
