import CNVML
import Glibc

/// One GPU, seen through NVML. The library is never closed: what it set up lives as long as the process.
struct NVML: @unchecked Sendable {  // NVML's functions may be called from any thread; the handles are only names.
  static let library = "libnvidia-ml.so.1"

  private let functions: NVMLFunctions
  /// What memory and utilisation are asked of: the GPU, or its instance.
  private let device: NVMLDeviceHandle
  /// The whole GPU.
  private let gpu: NVMLDeviceHandle
  private let isMIG: Bool?

  /// Why there is nothing to be seen.
  struct Absent: Error, CustomStringConvertible {
    var description: String
  }

  /// Opens the library (where a driver has to wake up: up to some seconds) and finds CUDA's device N.
  init(cuda device: Int, library: String = NVML.library, environment: (String) -> String? = NVML.variable) throws(Absent) {
    guard let handle = dlopen(library, RTLD_NOW | RTLD_LOCAL) else { throw Absent(description: dlerror().map { String(cString: $0) } ?? "no \(library)") }
    var functions = NVMLFunctions()
    nvml_read_functions(handle, &functions)
    self.functions = functions
    guard let start = functions.`init` else { throw Absent(description: "\(library) has no nvmlInit_v2") }
    let code = start()
    if code != 0 {
      let reason = functions.errorString.flatMap { $0(code) }.map { String(cString: $0) } ?? "error \(code)"
      throw Absent(description: "\(library) does not start: \(reason)")
    }

    guard let name = VisibleDevice.find(device, variable: environment("CUDA_VISIBLE_DEVICES")) else {
      throw Absent(description: "CUDA_VISIBLE_DEVICES shows no device \(device)")
    }
    var found: NVMLDeviceHandle?
    switch name {
    case .index(let index):
      if environment("CUDA_DEVICE_ORDER") != "PCI_BUS_ID", NVML.differ(functions) {
        throw Absent(description: "GPUs of several kinds, which CUDA numbers by speed; set CUDA_DEVICE_ORDER=PCI_BUS_ID")
      }
      _ = functions.deviceByIndex?(UInt32(clamping: index), &found)
    case .uuid(let uuid): _ = functions.deviceByUUID?(uuid, &found)
    }
    guard let found else { throw Absent(description: "NVML knows no device \(name)") }

    var parent: NVMLDeviceHandle?
    if case .uuid(let uuid) = name, uuid.hasPrefix("MIG-") { _ = functions.migParent?(found, &parent) }
    if let parent {
      (self.device, gpu, isMIG) = (found, parent, true)
      return
    }
    var mode: UInt32 = 0, pending: UInt32 = 0
    isMIG = functions.migMode?(found, &mode, &pending) == 0 ? mode == 1 : nil
    gpu = found
    self.device = mode == 1 ? NVML.firstInstance(of: found, functions) ?? found : found
  }

  func read() -> GPUSignals {
    var signals = GPUSignals()
    signals.isMIG = isMIG
    var utilization = NVMLUtilization()
    if functions.utilization?(device, &utilization) == 0 { signals.utilization = Double(min(100, utilization.gpu)) / 100 }
    var memory = NVMLMemory()
    if functions.memory?(device, &memory) == 0 {
      signals.memoryUsed = Int(clamping: memory.used)
      signals.memoryTotal = Int(clamping: memory.total)
    }
    var milliwatts: UInt32 = 0
    if functions.power?(gpu, &milliwatts) == 0 { signals.power = Double(milliwatts) / 1000 }
    var reasons: UInt64 = 0
    if (functions.clockReasons ?? functions.oldClockReasons)?(gpu, &reasons) == 0 { signals.clockLimits = .init(nvml: reasons) }
    return signals
  }

  static func variable(_ name: String) -> String? { getenv(name).map { String(cString: $0) } }

  /// CUDA without further words computes on the first instance of a GPU that is shared out. At most 7, and there may be gaps.
  private static func firstInstance(of gpu: NVMLDeviceHandle, _ functions: NVMLFunctions) -> NVMLDeviceHandle? {
    for index in UInt32(0)..<8 {
      var instance: NVMLDeviceHandle?
      if functions.migDevice?(gpu, index, &instance) == 0, let instance { return instance }
    }
    return nil
  }

  private static func differ(_ functions: NVMLFunctions) -> Bool {
    var count: UInt32 = 0
    guard functions.deviceCount?(&count) == 0, count > 1 else { return false }
    var names: Set<[CChar]> = []
    for index in 0..<count {
      var device: NVMLDeviceHandle?
      var name = [CChar](repeating: 0, count: 96)
      if functions.deviceByIndex?(index, &device) == 0, functions.deviceName?(device, &name, UInt32(name.count)) == 0 { names.insert(name) }
    }
    return names.count > 1
  }
}

extension GPUSignals.ClockLimits {
  /// NVML's bits; those that mean no harm (idle, clocks set by somebody) are left out.
  init(nvml reasons: UInt64) {
    func has(_ bits: Int) -> Bool { reasons & UInt64(bits) != 0 }
    self = []
    if has(Int(NVML_SOFTWARE_POWER_CAP)) { insert(.powerCap) }
    if has(Int(NVML_SOFTWARE_THERMAL_SLOWDOWN) | Int(NVML_HARDWARE_THERMAL_SLOWDOWN)) { insert(.thermal) }
    if has(Int(NVML_HARDWARE_SLOWDOWN)) { insert(.hardwareSlowdown) }
    if has(Int(NVML_POWER_BRAKE)) { insert(.powerBrake) }
  }
}
