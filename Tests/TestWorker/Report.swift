import Glibc
import Sheaf
import Synchronization

/// Records that librdkafka has fetched from the brokers, read from its statistics.
final class Fetched: Sendable {
  let count = Atomic(0)

  @Sendable func read(_ json: String) {
    // The client's total is the last field of that name.
    guard let field = json.split(separator: "\"rxmsgs\":").last else { return }
    count.store(Int(field.prefix { $0.isNumber }) ?? 0, ordering: .relaxed)
  }
}

/// Appends a line of counts to a file each 100 ms.
func report(_ worker: Worker, _ fetched: Fetched, to path: String) {
  let descriptor = open(path, O_WRONLY | O_CREAT | O_APPEND, 0o644)
  let state = Unmanaged.passRetained(Reporting(worker: worker, fetched: fetched, descriptor: descriptor)).toOpaque()
  var thread = pthread_t()
  pthread_create(&thread, nil, reportMain, state)
}

private final class Reporting: Sendable {
  let worker: Worker, fetched: Fetched, descriptor: Int32
  init(worker: Worker, fetched: Fetched, descriptor: Int32) {
    self.worker = worker
    self.fetched = fetched
    self.descriptor = descriptor
  }
}

private func reportMain(_ state: UnsafeMutableRawPointer?) -> UnsafeMutableRawPointer? {
  let reporting = Unmanaged<Reporting>.fromOpaque(state!).takeRetainedValue()
  while true {
    let status = reporting.worker.status
    var line = "\(status.recordsInside) \(status.bytesInside) \(status.recordsTaken) \(status.recordsSettled) \(reporting.fetched.count.load(ordering: .relaxed))\n"
    line.withUTF8 { _ = write(reporting.descriptor, $0.baseAddress, $0.count) }
    usleep(100_000)
  }
}
