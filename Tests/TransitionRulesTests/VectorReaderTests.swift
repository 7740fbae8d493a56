// Why: vectors and machines come from files that others may have damaged: what is no vector is an error with
// its line, and what still reads is judged without a trap.

import Capture
import Foundation
import PageOwnership
import TestSupport
import Testing
import TransitionRules

struct VectorReaderTests {
  private func withFile<Value>(_ text: String, _ body: (String) throws -> Value) throws -> Value {
    let file = FileManager.default.temporaryDirectory.appending(path: "g1_\(UUID().uuidString).jsonl")
    try Data(text.utf8).write(to: file)
    defer { try? FileManager.default.removeItem(at: file) }
    return try body(file.path)
  }

  @Test(arguments: [
    #"{"name":"x"}"#, #"{"name":"x","el2_debug":0,"ops":[{"op":"pin"}]}"#,
    #"{"name":"x","el2_debug":0,"ops":[{"op":"pin","args":[],"d":[["host","0x1"]]}]}"#,
    #"{"name":"x","el2_debug":0,"ops":[{"op":"pin","args":[],"ph":[["direct","host","0","check",""]]}]}"#,
    #"{"name":"x","el2_debug":0,"ops":[{"op":"pin","args":[],"fail":{"t":"host"}}]}"#,
    #"{"name":"x","el2_debug":0,"ops":[],"final":[["host",1,2,"O"]]}"#, #"{"setup":[],"name":"x"}"#, "[]", "{",
  ])
  func whatIsNoVectorIsAnErrorWithItsLine(_ line: String) throws {
    let good = #"{"name":"good","el2_debug":1,"ops":[]}"#
    let error = try withFile(good + "\n" + line + "\n") { path in
      let reader = try VectorReader(path: path)
      #expect(try reader.next()?.name == "good")
      return #expect(throws: InputError.self) { try reader.next() }
    }
    #expect(error?.line == 2)
    #expect(error?.code == .malformed)
    #expect(error?.file != nil)
  }

  @Test func rowsOfTablesAreCases() throws {
    let row =
      #"{"el2_debug":0,"host":"S","hyp":"B","guest":"N","shares":0,"ref":1,"op":"host_unshare_hyp","ret":-16,"#
      + #""warn":0,"next":["S","B","N",0,1],"steps":[["host","check","S",0]],"fail":null,"other":[]}"#
    let vector = try withFile(row) { try VectorReader(path: $0).next() }
    #expect(vector?.operations.map(\.name) == ["poke_host", "poke_hyp", "poke_ref", "host_unshare_hyp"])
    #expect(vector?.operations[1].arguments == ["0x41301", "0x1", "Bm"])
    #expect(vector?.operations.last?.changes == [])
    #expect(vector?.operations.last?.phases == [VectorPhase("direct", "host", 0, "check", "S")])
  }

  @Test func damagedVectorsEndInOrder() throws {
    var random = SeededRandom(seed: SeededRandom.seed(11))
    let cases = ProcessInfo.processInfo.environment["CUSTODY_FUZZ_CASES"].flatMap { Int($0) } ?? 400
    for file in Vectors.shipped.filter({ $0.contains("_e_") }) {
      let told = try VectorMachineReader.read(try #require(VectorMachineReader.sibling(of: file)))
      let judge = VectorJudge(try #require(VectorStart(told)))
      let lines = try Self.lines(of: file)
      for _ in 0..<cases / 4 { try tryDamaged(random.pick(lines), judge, &random) }
    }
  }

  private func tryDamaged(_ line: String, _ judge: VectorJudge, _ random: inout SeededRandom) throws {
    var bytes = Array(line.utf8)
    for _ in 0...random.below(3) {
      let place = random.below(bytes.count)
      switch random.below(3) {
      case 0: bytes[place] = UInt8(ascii: "0") + UInt8(random.below(10))
      case 1: bytes.insert(UInt8(ascii: "f"), at: place)
      default: bytes.remove(at: place)
      }
    }
    try withFile(String(decoding: bytes, as: UTF8.self)) { path in
      let reader = try VectorReader(path: path)
      do {
        while let vector = try reader.next() { #expect(judge.judge(vector).cases == 1) }
      } catch { #expect(error is InputError, "seed \(random.seed)") }
    }
  }

  /// The lines of a packed file.
  private static func lines(of file: String) throws -> [String] {
    let reader = LineReader(try ByteSource(path: file))
    var lines: [String] = []
    while let line = try reader.next() { lines.append(String(decoding: line.bytes, as: UTF8.self)) }
    return lines
  }
}
