import Glibc

/// C copies of texts, in an array that C functions take; free with `freeCStrings`.
func cStrings(_ texts: [String]) -> UnsafeMutablePointer<UnsafePointer<CChar>?> {
  let array = UnsafeMutablePointer<UnsafePointer<CChar>?>.allocate(capacity: max(1, texts.count))
  for (index, text) in texts.enumerated() { (array + index).initialize(to: UnsafePointer(strdup(text))) }
  return array
}

func freeCStrings(_ array: UnsafeMutablePointer<UnsafePointer<CChar>?>, _ count: Int) {
  for index in 0..<count { free(UnsafeMutablePointer(mutating: array[index])) }
  array.deallocate()
}
