import Glibc

/// Records that run together only where they are of one shape (images of several sizes, audio without a mask): the worker's policies
/// against every record alone. A shape's area is its length.
func compareShapes() {
  print("Seeds \(seeds), records \(records). Records a second with 99 of 100 within the target, over those of records alone.\n")
  print("| device | shapes | alone | fixed 32 rows, wait 10 % of target | adaptive | mean rows of its batches |")
  print("|---|---|---|---|---|---|")
  // One that has much to gain from company, as a GPU; one that has little, as a processor with a convolution.
  let devices = [
    Device(name: "8 ms + 1 ms a row of the largest shape", law: .tokens(8, 1.0 / 4096), target: 200),
    Device(name: "1 ms + 8 ms a row of the largest shape", law: .tokens(1, 8.0 / 4096), target: 200),
  ]
  for device in devices {
    for count in [1, 4, 16, 64] {
      let lengths = Lengths.shapes((0..<count).map { 4096 - $0 * 3072 / count })
      let scenario = Scenario(name: "\(device.name), \(count) shapes", device: device, lengths: lengths)
      let traces = (0..<seeds).map { Trace(.poisson, lengths, records: records, seed: UInt64($0)) }
      func rate(_ make: @escaping (UInt64) -> Worker) -> Double {
        let contender = Contender(name: "", kind: .fixed) { seed in
          let worker = make(seed)
          worker.isGrouped = true
          return worker
        }
        return mean(score(scenario, contender, capacity: scenario.capacity, seeds: seeds, records: records, traces: traces))
      }
      let adaptive: (UInt64) -> Worker = { scenario.adaptive(.latency).make($0) as! Worker }
      let alone = rate { _ in Worker.fixed(rows: 1, wait: 0) }, fixed = rate { _ in Worker.fixed(rows: 32, wait: Nanoseconds(device.target * 1e5)) }, own = rate(adaptive)
      let worker = adaptive(0)
      worker.isGrouped = true
      let outcome = simulate(traces[0], rate: own, device, worker, seed: 0)
      print("| \(device.name) | \(count) | \(text(alone, 0)) /s | \(text(fixed / alone)) | \(text(own / alone)) | \(text(Double(outcome.records) / Double(max(1, outcome.batches)), 1)) |")
    }
  }
}
