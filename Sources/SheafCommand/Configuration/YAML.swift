import CYAML

/// Where something stands in a file, both counted from 1.
struct Position: Hashable, Sendable {
  var line: Int
  var column: Int
}

/// A YAML value with the place it began at.
struct YAMLNode: Sendable {
  enum Content: Sendable {
    case scalar(String)
    case sequence([YAMLNode])
    case mapping([Entry])
  }
  struct Entry: Sendable {
    var key: String
    var position: Position
    var value: YAMLNode
  }
  var content: Content
  var position: Position
}

/// What is wrong with the text of a YAML file, and what to do about it.
struct YAMLError: Error, Hashable {
  var position: Position
  var problem: String
  var fix: String
}

/// Reads one YAML document, and of YAML only what a configuration needs: no anchors, aliases, tags or second document, no key
/// twice, keys that are scalars, and a bounded depth (libyaml itself takes seconds over 40,000 open brackets).
struct YAMLReader: ~Copyable {
  static let deepest = 16

  private let parser: UnsafeMutablePointer<yaml_parser_t>
  private let text: UnsafeMutableBufferPointer<UInt8>

  /// - Returns: nil where there is nothing but blanks and comments.
  static func read(_ text: [UInt8]) throws(YAMLError) -> YAMLNode? {
    var reader = YAMLReader(text)
    return try reader.document()
  }

  private init(_ bytes: [UInt8]) {
    // On the heap: libyaml keeps pointers into the parser.
    parser = .allocate(capacity: 1)
    parser.initialize(to: yaml_parser_t())
    precondition(yaml_parser_initialize(parser) == 1, "out of memory: a YAML parser")
    text = .allocate(capacity: max(1, bytes.count))
    _ = text.initialize(from: bytes)
    yaml_parser_set_input_string(parser, text.baseAddress, bytes.count)
    yaml_parser_set_encoding(parser, YAML_UTF8_ENCODING)
  }

  deinit {
    yaml_parser_delete(parser)
    parser.deallocate()
    text.deallocate()
  }

  /// libyaml's events without those that only say where a document begins and ends.
  private enum Event {
    case scalar(String)
    case beginSequence, endSequence, beginMapping, endMapping, beginDocument, endOfStream
  }

  private mutating func document() throws(YAMLError) -> YAMLNode? {
    var root: YAMLNode?
    while true {
      let (event, position) = try next()
      switch event {
      case .endOfStream: return root
      case .beginDocument:
        if root != nil { throw YAMLError(position: position, problem: "a second document", fix: "keep one document a file") }
      default: root = try node(event, position, depth: 1)
      }
    }
  }

  private mutating func node(_ event: Event, _ position: Position, depth: Int) throws(YAMLError) -> YAMLNode {
    if case .scalar(let text) = event { return YAMLNode(content: .scalar(text), position: position) }
    if depth > YAMLReader.deepest {
      throw YAMLError(position: position, problem: "nested deeper than \(YAMLReader.deepest) levels", fix: "no setting is that deep; check the brackets")
    }
    if case .beginSequence = event { return YAMLNode(content: .sequence(try items(depth: depth)), position: position) }
    return YAMLNode(content: .mapping(try entries(depth: depth)), position: position)
  }

  private mutating func items(depth: Int) throws(YAMLError) -> [YAMLNode] {
    var items: [YAMLNode] = []
    while true {
      let (event, position) = try next()
      if case .endSequence = event { return items }
      items.append(try node(event, position, depth: depth + 1))
    }
  }

  private mutating func entries(depth: Int) throws(YAMLError) -> [YAMLNode.Entry] {
    var entries: [YAMLNode.Entry] = []
    var seen: [String: Position] = [:]
    while true {
      let (event, position) = try next()
      if case .endMapping = event { return entries }
      guard case .scalar(let key) = event else {
        throw YAMLError(position: position, problem: "a key that is a list or a mapping", fix: "write a name before the colon")
      }
      if let first = seen.updateValue(position, forKey: key) {
        throw YAMLError(position: position, problem: "\(key) is there twice, first in line \(first.line)", fix: "keep one of them")
      }
      let (value, valuePosition) = try next()
      entries.append(YAMLNode.Entry(key: key, position: position, value: try node(value, valuePosition, depth: depth + 1)))
    }
  }

  private mutating func next() throws(YAMLError) -> (Event, Position) {
    while true {
      var event = yaml_event_t()
      guard yaml_parser_parse(parser, &event) == 1 else { throw syntaxError() }
      defer { yaml_event_delete(&event) }
      let position = Position(line: Int(event.start_mark.line) + 1, column: Int(event.start_mark.column) + 1)
      switch event.type {
      case YAML_SCALAR_EVENT:
        let scalar = event.data.scalar
        try refuse(scalar.anchor, scalar.tag, position)
        return (.scalar(String(decoding: UnsafeBufferPointer(start: scalar.value, count: scalar.length), as: UTF8.self)), position)
      case YAML_SEQUENCE_START_EVENT:
        try refuse(event.data.sequence_start.anchor, event.data.sequence_start.tag, position)
        return (.beginSequence, position)
      case YAML_MAPPING_START_EVENT:
        try refuse(event.data.mapping_start.anchor, event.data.mapping_start.tag, position)
        return (.beginMapping, position)
      case YAML_ALIAS_EVENT:
        throw YAMLError(position: position, problem: "an alias (*name)", fix: "write the value out, or quote a text that begins with *")
      case YAML_SEQUENCE_END_EVENT: return (.endSequence, position)
      case YAML_MAPPING_END_EVENT: return (.endMapping, position)
      case YAML_DOCUMENT_START_EVENT: return (.beginDocument, position)
      case YAML_STREAM_END_EVENT: return (.endOfStream, position)
      default: continue
      }
    }
  }

  private func refuse(_ anchor: UnsafePointer<UInt8>?, _ tag: UnsafePointer<UInt8>?, _ position: Position) throws(YAMLError) {
    if anchor != nil {
      throw YAMLError(position: position, problem: "an anchor (&name)", fix: "write the value out, or quote a text that begins with &")
    }
    if tag != nil { throw YAMLError(position: position, problem: "a tag (!name)", fix: "leave it out, or quote a text that begins with !") }
  }

  private func syntaxError() -> YAMLError {
    let problem = parser.pointee.problem.map { String(cString: $0) } ?? "not YAML"
    if parser.pointee.error == YAML_READER_ERROR {
      // Only the offset is known: libyaml's mark is where its scanner was.
      let before = text.prefix(Int(parser.pointee.problem_offset))
      let line = before.count { $0 == UInt8(ascii: "\n") } + 1
      let column = before.reversed().prefix { $0 != UInt8(ascii: "\n") }.count + 1
      return YAMLError(position: Position(line: line, column: column), problem: "not UTF-8 text (\(problem))", fix: "save the file as UTF-8")
    }
    let mark = parser.pointee.problem_mark
    let position = Position(line: Int(mark.line) + 1, column: Int(mark.column) + 1)
    if mark.index < text.count, text[Int(mark.index)] == UInt8(ascii: "\t") {
      return YAMLError(position: position, problem: "a tab where YAML wants spaces", fix: "indent with spaces")
    }
    return YAMLError(position: position, problem: problem, fix: "check the indentation, colons, brackets and quotes here")
  }
}
