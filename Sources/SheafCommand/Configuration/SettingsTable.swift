/// All settings. This table feeds the reader, `sheaf help serve`, the schema and docs/configuration.md.
enum SettingsTable {
  static let hour: UInt64 = 3_600_000_000_000

  static let kafka = Setting("kafka.*", .text, "librdkafka's properties, passed to both clients; bootstrap.servers and group.id are required. ${NAME} stands for a variable of the environment, ${file:PATH} for a file's content without its last line break", secret: true)

  static let all: [Setting] = [
    kafka,

    Setting("topics.requests", .list, "request topics, or regular expressions that begin with ^; required"),
    Setting("topics.bulk", .list, default: "[]", "request topics, or patterns, whose records only fill up the others' batches while those wait; they have half of the room inside the worker at most"),
    Setting("topics.bulkWait", .duration(1_000_000...hour), default: "1s", "for how long the oldest bulk record is passed over by others at most; then a batch begins with it"),
    Setting("topics.replies", .text, "where replies and error replies go"),
    Setting("topics.deadLetters", .text, "where the originals of failed records go"),
    Setting("topics.allowedReplies", .list, default: "[]", "topics that a request's kafka_replyTopic header may name, beside topics.replies"),
    Setting("topics.format", .choice(["text", "json", "raw"]), "how a record without a content-type header is read; default: text where the model has a tokenizer, else json"),
    Setting("topics.replyFormat", .choice(["json", "raw"]), default: "json", "what a reply is written as where the request has no accept header"),
    Setting("topics.nullValue", .choice(["error", "skip"]), default: "error", "what a record without a value is"),
    Setting("topics.nonFinite", .choice(["refuse", "accept"]), default: "refuse", "whether JSON may say NaN, Infinity and -Infinity, and null for NaN, where the model takes floats"),
    Setting("topics.order", .choice(["none", "partition"]), default: "none", "partition: replies of a request partition (so of a key, too) are sent in the order of its records"),
    Setting("topics.start", .choice(["earliest", "latest"]), default: "earliest", "where a partition without a committed offset begins"),
    Setting("topics.timeout", .duration(1_000_000...(168 * hour)), "requests that waited longer are answered with the fault `expired` and not run; counts from the broker's timestamp where the topic has LogAppendTime, else from arrival; a request's sheaf_timeout or sheaf_deadline header overrides it; default: none"),
    Setting("topics.batchHeader", .boolean, default: "false", "replies say in a header, sheaf_batch, how many rows ran together"),

    Setting("delivery", .choice(["at-least-once", "exactly-once"]), default: "at-least-once", "at-least-once: a repeat has the same sheaf_id; exactly-once: replies and offsets are committed together, for readers with isolation.level=read_committed"),

    Setting("models.path", .text, "an ONNX file, or a folder with model.onnx; a tokenizer.json beside it makes it a text model; required"),
    Setting("models.name", .text, "for replies and logs; default: the folder's name, or the file's"),
    Setting("models.devices", .list, default: "[cpu]", "cpu, cuda:0 or tensorrt:0; one in this version"),
    Setting("models.lanes", .integer(1...256), "batches that run side by side; default: the processors this process may use, divided by threads"),
    Setting("models.threads", .integer(1...256), default: "1", "threads of one run on the CPU"),
    Setting("models.truncate", .choice(["end", "start", "error"]), "what happens to a text of more than maxLength tokens: its end or its start goes, or it is a fault; default: as the tokenizer's files say, else end"),
    Setting("models.maxLength", .integer(1...1_000_000), "the most tokens a text or row may have; default: the tokenizer's, else none"),
    Setting("models.pooling", .list, default: "[auto]", "how per-token vectors become one: none, or cls, max, mean, mean_sqrt_len_tokens, weightedmean, lasttoken, several side by side; auto: as the model's folder says"),
    Setting("models.normalize", .choice(["auto", "true", "false"]), default: "auto", "vectors are scaled to length 1; auto: as the model's folder says"),
    Setting("models.prompt", .text, default: "auto", "a prompt of the model's folder (config_sentence_transformers.json), by its name, which is put before every text; none: no prompt; auto: the folder's default_prompt_name"),
    Setting("models.promptText", .text, "the text itself that is put before every text"),
    Setting("models.outputs", .list, default: "[]", "outputs to answer with, computed ones too; empty: all"),
    Setting("models.answers", .choice(["auto", "tensors", "classes", "spans"]), default: "auto", "what is made of scores of classes, beside them: classes: outputs label and score, of a model that scores rows; spans: outputs spans (how many), label, score, start and end, in characters, of a model that scores the tokens of texts; auto: as config.json of the model's folder says (id2label)"),
    Setting("models.labels", .list, default: "[]", "names of the classes, by number; empty: id2label of config.json"),
    Setting("models.activation", .choice(["auto", "softmax", "sigmoid", "none"]), default: "auto", "how scores of classes are told; auto: softmax, sigmoid for classes that do not exclude each other, none where the model answers shares of 1"),
    Setting("models.top", .integer(1...100_000), default: "1", "how many classes are told, the best first"),
    Setting("models.version", .text, "which version of the model it is, for replies; default: as the file says"),
    Setting("models.nan", .choice(["answer", "fail"]), default: "answer", "what a record is whose answer has NaN in it; they are counted either way"),
    Setting("models.acceptUnsafeBatching", .boolean, default: "false", "batch a model although its answers change in a batch"),
    Setting("models.warmUp", .duration(0...hour), default: "10s", "how long batch shapes are run before the worker joins its group, at most"),
    Setting("models.isolate", .boolean, default: "true", "records that a worker had begun when it was killed are run in a child process, which loads the model once more, so that one that kills costs no second worker"),
    Setting("models.batch.maxRows", .integer(1...1_000_000), default: "32", "rows of a batch at most; adaptive: 256 unless set"),
    Setting("models.batch.maxWait", .duration(0...hour), default: "5ms", "how long the oldest waiting record waits for company at most; adaptive: latencyTarget unless set"),
    Setting("models.batch.maxTokens", .integer(1...(1 << 40)), "tokens of a batch at most: rows × longest; default: 4096 (adaptive: 8192) where rows are padded, else no bound but maxBytes"),
    Setting("models.batch.maxBytes", .bytes(1...(1 << 40)), default: "16MiB", "bytes of decoded rows in a batch at most"),
    Setting("models.batch.policy", .choice(["fixed", "adaptive"]), default: "fixed", "fixed: a batch is due when it is full or its oldest record has waited maxWait; adaptive: by what runs were measured to cost, within these bounds"),
    Setting("models.batch.objective", .choice(["latency", "efficiency"]), default: "latency", "of adaptive: the shortest answers, or the fewest device seconds a record within latencyTarget"),
    Setting("models.batch.latencyTarget", .duration(1_000_000...hour), default: "100ms", "of adaptive: what 99 of 100 records are to be answered within"),
    Setting("models.batch.passedOver", .integer(1...1_000_000), default: "128", "of adaptive: how many batches with a newer record may go before one that waits"),
    Setting("models.profile", .text, "where what runs cost is kept between starts: a folder, or none; default: sheaf in XDG_CACHE_HOME, else in ~/.cache"),
    Setting("models.inputs.*.batchAxis", .integer(0...15), "the axis along which rows are stacked; default: inferred"),
    Setting("models.inputs.*.padAxis", .integer(0...15), "the axis that is padded to the longest row; default: inferred"),
    Setting("models.inputs.*.padValue", .number, default: "0", "what padding is filled with"),
    Setting("models.inputs.*.shared", .boolean, default: "false", "one tensor for all rows: no batch axis"),
    Setting("models.inputs.*.mask", .text, "the input that this one masks: 1 for its own elements, 0 for padding"),
    Setting("models.inputs.*.constant", .number, "the value this input has throughout; requests need not carry it"),

    Setting("limits.records", .integer(8...100_000_000), default: "100000", "records inside the worker at most, prefetch included"),
    Setting("limits.bytes", .bytes((8 << 20)...(1 << 44)), default: "64MiB", "bytes of records inside the worker at most, prefetch included"),
    Setting("limits.span", .integer(1...100_000_000), default: "20000", "records of one partition from its committed offset to the newest at work, at most"),
    Setting("limits.drain", .duration(1_000_000...hour), default: "10s", "how long a drain (rebalance, shutdown) may take; never over a third of max.poll.interval.ms"),
    Setting("commit.interval", .duration(1_000_000...hour), default: "100ms", "how often offsets are committed at most; with exactly-once a transaction's length, which replies wait for"),
    Setting("limits.stall", .duration(1_000_000...hour), default: "120s", "a run, a turn of the consume thread or replies' acknowledgements (while brokers can be reached) that take longer end the worker; the log tells after a quarter of it"),

    Setting("log.batches", .duration(1_000_000...hour), "a line in so long, at most, tells of a batch: why it was dispatched, its padding, what it took, and of all since the line before; default: none"),

    Setting("runtime.library", .text, "libonnxruntime.so; default: SHEAF_ONNXRUNTIME, else .sheaf/onnxruntime, else the loader's path"),
  ]

  static func setting(_ path: [String]) -> Setting? { all.first { $0.matches(path) } }
  static func setting(_ path: String) -> Setting? { all.first { $0.matches(path) } }

  /// Whether a path leads on to settings: a mapping is expected there.
  static func isSection(_ path: [String]) -> Bool {
    all.contains { setting in
      let parts = setting.parts
      return path.count < parts.count && zip(path, parts).allSatisfy { $0 == $1 || $1 == "*" }
    }
  }

  /// "; did you mean KEY?" for a key that is nearly one, or the right name in the wrong place; or nothing.
  static func suggestion(_ path: [String]) -> String {
    let key = path.joined(separator: ".")
    // In place of any name, the one that was written.
    let keys = all.compactMap { setting in
      guard let star = setting.parts.firstIndex(of: "*") else { return setting.key }
      return path.count > star && path.starts(with: setting.parts[..<star]) ? setting.key.map { $0 == "*" ? path[star] : String($0) }.joined() : nil
    }
    if let near = nearest(key, among: keys) { return "; did you mean \(near)?" }
    let name = key.split(separator: ".").last ?? ""
    return keys.first { $0.split(separator: ".").last == name }.map { "; did you mean \($0)?" } ?? ""
  }
}
