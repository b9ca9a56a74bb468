/// FNV-1a over 64 bits: tells things apart, and protects from nothing.
/// - Parameter start: the hash so far, where it goes on.
package func fnv1a(_ bytes: some Sequence<UInt8>, _ start: UInt64 = 0xcbf2_9ce4_8422_2325) -> UInt64 {
  bytes.reduce(start) { ($0 ^ UInt64($1)) &* 0x100_0000_01b3 }
}
