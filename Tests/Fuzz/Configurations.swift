@testable import Sheaf
@testable import SheafCommand

/// Any YAML.
func decodeYAML(_ bytes: UnsafeRawBufferPointer) {
  do throws(YAMLError) {
    if let root = try YAMLReader.read(Array(bytes)) { check(root.position.line >= 1 && root.position.column >= 1, "\(root.position)") }
  } catch { check(error.position.line >= 1 && error.position.column >= 1 && !error.problem.isEmpty && !error.fix.isEmpty, "\(error)") }
}

/// A configuration file, down to the worker's own checks.
func decodeConfiguration(_ bytes: UnsafeRawBufferPointer) {
  configure(GivenSettings(file: ("sheaf.yaml", Array(bytes))))
}

/// A line for the environment, one for `--set`, the rest a duration or size.
func decodeSettings(_ bytes: UnsafeRawBufferPointer) {
  let lines = bytes.lines(3)
  let variable = lines[0].text.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false).map(String.init)
  configure(GivenSettings(
    file: ("sheaf.yaml", Array("kafka: {bootstrap.servers: a, group.id: b}".utf8)), environment: [variable[0]: variable.last!],
    sets: lines.count > 1 ? [lines[1].text] : []))
  guard lines.count > 2 else { return }
  let text = lines[2].text
  do throws(Units.Wrong) {
    let duration = try Units.duration(text)
    let again = try Units.duration(Units.text(duration: duration))
    check(again == duration, "\(duration) ns")
  } catch { check(!error.fix.isEmpty, "\(error)") }
  do throws(Units.Wrong) {
    let bytes = try Units.bytes(text)
    let again = try Units.bytes(Units.text(bytes: bytes))
    check(again == bytes, "\(bytes) B")
  } catch { check(!error.fix.isEmpty, "\(error)") }
}

private func configure(_ given: GivenSettings) {
  var given = given
  _ = ServeConfiguration(&given, [:])
  for fault in given.faults.sorted(by: Fault.inOrder) {
    check(!fault.problem.isEmpty && !fault.fix.isEmpty && !fault.description.contains("\n"), "\(fault)")
  }
}
