import Glibc
import SheafTesting
import Testing

@testable import Sheaf

/// NVML of two GPUs in a few lines of C. Handles: 1 and 2 for GPUs, 11 for an instance of GPU 1.
private let source = """
  #include <string.h>
  typedef struct { unsigned gpu, memory; } Utilization;
  typedef struct { unsigned long long total, free, used; } Memory;
  #define H(x) ((void *)(long)(x))
  #ifndef INIT
  #define INIT 0
  #endif
  #ifndef NAMES
  #define NAMES "H", "H"
  #endif
  int nvmlInit_v2(void) { return INIT; }
  const char *nvmlErrorString(int code) { return code == 9 ? "Driver Not Loaded" : "?"; }
  int nvmlDeviceGetCount_v2(unsigned *count) { *count = 2; return 0; }
  int nvmlDeviceGetHandleByIndex_v2(unsigned index, void **device) { if (index > 1) return 2; *device = H(1 + index); return 0; }
  int nvmlDeviceGetHandleByUUID(const char *uuid, void **device) {
    if (!strcmp(uuid, "GPU-two")) *device = H(2);
    else if (!strcmp(uuid, "MIG-one")) *device = H(11);
    else return 6;
    return 0;
  }
  int nvmlDeviceGetName(void *device, char *name, unsigned length) {
    static const char *names[] = {NAMES};
    strncpy(name, names[(long)device - 1], length);
    return 0;
  }
  int nvmlDeviceGetUtilizationRates(void *device, Utilization *u) {
    if (device == H(11)) return 3;
    u->gpu = device == H(1) ? 87 : 13; u->memory = 99;
    return 0;
  }
  int nvmlDeviceGetMemoryInfo(void *device, Memory *m) {
    if (device == H(11)) *m = (Memory){1000, 400, 600};
    else *m = (Memory){80000, 79000, 1000 * (long)device};
    return 0;
  }
  int nvmlDeviceGetPowerUsage(void *device, unsigned *milliwatts) { if (device == H(11)) return 3; *milliwatts = 61500; return 0; }
  #ifdef OLD
  int nvmlDeviceGetCurrentClocksThrottleReasons(void *device, unsigned long long *reasons) { *reasons = 0x20 | 0x1; return 0; }
  #else
  int nvmlDeviceGetCurrentClocksEventReasons(void *device, unsigned long long *reasons) { *reasons = 0x8 | 0x4 | 0x80 | 0x2; return 0; }
  int nvmlDeviceGetMigMode(void *device, unsigned *current, unsigned *pending) {
    if (device == H(2)) return 3;
  #ifdef MIG
    *current = *pending = 1;
  #else
    *current = 0, *pending = 1;
  #endif
    return 0;
  }
  int nvmlDeviceGetMigDeviceHandleByIndex(void *device, unsigned index, void **instance) { if (device != H(1) || index != 3) return 6; *instance = H(11); return 0; }
  int nvmlDeviceGetDeviceHandleFromMigDeviceHandle(void *instance, void **device) { if (instance != H(11)) return 2; *device = H(1); return 0; }
  #endif
  """

/// The fake library, built with the C compiler that building Sheaf needs anyway.
private final class FakeNVML {
  let folder: TemporaryDirectory
  var path: String { folder.path + "/libnvidia-ml.so.1" }

  init(_ definitions: String...) throws {
    folder = try TemporaryDirectory()
    try writeText(source, to: folder.path + "/nvml.c")
    let arguments = ["cc", "-shared", "-fPIC", "-o", path, folder.path + "/nvml.c"] + definitions.map { "-D\($0)" }
    try #require(try ChildProcess(arguments).wait() == .code(0), "cc cannot build the fake library")
  }

  func open(_ device: Int = 0, _ variables: [String: String] = [:]) throws -> GPUSignals {
    try NVML(cuda: device, library: path, environment: { variables[$0] }).read()
  }
}

private let hasCompiler = (try? ChildProcess(["cc", "--version"], output: .null).wait()) == .code(0)

@Suite(.enabled(if: hasCompiler, "there is no C compiler called cc")) struct NVMLTests {
  @Test func whatAGPUSays() throws {
    let fake = try FakeNVML()
    var first = GPUSignals()
    (first.utilization, first.memoryUsed, first.memoryTotal, first.power) = (0.87, 1000, 80000, 61.5)
    (first.clockLimits, first.isMIG) = ([.hardwareSlowdown, .powerCap, .powerBrake], false)
    #expect(try fake.open() == first)
    // The second knows no MIG.
    let second = try fake.open(1)
    #expect(second.utilization == 0.13 && second.memoryUsed == 2000 && second.isMIG == nil)
  }

  @Test func theDevicesThatCUDAShows() throws {
    let fake = try FakeNVML()
    func used(_ device: Int, _ visible: String) throws -> Int? { try fake.open(device, ["CUDA_VISIBLE_DEVICES": visible]).memoryUsed }
    #expect(try used(0, "1,0") == 2000)
    #expect(try used(1, "1,0") == 1000)
    #expect(try used(0, "GPU-two") == 2000)
    let problem = #expect(throws: NVML.Absent.self) { try used(0, "GPU-three") }
    #expect(problem?.description.contains("GPU-three") == true)
    #expect(throws: NVML.Absent.self) { try used(1, "0") }
    #expect(throws: NVML.Absent.self) { try used(7, "0,1,2,3,4,5,6,7") }
  }

  /// Which of them CUDA calls 0 is not to be known from here, unless it was told to number them as NVML does.
  @Test func differentGPUsAreNotMistakenForEachOther() throws {
    let fake = try FakeNVML("NAMES=\"T4\",\"H\"")
    let problem = #expect(throws: NVML.Absent.self) { try fake.open() }
    #expect(problem?.description.contains("CUDA_DEVICE_ORDER") == true)
    #expect(try fake.open(0, ["CUDA_DEVICE_ORDER": "PCI_BUS_ID"]).memoryUsed == 1000)
    #expect(try fake.open(0, ["CUDA_VISIBLE_DEVICES": "GPU-two"]).memoryUsed == 2000)
  }

  /// Memory is the instance's, power the GPU's, utilisation nobody's: by the instance's name, and as CUDA chooses by itself.
  @Test(arguments: [[:], ["CUDA_VISIBLE_DEVICES": "MIG-one"]]) func anInstance(_ variables: [String: String]) throws {
    let signals = try FakeNVML("MIG").open(0, variables)
    #expect(signals.isMIG == true)
    #expect(signals.utilization == nil)
    #expect(signals.memoryUsed == 600 && signals.memoryTotal == 1000)
    #expect(signals.power == 61.5)
  }

  /// No MIG functions, and the reasons under their older name.
  @Test func anOlderLibrary() throws {
    let signals = try FakeNVML("OLD").open()
    #expect(signals.clockLimits == .thermal)
    #expect(signals.isMIG == nil)
    #expect(signals.utilization == 0.87)
  }

  @Test func aDriverThatDoesNotRun() throws {
    let problem = #expect(throws: NVML.Absent.self) { try FakeNVML("INIT=9").open() }
    #expect(problem?.description.contains("Driver Not Loaded") == true)
  }

  @Test func noLibrary() throws {
    let problem = #expect(throws: NVML.Absent.self) { try NVML(cuda: 0, library: "/nowhere/libnvidia-ml.so.1") }
    #expect(problem?.description.contains("/nowhere") == true)
  }

  /// The reader opens NVML for a GPU alone, reads at most once in its interval, and has the share of what came between two readings.
  @Test func theReader() throws {
    let fake = try FakeNVML()
    let second: Nanoseconds = 1_000_000_000
    let onCPU = SignalReader(device: "cpu", library: "/nowhere")
    #expect(onCPU.problem == nil && onCPU.current().gpu == nil)
    let absent = SignalReader(device: "cuda:0", library: "/nowhere")
    #expect(absent.problem != nil && absent.current().gpu == nil)
    let reader = SignalReader(device: "tensorrt:0", library: fake.path, now: 10 * second)
    #expect(reader.problem == nil)
    let first = reader.current(10 * second)
    #expect(first.gpu?.power == 61.5 && first.processors == nil)
    #expect(first.memoryUsed ?? 0 > 0 && first.memoryLimit ?? 0 > 0)
    #expect(reader.current(11 * second - 1).time == 10 * second)
    let next = reader.current(11 * second)
    #expect(next.time == 11 * second)
    #expect(next.processors ?? -1 >= 0)
  }
}

@Suite struct VisibleDeviceTests {
  @Test(arguments: [
    (2, nil, .index(2)), (0, "3", .index(3)), (1, "3, 1 ,0", .index(1)), (0, "GPU-1a,0", .uuid("GPU-1a")), (0, "MIG-2b", .uuid("MIG-2b")),
    (0, "", nil), (0, "-1", nil), (1, "0,-1,2", nil), (2, "0,-1,2", nil), (0, "0,-1,2", .index(0)), (1, "0", nil), (0, "none", nil), (-1, nil, nil),
  ] as [(Int, String?, VisibleDevice?)])
  func find(_ device: Int, _ variable: String?, _ found: VisibleDevice?) { #expect(VisibleDevice.find(device, variable: variable) == found) }
}
