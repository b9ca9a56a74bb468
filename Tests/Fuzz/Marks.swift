@testable import Sheaf

/// What a commit's metadata says: what is accepted is written again as it was meant.
func decodeMark(_ bytes: UnsafeRawBufferPointer) {
  guard let mark = CommitMark(bytes.text) else { return }
  check(CommitMark(mark.metadata) == mark && mark.begun ?? 0 >= 0, "\(mark)")
}
