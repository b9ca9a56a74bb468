import CPlatform
import Testing

@testable import Sheaf

@Suite struct ProcessorsTests {
  @Test(arguments: [("200000 100000\n", 2), ("50000 100000", 0.5), ("max 100000\n", nil), ("", nil), ("x y", nil), ("0 100000", nil), ("100000", nil)] as [(String, Double?)])
  func versionTwo(_ text: String, _ processors: Double?) {
    #expect(Processors.parseMax(text) == processors)
  }

  @Test(arguments: [("150000\n", "100000\n", 1.5), ("-1\n", "100000\n", nil), ("100000", "0", nil), ("", "", nil)] as [(String, String, Double?)])
  func versionOne(_ quota: String, _ period: String, _ processors: Double?) {
    #expect(Processors.parse(quota: quota, period: period) == processors)
  }

  @Test func groups() {
    let both = "12:memory:/m\n4:cpu,cpuacct:/docker/a:b\n0::/system.slice/x\n"
    #expect(Processors.groupPath(both, controller: "cpu") == "/docker/a:b")
    #expect(Processors.groupPath(both, controller: "") == "/system.slice/x")
    #expect(Processors.groupPath("4:cpuset:/x\n", controller: "cpu") == nil)
    #expect(Processors.groupPath("", controller: "") == nil)
  }

  /// The quota of any group around this one binds it too.
  @Test func enclosingGroups() {
    #expect(Processors.enclosing("/a/b") == ["/a/b", "/a", ""])
    #expect(Processors.enclosing("/") == [""])
  }

  @Test func atLeastOneAndNoMoreThanTheAffinity() {
    #expect((1...max(1, Int(platform_affinity_count()))).contains(Processors.available()))
  }
}
