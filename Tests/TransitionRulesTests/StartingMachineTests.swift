// Why: the default machine is written in code; the vectors' files say what it must be.

import Capture
import Foundation
import PageOwnership
import PageTables
import TestSupport
import Testing

@testable import TransitionRules

struct StartingMachineTests {
  @Test(
    arguments: [
      (Generation.linux6_1, "meta_g0.json"), (.linux6_4, "meta_g1.json"), (.linux6_14, "meta_g3.json"),
      (.linux6_16, "meta_g4.json"), (.linux6_18, "meta_g4b.json"), (.linux7_1, "meta_g2_73.json"),
    ])
  func isTheVectorsMachine(_ generation: Generation, _ file: String) throws {
    let shipped = Recordings.root.appending(path: "Tests/Fixtures/vectors/" + file)
    let shared = Recordings.root.deletingLastPathComponent().appending(path: "shared/data/vectors/" + file)
    let found = [shipped, shared].first { FileManager.default.fileExists(atPath: $0.path) }
    guard let found else { return print("\(file) is not here: the default machine of \(generation) is not compared") }
    let told = try #require(VectorStart(try VectorMachineReader.read(found.path)))
    let start = StartingMachine(generation)
    #expect(start.shape == told.shape)
    for debug in [false, true] {
      let machine = try #require(told.machines[debug])
      #expect(start.machine.host == machine.host)
      #expect(start.machine.hyp == machine.hyp)
      #expect(start.machine.frames == machine.frames)
      #expect(start.machine.guests == machine.guests)
    }
  }
}
