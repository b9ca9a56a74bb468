/// Requests of one group that wait for an adaptive batch.
final class AdaptiveLine<Payload>: GroupLine {
  let group: UInt64
  var waiting: WaitingSet<Payload>
  var passedOver: PassedOver
  /// Of this group.
  var arrivals = ArrivalRate()

  init(group: UInt64, window: Int, passedOverAtMost: Int) {
    self.group = group
    waiting = WaitingSet(window: window)
    passedOver = PassedOver(bound: passedOverAtMost)
  }

  var oldestArrival: Nanoseconds? { waiting.oldest.map { waiting.item($0).arrival } }
}
