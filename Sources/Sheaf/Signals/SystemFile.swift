import Glibc

/// The small files of /proc and /sys.
enum SystemFile {
  /// A file's first 16 KiB; `nil` where it cannot be read.
  static func read(_ path: String) -> String? {
    guard let file = fopen(path, "re") else { return nil }
    defer { fclose(file) }
    return withUnsafeTemporaryAllocation(of: UInt8.self, capacity: 16384) { buffer in
      let count = fread(buffer.baseAddress, 1, buffer.count, file)
      return ferror(file) == 0 ? String(decoding: buffer.prefix(count), as: UTF8.self) : nil
    }
  }

  /// The number behind a name at the start of a line: "nr_throttled 12", "MemTotal:  2048 kB".
  static func number(_ name: String, in text: String) -> Int? {
    // By bytes: characters cost a hundred times as much.
    for line in text.utf8.split(separator: UInt8(ascii: "\n")) where line.starts(with: name.utf8) {
      let rest = Substring(line.dropFirst(name.utf8.count))
      if rest.first?.isWhitespace == true { return rest.split(whereSeparator: \.isWhitespace).first.flatMap { Int($0) } }
    }
    return nil
  }
}
