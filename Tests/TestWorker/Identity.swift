import Glibc
import Sheaf

/// Gives every row back as it came, after a while; fails where it is told to.
struct Identity: Model {
  let name = "identity"
  let signature: Signature
  /// Microseconds.
  var busy: ClosedRange<UInt32>
  var width: Int
  var poison: Bool
  var crashes: Bool

  init(busy: ClosedRange<UInt32>, width: Int, poison: Bool, crashes: Bool) {
    (self.busy, self.width, self.poison, self.crashes) = (busy, width, poison, crashes)
    signature = Signature(inputs: [.rows("bytes", .uint8, [width])], outputs: [.rows("bytes", .uint8, [width])])
  }

  func makeContext() -> any RunContext { Context(model: self) }

  struct Poisoned: Error, CustomStringConvertible {
    var description: String { "a row begins with EE" }
  }

  final class Context: RunContext {
    let model: Identity
    init(model: Identity) { self.model = model }

    func run(_ batch: ModelBatch) throws {
      if model.busy.upperBound > 0 { usleep(.random(in: model.busy)) }
      let rows = batch.input(0)
      if model.poison || model.crashes {
        for row in 0..<batch.rows {
          let first = rows[row * model.width]
          if model.crashes { crash(first) }
          if model.poison, first == 0xee { throw Poisoned() }
        }
      }
      Timing.note(batch.rows)
      batch.output(0).copyMemory(from: rows)
    }
  }
}
