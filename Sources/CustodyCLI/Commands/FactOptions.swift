// Why: what the user says of the machine, over what the recording says of itself.

import ArgumentParser
import Capture
import Glibc
import PageOwnership

struct FactOptions: ParsableArguments {
  @Option(help: "The recording's summary (default: its sibling .summary.json, if there is one).")
  var facts: String?
  @Option(help: "The rules of the kernel: \(Generation.allCases.map(\.rawValue).joined(separator: ", ")).")
  var generation: String?
  @Option(help: "The kernel's version, as text.")
  var kernel: String?
  @Option(help: ArgumentHelp("Whether EL2 debugging was built in.", valueName: "true|false"))
  var el2Debug: Bool?
  @Option(
    help: ArgumentHelp("A region: START+SIZE=memory|nomap|mmio, numbers as 0x…; may be repeated.", valueName: "region"))
  var region: [String] = []

  func validate() throws {
    if let generation, Generation(rawValue: generation) == nil {
      let known = Generation.allCases.map(\.rawValue).joined(separator: ", ")
      throw ValidationError("unknown generation '\(generation)'; known are \(known)")
    }
    for text in region where Self.region(text) == nil {
      throw ValidationError("'\(text)' is no region: write 0x40000000+0x40000000=memory")
    }
  }

  /// The facts for an import of an events file.
  func read(for events: String) throws -> Facts {
    var read = Facts()
    if let facts {
      read = try FactsFile.read(facts)
    } else if let sibling = FactsFile.sibling(of: events), access(sibling, F_OK) == 0 {
      read = try FactsFile.read(sibling)
    }
    if let generation = generation.flatMap(Generation.init(rawValue:)) {
      read.generation = Known(generation, .recorded)
    }
    if let kernel { read.kernel = Known(kernel, .recorded) }
    if let el2Debug { read.el2Debug = Known(el2Debug, .recorded) }
    let regions = region.compactMap(Self.region)
    if !regions.isEmpty { read.regions = Known(regions.sorted { $0.pages.first < $1.pages.first }, .recorded) }
    return read
  }

  private static func region(_ text: String) -> Region? {
    let halves = text.split(separator: "=", maxSplits: 1)
    guard halves.count == 2, let kind = RegionKind(rawValue: String(halves[1])) else { return nil }
    let numbers = halves[0].split(separator: "+", maxSplits: 1).map { FactsFile.hex(String($0)) }
    guard numbers.count == 2, let start = numbers[0], let size = numbers[1], size > 0 else { return nil }
    return Region(pages: PageRange(first: PageFrame(containing: start), count: size >> 12), kind: kind)
  }
}
