// Why: handles are reused at once, and no line says which guest a handle means: births and deaths follow
// from calls that may fail, overlap and name garbage.

import Analysis
import Capture
import PageOwnership
import Testing

@Suite struct GuestLifeTests {
  /// Imports, and gives the guests as `handle#incarnation born…died`.
  private func lives(_ script: Script) throws -> [String] {
    let imported = try Pipeline.importing(script.text)
    #expect(imported.error == nil)
    let report = try Pipeline.report(imported)
    #expect(report.agrees, "\(report.differences)")
    return imported.rows.spaces.sorted { $0.0.id < $1.0.id }.map { space, born in
      let died = imported.rows.spaceEnds.first { $0.0 == space.id }?.1.rawValue
      let handle = String(space.handle?.rawValue ?? 0, radix: 16)
      return "\(handle)#\(space.incarnation) \(born.rawValue)…" + (died.map { "\($0)" } ?? "")
    }
  }

  /// A call that names a guest.
  private func touch(_ script: inout Script, _ act: Int, _ handle: UInt64, cpu: Int = 0) {
    script.call(
      act, "__pkvm_host_mkyoung_guest",
      "\"gfn\":\"0x80000\",\"handle\":\"\(hexText(handle))\",\"ipa\":\"0x80000000\",\"phys\":null", cpu: cpu,
      state: "\"guest_s2\":[\(leafText(.zero))]")
    script.phase("return", act)
  }

  @Test func failedStepsGiveNoGuest() throws {
    var script = Script()
    script.hypercall(1, "__pkvm_reserve_vm", returns: -12)
    script.hypercall(2, "__pkvm_reserve_vm", returns: 0x1000)
    script.hypercall(3, "__pkvm_init_vm", [1], returns: -22)
    script.hypercall(4, "__pkvm_unreserve_vm", [0x1000], returns: 0)
    #expect(try lives(script) == [])
    script.guest(0x1000, act: 5)
    #expect(try lives(script) == ["1000#1 12…"])
  }

  @Test func handleMayHaveGarbageAboveIt() throws {
    var script = Script()
    script.guest(0x1000, act: 1)
    script.hypercall(3, "__pkvm_start_teardown_vm", [0xdead_1000], returns: 0)
    script.hypercall(4, "__pkvm_finalize_teardown_vm", [0xffff_0000_0000_1001], returns: -2)
    script.hypercall(5, "__pkvm_finalize_teardown_vm", [0xdead_1000], returns: 0)
    #expect(try lives(script) == ["1000#1 4…10"])
  }

  @Test func handleIsReservedAgainInsideTheTeardown() throws {
    var script = Script()
    script.guest(0x1000, act: 1)
    touch(&script, 3, 0x1000)
    script.hypercall(4, "__pkvm_start_teardown_vm", [0x1000], returns: 0)
    script.hypercall(5, "__pkvm_finalize_teardown_vm", [0x1000], cpu: 0)
    script.hypercall(6, "__pkvm_reserve_vm", cpu: 1, returns: 0x1000)
    script.hypercall(7, "__pkvm_init_vm", [1], cpu: 1, returns: 0)
    script.hypercallReturn(5)
    touch(&script, 8, 0x1000)
    #expect(try lives(script) == ["1000#1 4…11", "1000#2 13…"])
  }

  @Test func guestThatNothingNamesIsBornAndDies() throws {
    var script = Script()
    script.hypercall(1, "__pkvm_reserve_vm", returns: 0x1000)
    script.hypercall(2, "__pkvm_reserve_vm", returns: 0x1001)
    script.hypercall(3, "__pkvm_init_vm", [1], returns: 0)
    script.hypercall(4, "__pkvm_start_teardown_vm", [0x1000], returns: 0)
    script.hypercall(5, "__pkvm_finalize_teardown_vm", [0x1000], returns: 0)
    script.hypercall(6, "__pkvm_init_vm", [2], returns: 0)
    #expect(try lives(script) == ["1000#1 8…10", "1001#1 12…"])
  }

  @Test func snapshotNamesAGuestWhoseInitialisationHasNotReturned() throws {
    var script = Script()
    script.hypercall(1, "__pkvm_reserve_vm", returns: 0x1000)
    script.hypercall(2, "__pkvm_reserve_vm", returns: 0x1001)
    script.hypercall(3, "__pkvm_init_vm", [1], cpu: 1)
    script.snapshot(guests: [0x1000])
    script.hypercallReturn(3)
    script.hypercall(4, "__pkvm_unreserve_vm", [0x1001], returns: 0)
    #expect(try lives(script) == ["1000#1 6…"])
  }

  @Test func guestOfBeforeAGapIsNotKnownToBeEmpty() throws {
    var script = Script()
    script.hypercall(1, "__pkvm_reserve_vm", returns: 0x1000)
    script.line("\"phase\":\"mark\",\"cpu\":0,\"mark\":\"0x100\"")
    script.call(
      4, "__pkvm_host_mkyoung_guest",
      "\"gfn\":\"0x80000\",\"handle\":\"0x1000\",\"ipa\":\"0x80000000\",\"phys\":null",
      state: "\"guest_s2\":[\(leafText(.page(0x4000_0000, state: 2)))]")
    var text = script.text
    let lines = RecordingText.lines(text.events)
    text.events.removeSubrange(lines[2].lowerBound..<lines[3].lowerBound)
    let imported = try Pipeline.importing(text)
    #expect(imported.rows.gaps.count == 1)
    #expect(try Pipeline.report(imported).agrees)
    #expect(imported.rows.spaces.first?.1 == SequenceNumber(0))
  }
}
