import Glibc
import SheafTesting
import Testing

@testable import Sheaf

@Suite struct SystemFileTests {
  @Test func throttlingOfBothVersions() throws {
    let two = "usage_usec 900\nuser_usec 500\nsystem_usec 400\nnr_periods 40\nnr_throttled 10\nthrottled_usec 2500\nnr_bursts 0\nburst_usec 0\n"
    #expect(Throttling(two) == Throttling(periods: 40, throttled: 10, time: 2_500_000))
    #expect(Throttling("nr_periods 3\nnr_throttled 1\nthrottled_time 700\n") == Throttling(periods: 3, throttled: 1, time: 700))
    // A group without a quota, and what is none of these files.
    for text in ["nr_periods 0\nnr_throttled 0\nthrottled_time 0\n", "usage_usec 900\n", "", "nr_periods x\nnr_throttled y\n"] { #expect(Throttling(text) == nil) }
  }

  @Test func throttledShareSince() {
    let before = Throttling(periods: 100, throttled: 40, time: 0)
    #expect(Throttling(periods: 110, throttled: 45, time: 0).share(since: before) == 0.5)
    #expect(before.share(since: before) == nil)
    // Counters that begin again.
    #expect(Throttling(periods: 5, throttled: 5, time: 0).share(since: before) == nil)
  }

  @Test func memoryOfBothVersions() {
    #expect(MemoryUse(current: "1000\n", limit: "4000\n", stat: "anon 500\ninactive_file 200\nactive_file 100\n") == MemoryUse(used: 700, limit: 4000))
    #expect(MemoryUse(current: "1000\n", limit: "max\n", stat: nil) == MemoryUse(used: 1000, limit: nil))
    // Version 1: no limit is the largest number; the group's own cache is not that of the groups inside it.
    let one = "cache 10\ninactive_file 1\nactive_file 2\ntotal_inactive_file 300\ntotal_active_file 100\n"
    #expect(MemoryUse(current: "1000\n", limit: "9223372036854771712\n", stat: one) == MemoryUse(used: 600, limit: nil))
    #expect(MemoryUse(current: "", limit: "4000\n", stat: nil) == nil)
    #expect(MemoryUse(current: "10", limit: "20", stat: "inactive_file 30\n") == MemoryUse(used: 0, limit: 20))
    #expect(MemoryUse(meminfo: "MemTotal:       2000 kB\nMemFree:  1 kB\nMemAvailable:    500 kB\n") == MemoryUse(used: 1500 * 1024, limit: 2000 * 1024))
    #expect(MemoryUse(meminfo: "MemTotal: 2000 kB\n") == nil)
  }

  @Test func memoryStalls() {
    let stall = MemoryStall("some avg10=12.50 avg60=0.87 avg300=0.21 total=58761\nfull avg10=2.00 avg60=0.10 avg300=0.00 total=31\n")
    #expect(stall?.some == 0.125)
    #expect(stall?.full == 0.02)
    #expect(MemoryStall("some avg10=1.00 avg60=0.00 avg300=0.00 total=0\n")?.full == 0)
    for text in ["", "some\n", "full avg10=1.00\n", "some avg10=x\n"] { #expect(MemoryStall(text) == nil) }
  }

  @Test func processorTicks() throws {
    let before = try #require(ProcessorTicks("cpu  100 0 50 800 50 0 0 0 30 0\ncpu0 100 0 50 800 50 0 0 0 0 0\n"))
    #expect(before == ProcessorTicks(busy: 150, total: 1000))
    let after = try #require(ProcessorTicks("cpu  160 0 65 820 55 0 0 0 30 0\n"))
    #expect(after.share(since: before) == 0.75)
    #expect(before.share(since: after) == nil)
    #expect(before.share(since: before) == nil)
    for text in ["", "cpu 1 2\n", "cpu0 1 2 3 4 5\n", "intr 5\n"] { #expect(ProcessorTicks(text) == nil) }
  }

  /// Files of control groups as a folder: the group nearest to its limit counts, not the innermost, nor one without a limit.
  @Test func versionTwoGroupsAsFiles() throws {
    let folder = try TemporaryDirectory()
    mkdir(folder.path + "/pod", 0o755)
    mkdir(folder.path + "/pod/app", 0o755)
    func write(_ path: String, _ text: String) throws { try writeText(text, to: folder.path + "/" + path) }
    let files = SystemFiles(groups: "0::/pod/app\n", root: folder.path)
    try write("pod/app/memory.current", "500\n")
    try write("pod/app/memory.max", "max\n")
    try write("pod/memory.current", "3990\n")
    try write("pod/memory.max", "4000\n")
    try write("pod/memory.stat", "inactive_file 0\nactive_file 0\n")
    #expect(files.memoryUse() == MemoryUse(used: 3990, limit: 4000))
    try write("pod/app/memory.pressure", "some avg10=50.00 avg60=0 avg300=0 total=1\nfull avg10=25.00 avg60=0 avg300=0 total=1\n")
    #expect(files.memoryStall()?.full == 0.25)
    #expect(files.throttling() == [nil, nil, nil])
    try write("pod/cpu.stat", "nr_periods 8\nnr_throttled 2\nthrottled_usec 5\n")
    #expect(files.throttling() == [nil, Throttling(periods: 8, throttled: 2, time: 5000), nil])
  }

  @Test func versionOneGroupsAsFiles() throws {
    let folder = try TemporaryDirectory()
    for name in ["/memory", "/cpu", "/cpu/app"] { mkdir(folder.path + name, 0o755) }
    // The memory group's path is the host's, and is not there inside the container: its root is the group.
    let files = SystemFiles(groups: "5:memory:/docker/0a\n4:cpu,cpuacct:/app\n0::/\n", root: folder.path)
    try writeText("970\n", to: folder.path + "/memory/memory.usage_in_bytes")
    try writeText("980\n", to: folder.path + "/memory/memory.limit_in_bytes")
    try writeText("nr_periods 4\nnr_throttled 1\nthrottled_time 9\n", to: folder.path + "/cpu/app/cpu.stat")
    #expect(files.memoryUse() == MemoryUse(used: 970, limit: 980))
    #expect(files.throttling() == [Throttling(periods: 4, throttled: 1, time: 9), nil])
  }

  @Test func signalsBetweenTwoSamples() {
    var before = SystemSample(time: 1_000_000_000), after = SystemSample(time: 3_000_000_000)
    (before.processTime, after.processTime) = (500_000_000, 3_500_000_000)
    (before.ticks, after.ticks) = (ProcessorTicks(busy: 10, total: 100), ProcessorTicks(busy: 60, total: 200))
    // The outer group is the one that is held back; the inner one had never been.
    before.throttling = [nil, Throttling(periods: 10, throttled: 0, time: 5)]
    after.throttling = [Throttling(periods: 10, throttled: 1, time: 2), Throttling(periods: 20, throttled: 4, time: 50)]
    after.memory = MemoryUse(used: 90, limit: 100)
    let signals = DeviceSignals(after, since: before, gpu: nil)
    #expect(signals.processors == 1.5)
    #expect(signals.machineLoad == 0.5)
    #expect(signals.throttledShare == 0.4)
    #expect(signals.throttledTime == 50)
    #expect(signals.memoryShare == 0.9)
    #expect(signals.isThrottled)
    let first = DeviceSignals(before, since: nil, gpu: nil)
    #expect(first.processors == nil && first.machineLoad == nil && first.throttledShare == nil && first.throttledTime == 5 && !first.isThrottled)
  }
}
