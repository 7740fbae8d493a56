// Why: a disk that is full, a limit that is hit, a folder that may not be written: the import ends in words,
// what was committed stays, and it goes on later.

import Foundation
import Testing

@Suite struct RefusalsDiskTests {
  private let sandbox: Sandbox

  init() throws {
    sandbox = try Sandbox()
    try RecordingText.small.write(to: sandbox)
  }

  private static let importing = "\"$CUSTODY\" " + Reference.arguments.joined(separator: " ") + " --group-size 64"

  /// Whether this machine lets us mount a small file system of our own.
  private static let canMount: Bool = {
    let ran = try? Sandbox().shell("mkdir m && unshare -Urm mount -t tmpfs -o size=64k tmpfs m")
    return ran?.status == 0
  }()

  @Test(.enabled(if: canMount, "no user namespaces here: the full disk is not tried"))
  func aFullDisk() throws {
    let script = """
      mkdir small && mount -t tmpfs -o size=400k tmpfs small
      \(Self.importing) -j small/j.db; echo "import $?"
      "$CUSTODY" verify -j small/j.db; echo "verify $?"
      "$CUSTODY" replay -j small/j.db >replayed; echo "replay $?"
      mount -o remount,size=20m small
      \(Self.importing) -j small/j.db --resume; echo "resume $?"
      cp small/j.db custody.db; ls small
      """
    let ran = try sandbox.shell("unshare -Urm bash -c '\(script)'")
    #expect(ran.errors.contains("database or disk is full"), "\(ran)")
    #expect(ran.errors.contains("hint: make room") && ran.errors.contains("--resume"))
    for line in ["import 4", "verify 0", "sound", "replay 0", "resume 0"] {
      #expect(ran.lines.contains(line), "\(ran)")
    }
    #expect(ran.lines.last == "j.db", "\(ran)")
    expectEqual(try Reference.dump(sandbox.file("custody.db")), try Reference.shared.get().dump)
  }

  @Test(.enabled(if: canMount, "no user namespaces here: the full disk is not tried"))
  func aDiskWithoutRoomForAJournal() throws {
    let script = """
      mkdir small && mount -t tmpfs -o size=64k tmpfs small
      \(Self.importing) -j small/j.db; echo "import $?"
      ls small
      """
    let ran = try sandbox.shell("unshare -Urm bash -c '\(script)'")
    #expect(ran.lines == ["import 4"], "\(ran)")
    #expect(ran.errors.contains("full") && ran.errors.contains("j.db"))
  }

  @Test(.enabled(if: canMount, "no user namespaces here: the read-only mount is not tried"))
  func aReadOnlyMount() throws {
    #expect(try sandbox.custody(Reference.arguments).status == 0)
    let script = """
      mkdir small && mount -t tmpfs -o size=20m tmpfs small && cp custody.db small/j.db && cp custody.db small/k.db
      sqlite3 small/k.db "PRAGMA journal_mode = WAL; CREATE TABLE more (x)" ".shell cp small/k.db-wal w" >/dev/null
      rm -f small/k.db-*; cp custody.db small/k.db; cp w small/k.db-wal; mount -o remount,ro small
      for c in verify replay log doctor "sql SELECT(1)"
      do "$CUSTODY" $c -j small/j.db >/dev/null; echo "$c $?"; done
      \(Self.importing) -j small/new.db; echo "import $?"
      "$CUSTODY" log -j small/k.db; echo "log $?"
      """
    let ran = try sandbox.shell("unshare -Urm bash -c '\(script)'")
    let expected = ["verify 0", "replay 0", "log 0", "doctor 0", "sql SELECT(1) 0", "import 4", "log 4"]
    #expect(ran.lines == expected, "\(ran)")
    #expect(ran.errors.contains("Read-only file system") && ran.errors.contains("has a write-ahead log"), "\(ran)")
  }

  @Test(arguments: [10, 150, 300]) func aLimitOfFileSizesDoesNotKill(_ kilobytes: Int) throws {
    let ran = try sandbox.shell("ulimit -f \(kilobytes); \(Self.importing)")
    #expect(ran.status == 4 && ran.errors.contains("ulimit -f"), "\(ran)")
    if sandbox.size("custody.db") >= 0 {
      #expect(try sandbox.custody("verify").status == 0)
      #expect(try sandbox.custody("replay").status == 0)
      let resumed = try sandbox.custody(Reference.arguments + ["--resume"])
      #expect(resumed.status == 0, "\(resumed)")
    } else {
      #expect(!sandbox.names.contains { $0.hasPrefix("custody.db") }, "\(sandbox.names)")
      #expect(try sandbox.custody(Reference.arguments).status == 0)
    }
    expectEqual(try Reference.dump(sandbox.file("custody.db")), try Reference.shared.get().dump)
  }

  // Root may write anywhere, unless it lays its powers down.
  private static let powerless = "if [ $(id -u) = 0 ]; then P='setpriv --inh-caps=-all --bounding-set=-all'; fi; "
  private static let isPowerless: Bool = {
    let ran = try? Sandbox().shell(powerless + "mkdir d && chmod 555 d && ! $P touch d/x 2>/dev/null")
    return ran?.status == 0
  }()

  @Test(.enabled(if: isPowerless, "everything may be written here: a read-only folder is not tried"))
  func aFolderThatMayNotBeWritten() throws {
    #expect(try sandbox.custody(Reference.arguments).status == 0)
    let script = """
      mkdir d && cp custody.db d && chmod 444 d/custody.db && chmod 555 d
      $P \(Self.importing) -j d/new.db; echo "import $?"
      $P \(Self.importing) -j d/custody.db --resume; echo "resume $?"
      for c in verify replay log doctor "sql SELECT(1)"
      do $P "$CUSTODY" $c -j d/custody.db >/dev/null; echo "$c $?"; done
      chmod 755 d; ls d
      """
    let ran = try sandbox.shell(Self.powerless + script)
    #expect(
      ran.lines == [
        "import 4", "resume 2", "verify 0", "replay 0", "log 0", "doctor 0", "sql SELECT(1) 0", "custody.db",
      ], "\(ran)")
    #expect(ran.errors.contains("new.db: Permission denied") && ran.errors.contains("hint: check the permissions"))
  }

  @Test(.enabled(if: isPowerless, "everything may be read here: a forbidden file is not tried"))
  func filesThatMayNotBeRead() throws {
    #expect(try sandbox.custody(Reference.arguments).status == 0)
    let script = """
      chmod 000 custody.db r.events.jsonl
      $P "$CUSTODY" log; echo "log $?"
      $P "$CUSTODY" import r.events.jsonl -j other.db; echo "import $?"
      """
    let ran = try sandbox.shell(Self.powerless + script)
    #expect(ran.lines == ["log 4", "import 4"], "\(ran)")
    #expect(ran.errors.contains("custody.db may not be read") && ran.errors.contains("r.events.jsonl"))
  }
}
