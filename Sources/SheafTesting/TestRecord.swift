/// A record that a test sends or has received.
public struct TestRecord: Sendable, Hashable {
  public struct Header: Sendable, Hashable {
    public var name: String
    public var value: [UInt8]?

    public init(_ name: String, _ value: [UInt8]?) {
      self.name = name
      self.value = value
    }
  }

  public var key: [UInt8]?
  public var value: [UInt8]?
  public var headers: [Header]
  /// -1 in a record to be sent: by its key, else anywhere.
  public var partition: Int32
  /// -1 in a record to be sent.
  public var offset: Int64 = -1
  /// Milliseconds since 1970; 0 in a record to be sent: now.
  public var timestamp: Int64 = 0

  public init(key: [UInt8]? = nil, value: [UInt8]?, headers: [Header] = [], partition: Int32 = -1) {
    self.key = key
    self.value = value
    self.headers = headers
    self.partition = partition
  }

  public init(_ text: String, key: String? = nil, headers: KeyValuePairs<String, String> = [:], partition: Int32 = -1) {
    self.init(key: key.map { Array($0.utf8) }, value: Array(text.utf8), headers: headers.map { Header($0, Array($1.utf8)) }, partition: partition)
  }

  /// The value as text; empty where it is null.
  public var text: String { String(decoding: value ?? [], as: UTF8.self) }

  /// The last header of a name as text; `nil` where there is none.
  public func header(_ name: String) -> String? {
    headers.last { $0.name == name }.map { String(decoding: $0.value ?? [], as: UTF8.self) }
  }
}
