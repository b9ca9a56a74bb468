import Sheaf

/// Gives every row back as it came: uint8[width].
struct IdentityModel: Model {
  let name = "identity"
  var signature: Signature
  /// Called before every run with its rows; may sleep, or throw.
  var onRun: @Sendable (ModelBatch) throws -> Void = { _ in }

  init(width: Int = 256, onRun: @escaping @Sendable (ModelBatch) throws -> Void = { _ in }) {
    signature = Signature(inputs: [.rows("bytes", .uint8, [width])], outputs: [.rows("bytes", .uint8, [width])])
    self.onRun = onRun
  }

  func makeContext() -> any RunContext { Context(onRun: onRun) }

  final class Context: RunContext {
    let onRun: @Sendable (ModelBatch) throws -> Void
    init(onRun: @escaping @Sendable (ModelBatch) throws -> Void) { self.onRun = onRun }

    func run(_ batch: ModelBatch) throws {
      try onRun(batch)
      batch.output(0).copyMemory(from: batch.input(0))
    }
  }
}
