// swift-tools-version: 6.2
import PackageDescription

let package = Package(
  name: "benchmarks",
  dependencies: [.package(name: "sheaf", path: "..")],
  targets: [
    .target(name: "Common", dependencies: [.product(name: "Sheaf", package: "sheaf"), .product(name: "SheafTesting", package: "sheaf")]),
    .executableTarget(name: "identity-worker", dependencies: [.product(name: "Sheaf", package: "sheaf")], path: "Sources/IdentityWorker",
      linkerSettings: [.linkedLibrary("jemalloc")]),  // As the product.
    .executableTarget(
      name: "batching",
      dependencies: ["Common", .product(name: "Sheaf", package: "sheaf"), .product(name: "SheafModels", package: "sheaf"), .product(name: "SheafONNX", package: "sheaf"), .product(name: "SheafTesting", package: "sheaf")],
      path: "Sources/Batching", linkerSettings: [.linkedLibrary("jemalloc")]),
    .executableTarget(
      name: "shapes",
      dependencies: ["Common", .product(name: "Sheaf", package: "sheaf"), .product(name: "SheafModels", package: "sheaf"), .product(name: "SheafONNX", package: "sheaf"), .product(name: "SheafTesting", package: "sheaf")],
      path: "Sources/Shapes", linkerSettings: [.linkedLibrary("jemalloc")]),
    .executableTarget(
      name: "delivery", dependencies: ["Common", .product(name: "Sheaf", package: "sheaf"), .product(name: "SheafTesting", package: "sheaf")],
      path: "Sources/Delivery", linkerSettings: [.linkedLibrary("jemalloc")]),
    .executableTarget(
      name: "grouping",
      dependencies: ["Common", .product(name: "Sheaf", package: "sheaf"), .product(name: "SheafModels", package: "sheaf"), .product(name: "SheafONNX", package: "sheaf"), .product(name: "SheafTesting", package: "sheaf")],
      path: "Sources/Grouping", linkerSettings: [.linkedLibrary("jemalloc")]),
    .executableTarget(
      name: "latency",
      dependencies: ["Common", .product(name: "Sheaf", package: "sheaf"), .product(name: "SheafModels", package: "sheaf"), .product(name: "SheafONNX", package: "sheaf"), .product(name: "SheafTesting", package: "sheaf")],
      path: "Sources/Latency", linkerSettings: [.linkedLibrary("jemalloc")]),
  ],
  swiftLanguageModes: [.v6]
)
