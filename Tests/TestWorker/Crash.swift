import Glibc

/// The last block: what escapes is not optimised away.
nonisolated(unsafe) private var block: UnsafeMutableRawPointer?

/// What rows that begin so do to the process.
func crash(_ first: UInt8) {
  if first == 0xab { abort() }
  // As a native library does where it does not expect malloc to fail.
  while first == 0xac {
    block = malloc(16 << 20)
    guard let block else { abort() }
    memset(block, 1, 16 << 20)
  }
}

/// 512 MiB more of address space than the process has now. Not under a sanitizer, which takes terabytes of it.
func limitMemory() {
  if getenv("SANITIZE") != nil { return }
  var pages = 0
  if let file = fopen("/proc/self/statm", "r") {
    var text = [CChar](repeating: 0, count: 64)
    fgets(&text, 64, file)
    pages = Int(strtol(text, nil, 10))
    fclose(file)
  }
  let bytes = rlim_t(pages * 4096 + (512 << 20))
  var limit = rlimit(rlim_cur: bytes, rlim_max: bytes)
  setrlimit(__rlimit_resource_t(RLIMIT_AS.rawValue), &limit)
}
