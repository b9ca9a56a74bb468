/// Reads the signals when somebody asks, at most once in `interval`: an idle worker reads nothing. May be asked by any thread.
final class SignalReader: @unchecked Sendable {  // Everything mutable is protected by `monitor`.
  private let monitor = Monitor()
  private let interval: Nanoseconds
  private let files = SystemFiles()
  private let nvml: NVML?
  /// Why a GPU is not seen; `nil`: it is, or there is none to see.
  let problem: String?
  private var sample: SystemSample
  private var signals: DeviceSignals
  /// A thread is reading, without the lock; the others take what is there.
  private var isReading = false

  /// Makes the first reading.
  /// - Parameters:
  ///   - device: what the model computes on, as in `Model.device`; NVML is opened for a GPU alone.
  ///   - library: NVML's file.
  init(device: String, library: String = NVML.library, interval: Nanoseconds = 1_000_000_000, now: Nanoseconds = monotonicNow()) {
    self.interval = interval
    let (nvml, problem) = SignalReader.open(device, library)
    self.nvml = nvml
    self.problem = problem
    sample = SystemSample(files, now: now)
    signals = DeviceSignals(sample, since: nil, gpu: nvml?.read())
  }

  /// The last reading, or a new one where that is older than the interval.
  func current(_ now: Nanoseconds = monotonicNow()) -> DeviceSignals {
    let (known, before) = monitor.locked {
      let isDue = !isReading && now >= signals.time &+ interval
      if isDue { isReading = true }
      return (signals, isDue ? sample : nil)
    }
    guard let before else { return known }
    let after = SystemSample(files, now: now)
    let read = DeviceSignals(after, since: before, gpu: nvml?.read())
    monitor.locked {
      isReading = false
      sample = after
      signals = read
    }
    return read
  }

  private static func open(_ device: String, _ library: String) -> (NVML?, String?) {
    let parts = device.split(separator: ":")
    guard parts.first == "cuda" || parts.first == "tensorrt", let number = parts.count == 1 ? 0 : Int(parts[1]) else { return (nil, nil) }
    do { return (try NVML(cuda: number, library: library), nil) } catch { return (nil, error.description) }
  }
}
