import Glibc

/// One setting for all traces: what a user has who sets numbers once. Geometric means of scores over the adaptive policy's.
func compareSingle() {
  struct Setting { var name: String; var make: (Scenario) -> Scheduler }
  func nanoseconds(_ scenario: Scenario, _ share: Double) -> Nanoseconds { Nanoseconds(share * scenario.device.target * 1e6) }
  var settings: [Setting] = []
  for share in [0, 0.02, 0.1, 0.3, 0.5, 0.8] {
    for rows in [1, 2, 4, 8, 16, 32, 64, 128] {
      settings.append(Setting(name: "fixed \(rows) rows, wait \(text(100 * share, 0)) % of target") { Worker.fixed(rows: rows, wait: nanoseconds($0, share)) })
    }
    for tokens in [32, 64, 128, 256, 512, 1024, 2048, 4096] {
      settings.append(
        Setting(name: "grouped \(tokens) tokens, wait \(text(100 * share, 0)) % of target") { FixedGrouped(tokens: tokens, rows: 4096, wait: nanoseconds($0, share)) })
    }
  }
  for share in [1, 0.5] { settings.append(Setting(name: "Clipper AIMD, objective \(text(100 * share, 0)) % of target") { $0.aimd(share) }) }
  for rows in [16, 32, 64, 128] {
    settings.append(
      Setting(name: "BentoML, \(rows) rows") { scenario in
        Bento(most: rows, target: nanoseconds(scenario, 1), sheds: scenario.pattern != .backlog)
      })
    settings.append(Setting(name: "TF ASBS, \(rows) rows") { SharedAdaptive(most: rows, threads: $0.device.lanes) })
  }
  // The adaptive policy with one objective for all, as the settings have one wait for all.
  for objective in AdaptiveSettings.Objective.allCases { settings.append(Setting(name: "adaptive, always \(objective.rawValue)") { $0.adaptive(objective).make(0) }) }
  var sums = [Double](repeating: 0, count: settings.count), wins = [Int](repeating: 0, count: settings.count), count = 0
  for scenario in Scenario.all {
    let capacity = scenario.capacity
    let traces = (0..<seeds).map { Trace(scenario.pattern, scenario.lengths, records: records, seed: UInt64($0)) }
    let isQuiet = if case .deviceTime = scenario.score { true } else { false }
    let adaptive = mean(score(scenario, scenario.adaptive(isQuiet ? .efficiency : .latency), capacity: capacity, seeds: seeds, records: records, traces: traces))
    for (index, setting) in settings.enumerated() {
      let contender = Contender(name: setting.name, kind: .fixed) { _ in setting.make(scenario) }
      // A missed target counts as a hundredth.
      let ratio = max(0.01, mean(score(scenario, contender, capacity: capacity, seeds: seeds, records: records, traces: traces)) / adaptive)
      sums[index] += log(ratio)
      if ratio > 1 { wins[index] += 1 }
    }
    count += 1
  }
  print("| one setting for all \(count) traces | geometric mean, adaptive = 1 | better than adaptive on |")
  print("|---|---|---|")
  for index in settings.indices.sorted(by: { sums[$0] > sums[$1] }).prefix(12) {
    print("| \(settings[index].name) | \(text(exp(sums[index] / Double(count)), 3)) | \(wins[index]) |")
  }
  for prefix in ["Clipper", "BentoML", "TF ASBS", "fixed"] {
    let best = settings.indices.filter { settings[$0].name.hasPrefix(prefix) }.max { sums[$0] < sums[$1] }!
    print("| \(settings[best].name) (best of its kind) | \(text(exp(sums[best] / Double(count)), 3)) | \(wins[best]) |")
  }
}
