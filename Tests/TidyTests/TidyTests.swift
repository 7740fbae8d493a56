// Why: the style law, executed over the tree. A failure names file and line, the reason and the mend.

import Foundation
import Testing

@Suite struct TidyTests {
  private func expectNone(_ findings: [Finding], _ location: SourceLocation = #_sourceLocation) {
    let count = findings.count
    #expect(count == 0, "\(findings.map(\.description).joined(separator: "\n"))", sourceLocation: location)
  }

  private func judge(
    _ files: [TidyFile], _ rule: (TidyFile) -> [Finding], _ location: SourceLocation = #_sourceLocation
  ) {
    #expect(!files.isEmpty, "no files were found", sourceLocation: location)
    expectNone(files.flatMap(rule), location)
  }

  /// The words of the law stand in its own files.
  private let lay = TidyTree.files.filter { !$0.path.hasPrefix("Tests/TidyTests/") }

  @Test func linesAreShort() { judge(TidyTree.files, Rules.lineLength) }
  @Test func functionsAreShort() { judge(TidyTree.swift, Rules.functionLength) }
  @Test func filesAreShort() { judge(TidyTree.files, Rules.fileLength) }
  @Test func filesSayWhy() { judge(TidyTree.files, Rules.fileReason) }
  @Test func exportsAreDocumented() { judge(TidyTree.swift, Rules.documentation) }
  @Test func wordsAreOurs() { judge(lay, Rules.words) }
  @Test func vocabularyIsOurs() { judge(TidyTree.swift, Rules.vocabulary) }
  @Test func importsGoDown() { judge(TidyTree.swift, Rules.layers) }
  @Test func testsImportTesting() { judge(TidyTree.swift, Rules.testImports) }
  @Test func noMachinePaths() { judge(lay, Rules.machinePaths) }
  @Test func theTopLevelIsClosed() { expectNone(Rules.topLevel(TidyTree.topLevel)) }

  @Test func migrationsAreRegistered() {
    let names = TidyTree.paths.filter { $0.hasPrefix("migrations/") }.map { String($0.dropFirst(11)) }
    let journal = TidyTree.swift.filter { $0.path.hasPrefix("Sources/Journal/") }
    expectNone(Rules.migrations(names, registry: journal.flatMap(\.code).joined(separator: "\n")))
  }

  @Test func theReadmeHoldsTheCommands() { expectNone(Rules.readmeCommands(TidyTree.text("README.md") ?? "")) }

  @Test func functionsAreShortInTheMedian() {
    let lengths = TidyTree.swift.filter(\.isSource)
      .flatMap { FunctionScanner.bodies(in: $0.code) }.map(\.lineCount).sorted()
    let median = lengths.isEmpty ? 0 : lengths[lengths.count / 2]
    #expect(median < 10, "the median of \(lengths.count) functions is \(median) lines: they do more than one thing")
  }
}
