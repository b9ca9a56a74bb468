// swift-tools-version: 6.2
import PackageDescription

/// Messages and replies are allocated on one thread and freed on another, which glibc's arenas do slowly: the identity benchmark
/// takes a third less processor time a record with jemalloc. Of the executables only: a library does not choose its process's
/// allocator. Not with SANITIZE (or FUZZ) set in the environment: the sanitizers bring an allocator of their own.
let isFuzzed = Context.environment["FUZZ"] != nil
let jemalloc: [LinkerSetting] = isFuzzed || Context.environment["SANITIZE"] != nil ? [] : [.linkedLibrary("jemalloc")]

let package = Package(
  name: "sheaf",
  products: [
    .library(name: "Sheaf", targets: ["Sheaf"]),
    .library(name: "SheafModels", targets: ["SheafModels"]),
    .library(name: "SheafONNX", targets: ["SheafONNX"]),
    .library(name: "SheafTesting", targets: ["SheafTesting"]),
    .executable(name: "sheaf", targets: ["SheafCommand"]),
  ],
  targets: [
    // C, each with the reason for every shim in its header.
    .systemLibrary(name: "CLibrdkafka", pkgConfig: "rdkafka", providers: [.apt(["librdkafka-dev"])]),
    .systemLibrary(name: "CYAML", pkgConfig: "yaml-0.1", providers: [.apt(["libyaml-dev"])]),
    .systemLibrary(name: "CUTF8Proc", providers: [.apt(["libutf8proc-dev"])]),
    .target(name: "COniguruma", linkerSettings: [.linkedLibrary("dl")]),
    .target(name: "CPlatform"),
    .target(name: "COnnxRuntime", linkerSettings: [.linkedLibrary("dl")]),
    .target(name: "CNVML", linkerSettings: [.linkedLibrary("dl")]),

    // Thin layers: the only importers of librdkafka and ONNX Runtime.
    .target(name: "SheafKafka", dependencies: ["CLibrdkafka", "CPlatform"]),
    .target(name: "SheafONNX", dependencies: ["COnnxRuntime"]),

    // What came of a run, read from its topics.
    .target(name: "SheafAudit", dependencies: ["SheafKafka"]),

    // The library, what its tests and its users' tests stand on, and the command.
    .target(name: "Sheaf", dependencies: ["SheafKafka", "CPlatform", "CNVML"]),
    // Models of files: ONNX Runtime's, and the tokenizers that lie beside them.
    .target(name: "SheafModels", dependencies: ["Sheaf", "SheafONNX", "CUTF8Proc", "COniguruma"]),
    .target(name: "SheafTesting", dependencies: ["Sheaf", "SheafKafka", "CLibrdkafka", "CPlatform"]),
    .executableTarget(name: "SheafCommand", dependencies: ["Sheaf", "SheafModels", "SheafAudit", "SheafTesting", "SheafONNX", "SheafKafka", "CYAML", "CPlatform"], linkerSettings: jemalloc),

    .executableTarget(name: "Doubler", dependencies: ["Sheaf"], path: "Examples/Doubler"),

    // A worker as a process of its own, for the tests that kill it.
    .executableTarget(name: "TestWorker", dependencies: ["Sheaf"], path: "Tests/TestWorker", linkerSettings: jemalloc),
    // Workers on a Kafka of three nodes while both are killed: make chaos.
    .executableTarget(name: "Chaos", dependencies: ["SheafAudit", "SheafKafka", "SheafTesting"], path: "Tests/Chaos", exclude: ["mutants"]),
    .testTarget(name: "SheafTests", dependencies: ["Sheaf", "SheafKafka", "SheafTesting", "CPlatform"]),
    .testTarget(name: "SheafKafkaTests", dependencies: ["Sheaf", "SheafKafka", "SheafTesting", "CPlatform", "TestWorker", "Doubler"]),
    .testTarget(name: "SheafAuditTests", dependencies: ["SheafAudit", "SheafTesting"]),
    .testTarget(name: "SheafModelsTests", dependencies: ["Sheaf", "SheafModels", "SheafONNX", "SheafTesting"], exclude: ["Fixtures"]),
    .testTarget(name: "SheafCommandTests", dependencies: ["SheafCommand", "Sheaf", "SheafModels", "SheafKafka", "SheafTesting"]),
  ],
  swiftLanguageModes: [.v6]
)

// `make fuzz` sets FUZZ. The fuzzer's runtime brings a main function, so the command is then a library of what reads settings.
if isFuzzed {
  package.products.removeAll { $0.name == "sheaf" }
  package.targets.removeAll { $0.type != .regular && $0.type != .system || $0.name == "SheafCommand" }
  package.targets += [
    .target(
      name: "SheafCommand", dependencies: ["Sheaf", "SheafModels", "SheafONNX", "SheafKafka", "CYAML"], sources: ["Configuration", "Arguments", "ExitCode.swift"]),
    .executableTarget(name: "Fuzz", dependencies: ["Sheaf", "SheafModels", "SheafCommand"], path: "Tests/Fuzz", exclude: ["Seeds"]),
  ]
}
