import Glibc
import SheafTesting

/// Produces the requests on a thread of its own, so many ahead of what is committed, so that workers never run out of them.
final class Sender: Sendable {
  struct State {
    var sent = 0
    var committed = 0
    var isDone = false
    var failure: String?
  }
  let state = Locked(State())

  init(_ requests: Requests, to bootstrap: String, topic: String, count: Int, lead: Int) {
    let state = state
    pthread_detach(startThread {
      do {
        let producer = try TestProducer(bootstrap: bootstrap, properties: ["message.timeout.ms": "300000", "linger.ms": "20"])
        var next = 0
        while next < count {
          let allowed = min(count, state.withLock { $0.committed } + lead)
          // A test's pace: nobody waits for this.
          if next == allowed { usleep(20_000) }
          while next < allowed {
            try producer.send(topic, requests.record(next))
            next += 1
            if next % 256 == 0 { break }
          }
          state.withLock { $0.sent = next }
        }
        try producer.flush(seconds: 120)
        state.withLock { $0.isDone = true }
      } catch {
        state.withLock { $0.failure = "the requests could not be produced: \(error)" }
      }
    })
  }
}
