import Glibc
import SheafTesting

/// The whole thing at work, without a Kafka or a model of one's own.
enum DemoCommand: Subcommand {
  static let summary = "embed thousands of texts with two workers on an embedded broker, and check the books"
  static let help = """
    usage: sheaf demo [--texts COUNT] [--model FOLDER]

    Starts an embedded Kafka broker and two workers in one consumer group, with a sentence-embedding model. Sends real texts
    (Debian's fortunes), takes the replies, and checks that every text was answered and every offset committed. Then asks
    questions the same way and shows the texts nearest in meaning.

    Exits with 0 only if nothing was lost, nothing failed, and both workers ended in order.

    \(options.help)
    """

  static let options = [
    Option("texts", "COUNT", "how many texts to send; default 4000"),
    Option("model", "FOLDER", "a folder with model.onnx and tokenizer.json; default \(defaultModel)"),
  ]

  private static let defaultModel = ".sheaf/models/minilm"

  static func run(_ arguments: [String]) async throws -> Int32 {
    let arguments = try Arguments(arguments, options: options, command: "demo")
    guard let count = Int(arguments["texts"] ?? "4000"), count > 0 else {
      throw UsageError("demo: --texts \(arguments["texts"]!) is not a count; write a number from 1")
    }
    let model = (arguments["model"] ?? defaultModel) + "/model.onnx"
    guard access(model, R_OK) == 0 else {
      throw UsageError("demo: there is no \(model); `scripts/setup` fetches one, --model names another folder")
    }
    return try Demo(model: model, texts: Fortunes.texts(count)).run()
  }
}
