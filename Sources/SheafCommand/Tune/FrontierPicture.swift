import Glibc
import Sheaf

/// Throughput over latency, a line for each layout, the frontier drawn beneath: one file, without scripts or anything from elsewhere.
struct FrontierPicture {
  let report: TuneReport
  private let width = 760.0, height = 440.0, left = 70.0, right = 24.0, top = 58.0, bottom = 56.0
  private let quickest: Double
  private let slowest: Double
  private let most: Double

  init(_ report: TuneReport) {
    self.report = report
    let points = report.tuned.pointsAtLength
    let target = Double(report.tuned.target)
    quickest = min(target, points.map(\.latency).min() ?? target) / 1.25
    slowest = max(target, points.map(\.latency).max() ?? target) * 1.25
    most = (points.map(\.throughput).max() ?? 1) * 1.08
  }

  var html: String {
    """
    <!doctype html>
    <html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width">
    <title>\(escaped(title))</title>
    <style>body{font:15px/1.5 system-ui,sans-serif;max-width:800px;margin:2em auto;padding:0 1em;color-scheme:light dark}svg{width:100%;height:auto}pre{overflow-x:auto}</style>
    \(svg)
    <pre>\(escaped(report.lines.dropFirst().joined(separator: "\n")))</pre>
    </html>

    """
  }

  var svg: String {
    var parts = [
      """
      <svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 \(Int(width)) \(Int(height))" font-family="system-ui,sans-serif" font-size="12" role="img">
      <style>
        svg{--ink:#222;--soft:#888;--grid:#e4e4e4;--paper:#fff;--c0:#2f6fb7;--c1:#c8611a;--c2:#3a8a4d;--c3:#8a4fa3;--c4:#a08a12;--c5:#5b6770}
        @media(prefers-color-scheme:dark){svg{--ink:#eee;--soft:#999;--grid:#383838;--paper:#181818;--c0:#6aa7ea;--c1:#ee9556;--c2:#6dc585;--c3:#c08ddb;--c4:#d9c04a;--c5:#a6b3bd}}
        text{fill:var(--ink)} .soft{fill:var(--soft)} .grid{stroke:var(--grid)} .line{fill:none;stroke-width:1.5;opacity:.6}
        .frontier{fill:none;stroke:var(--ink);stroke-width:7;opacity:.14;stroke-linejoin:round;stroke-linecap:round} .target{stroke:var(--soft);stroke-dasharray:4 4}
      </style>
      <rect width="100%" height="100%" fill="var(--paper)"/>
      """,
      text(left, 22, escaped(title), "font-size=\"15\" font-weight=\"600\""),
    ]
    parts += axes
    let target = Double(report.tuned.target)
    parts.append("<line class=\"target\" x1=\"\(x(target))\" x2=\"\(x(target))\" y1=\"\(top)\" y2=\"\(height - bottom)\"/>")
    parts.append(text(x(target) - 5, top + 11, "target \(Units.text(duration: report.tuned.target))", "class=\"soft\" text-anchor=\"end\""))
    parts.append(path(report.frontier.points, "frontier"))
    for (place, layout) in report.tuned.layouts.enumerated() {
      let points = report.tuned.pointsAtLength.filter { $0.layout == layout }
      let color = "var(--c\(place % 6))"
      parts.append(path(points, "line", "stroke=\"\(color)\""))
      parts += points.map { point in
        let isMarked = !report.mark(point).isEmpty
        let ring = isMarked ? "stroke=\"var(--ink)\" stroke-width=\"2\"" : ""
        let says = "\(report.words(layout)), \(point.rows) rows: \(Figures.short(point.throughput)) \(report.rows)/s, \(Figures.milliseconds(point.latency)) ms"
        return "<circle cx=\"\(x(point.latency))\" cy=\"\(y(point.throughput))\" r=\"\(isMarked ? 6 : 4)\" fill=\"\(color)\" \(ring)><title>\(says)</title></circle>"
      }
      let at = left + Double(place) * 112
      parts.append("<circle cx=\"\(at + 5)\" cy=\"40\" r=\"4\" fill=\"\(color)\"/>" + text(at + 14, 44, "\(layout) lanes×threads".replacing(" lanes×threads", with: place == 0 ? " lanes×threads" : "")))
    }
    for point in report.frontier.points where !report.mark(point).isEmpty {
      parts.append(text(x(point.latency) + 10, y(point.throughput) + 18, "\(report.mark(point)): \(point.layout), \(point.rows) rows", "font-weight=\"600\""))
    }
    return (parts + ["</svg>"]).joined(separator: "\n")
  }

  private var title: String {
    let path = report.model.path.split(separator: "/").last.map(String.init) ?? report.model.path
    return "\(report.model.name ?? path) on \(report.model.device): \(report.rows)/s\(report.ofLength) over latency"
  }

  private var axes: [String] {
    var parts: [String] = []
    for tick in ticks(most) {
      parts.append("<line class=\"grid\" x1=\"\(left)\" x2=\"\(width - right)\" y1=\"\(y(tick))\" y2=\"\(y(tick))\"/>")
      parts.append(text(left - 8, y(tick) + 4, "\(tick == 0 ? "0" : Figures.short(tick))", "class=\"soft\" text-anchor=\"end\""))
    }
    for decade in -6...6 {
      for digit in [1.0, 2, 5] {
        let value = digit * pow(10, Double(decade)) * 1e6
        guard value >= quickest, value <= slowest else { continue }
        parts.append("<line class=\"grid\" x1=\"\(x(value))\" x2=\"\(x(value))\" y1=\"\(top)\" y2=\"\(height - bottom)\"/>")
        parts.append(text(x(value), height - bottom + 18, decade >= 0 ? "\(Int((value / 1e6).rounded()))" : Figures.milliseconds(value), "class=\"soft\" text-anchor=\"middle\""))
      }
    }
    parts.append(text(width - right, height - 14, "ms: wait for a lane and run, under load (logarithmic)", "class=\"soft\" text-anchor=\"end\""))
    return parts
  }

  private func ticks(_ most: Double) -> [Double] {
    let rough = most / 5
    let power = pow(10, log10(rough).rounded(.down))
    let step = [1.0, 2, 5, 10].first { $0 * power >= rough }! * power
    return Array(stride(from: 0, through: most, by: step))
  }

  private func x(_ latency: Double) -> Double { tenth(left + (width - left - right) * log(latency / quickest) / log(slowest / quickest)) }
  private func y(_ throughput: Double) -> Double { tenth(height - bottom - (height - top - bottom) * throughput / most) }
  private func tenth(_ value: Double) -> Double { (value * 10).rounded() / 10 }

  private func path(_ points: [OperatingPoint], _ kind: String, _ more: String = "") -> String {
    "<polyline class=\"\(kind)\" \(more) points=\"\(points.map { "\(x($0.latency)),\(y($0.throughput))" }.joined(separator: " "))\"/>"
  }

  private func text(_ x: Double, _ y: Double, _ words: String, _ more: String = "") -> String { "<text x=\"\(x)\" y=\"\(y)\" \(more)>\(words)</text>" }

  private func escaped(_ text: String) -> String { text.replacing("&", with: "&amp;").replacing("<", with: "&lt;").replacing("\"", with: "&quot;") }
}
