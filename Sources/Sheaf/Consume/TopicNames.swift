import Synchronization

/// Names of topics by the index records carry.
final class TopicNames: Sendable {
  private let names = Mutex<[String]>([])

  func index(_ name: String) -> Int32 {
    names.withLock { names in
      if let known = names.firstIndex(of: name) { return Int32(known) }
      names.append(name)
      return Int32(names.count - 1)
    }
  }

  func name(_ index: Int32) -> String { names.withLock { $0[Int(index)] } }
}
