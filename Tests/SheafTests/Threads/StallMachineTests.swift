import Testing

@testable import Sheaf

@Suite struct StallMachineTests {
  @Test func whatGoesOnIsToldOfAtAQuarterAndStallsAtTheBound() {
    var machine = StallMachine(bound: 100)
    let first = machine.add(), second = machine.add()
    #expect(machine.deadline == nil)
    machine.begin(first, 1000)
    machine.begin(second, 1010)
    #expect(machine.deadline == 1025)
    var verdicts = machine.look(1024)
    #expect(verdicts.isEmpty)
    verdicts = machine.look(1025)
    #expect(verdicts == [.slow(first, since: 1000)])
    #expect(machine.told.map(\.place) == [first] && machine.deadline == 1035)
    let since = machine.end(second)
    #expect(since == nil && machine.deadline == 1100)
    verdicts = machine.look(1099)
    #expect(verdicts.isEmpty)
    verdicts = machine.look(1100)
    #expect(verdicts == [.stalled(first, since: 1000)])
    // Once: there is nothing more to wait for.
    #expect(machine.deadline == nil)
    verdicts = machine.look(2000)
    #expect(verdicts.isEmpty)
  }

  @Test func whatEndsHasNoDeadline() {
    var machine = StallMachine(bound: 100)
    let place = machine.add()
    for run in 0..<10 {
      let now = Nanoseconds(run) * 20
      machine.begin(place, now)
      let verdicts = machine.look(now + 19)
      #expect(verdicts.isEmpty)
      _ = machine.end(place)
      #expect(machine.deadline == nil)
    }
    machine.begin(place, 1000)
    _ = machine.look(1030)
    let since = machine.end(place)
    #expect(since == 1000 && machine.told.isEmpty)
  }

  @Test func anExcusedPlaceIsToldOfOnly() {
    var machine = StallMachine(bound: 100)
    let place = machine.add()
    machine.begin(place, 0)
    machine.excuse(place, true)
    var verdicts = machine.look(500)
    #expect(verdicts == [.slow(place, since: 0)] && machine.deadline == nil)
    machine.excuse(place, false)
    #expect(machine.deadline == 100)
    verdicts = machine.look(501)
    #expect(verdicts == [.stalled(place, since: 0)])
  }
}
