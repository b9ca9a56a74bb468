import Foundation
import SheafONNX
import SheafTesting
import Testing
@testable import SheafModels

struct RuntimeTests {
  @Test func loads() throws {
    let runtime = try runtime()
    #expect(runtime.version.hasPrefix("1."))
    #expect(runtime.providers.contains("CPUExecutionProvider"))
  }

  @Test func missingLibraryNamesItAndTheFix() {
    let error = #expect(throws: ONNXError.self) { try Runtime(library: "/nowhere/libonnxruntime.so") }
    #expect(error?.description.contains("/nowhere/libonnxruntime.so") == true)
    #expect(error?.fix?.contains("SHEAF_ONNXRUNTIME") == true)
  }

  @Test func anotherLibraryIsRefused() {
    let error = #expect(throws: ONNXError.self) { try Runtime(library: "libc.so.6") }
    #expect(error?.message.contains("OrtGetApiBase") == true)
  }

  @Test func newestInAFolderComesFirst() throws {
    let folder = FileManager.default.temporaryDirectory.appendingPathComponent("sheaf-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    for name in ["libonnxruntime.so.1.9.0", "libonnxruntime.so.1.31.1", "libonnxruntime_providers_shared.so"] {
      try Data().write(to: folder.appendingPathComponent(name))
    }
    #expect(Library.candidates(path: folder.path).map { $0.split(separator: "/").last } == ["libonnxruntime.so.1.31.1", "libonnxruntime.so.1.9.0"])
  }

  @Test func missingModel() throws {
    let error = #expect(throws: ONNXError.self) { try Session(try runtime(), path: "/nowhere/model.onnx") }
    #expect(error?.code == .noSuchFile)
    #expect(error?.description.contains("/nowhere/model.onnx") == true)
  }

  @Test func corruptModel() throws {
    let path = try TinyModel.linear().write()
    let data = try Data(contentsOf: URL(fileURLWithPath: path))
    try data.prefix(data.count / 2).write(to: URL(fileURLWithPath: path))
    let error = #expect(throws: ONNXError.self) { try Session(try runtime(), path: path) }
    #expect(error?.code == .invalidProtobuf)
    #expect(error?.description.contains(path) == true)
    #expect(error?.explained(by: path).fix?.contains("damaged") == true)
  }

  @Test func emptyModelIsRefused() throws {
    let path = try TinyModel.linear().write()
    try Data().write(to: URL(fileURLWithPath: path))
    #expect(throws: ONNXError.self) { try Session(try runtime(), path: path) }
  }

  @Test(arguments: ["cuda:0", "cuda", "tensorrt:1"])
  func deviceThatIsNotThereIsRefused(_ device: String) throws {
    let runtime = try runtime()
    let path = try TinyModel.linear().write()
    let error = #expect(throws: ONNXError.self) {
      try Session(runtime, path: path, options: .init(provider: Provider(device)))
    }
    // Built without the provider, without its libraries, or without the device: each names what is missing.
    #expect(error?.description.contains(device.split(separator: ":")[0]) == true)
    #expect(error?.fix?.contains("device cpu") == true)
  }

  @Test func devicesAreReadStrictly() throws {
    #expect(try Provider("cpu") == .cpu)
    #expect(try Provider("cuda:2") == .cuda(2))
    #expect(try Provider("tensorrt:0") == .tensorRT(0))
    for wrong in ["", "gpu", "cuda:", "cuda:-1", "cuda:x", "cpu:0", "cuda:0:1", "CUDA:0"] {
      #expect(throws: ONNXError.self, "\(wrong)") { try Provider(wrong) }
    }
  }

  @Test func errorsAreTold() {
    #expect(ONNXError("run", "CUDA failure 700: an illegal memory access").isDeviceLost)
    #expect(!ONNXError("run", "CUDA failure 2: out of memory").isDeviceLost)
    #expect(ONNXError("run", "CUDA failure 2: out of memory").isOutOfMemory)
    #expect(ONNXError("run", "CUDA error cudaErrorIllegalAddress:an illegal memory access").isDeviceLost)
    #expect(!ONNXError("run", "indices element out of data bounds").isOutOfMemory)
  }
}
