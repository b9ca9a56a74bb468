// swift-tools-version: 6.2
import PackageDescription

// A package of its own that compiles the batching core as its own source (Sources/Simulate/Core links to it): nothing of Kafka or
// ONNX Runtime is built, and nothing internal has to be public for it.
let package = Package(
  name: "simulate",
  targets: [.executableTarget(name: "simulate", path: "Sources/Simulate", swiftSettings: [.unsafeFlags(["-enforce-exclusivity=unchecked"])])],
  swiftLanguageModes: [.v6]
)
