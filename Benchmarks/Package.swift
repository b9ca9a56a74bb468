// swift-tools-version: 6.2
import PackageDescription

let package = Package(
  name: "benchmarks",
  dependencies: [.package(name: "sheaf", path: "..")],
  targets: [
    .executableTarget(name: "identity-worker", dependencies: [.product(name: "Sheaf", package: "sheaf")], path: "Sources/IdentityWorker")
  ],
  swiftLanguageModes: [.v6]
)
