// Why: `custody bisect run`: a user's command judges moment after moment, by git's protocol. Not here: the search
// (Analysis), its state (BisectState), the other commands of the protocol (+Session).

import Analysis
import ArgumentParser
import Journal
import PageOwnership

/// The commands of git's protocol.
enum BisectProtocol {
  /// All of them, for the parent.
  static let commands: [any ParsableCommand.Type] = [
    BisectStartCommand.self, BisectGoodCommand.self, BisectBadCommand.self, BisectSkipCommand.self,
    BisectRunCommand.self, BisectLogCommand.self, BisectReplayCommand.self, BisectResetCommand.self,
  ]
}

struct BisectRunCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "run",
    abstract: "Let a command judge moments until the first bad entry is found",
    discussion: """
      custody bisect run ./is-it-fine.sh
      custody bisect run sh -c 'test $(custody sql -j $CUSTODY_BISECT_DB --format csv "…") = 0'

      The command ends with 0 where the journal is still good, with 1 to 124 where it is bad, with 125 where it \
      cannot tell; 126 and more end the search. $CUSTODY_BISECT_SEQ is the entry, and $CUSTODY_BISECT_DB a journal \
      that ends there, which nobody may write to and which goes away afterwards. Making it takes about as long as \
      importing so many entries; with --no-copy it is the journal itself, and the command asks about --at \
      $CUSTODY_BISECT_SEQ.

      Goes on with the search of `custody bisect start`; without one it begins anew: good before the first entry, \
      bad at the last. Both bounds are judged first. What is assumed is that what is bad stays bad: when the answer is \
      there, entries on both sides of it are judged for evidence against that, and if there is any it is told instead \
      of an answer. With `start --confidence` answers may be wrong now and then.

      Each verdict is kept in JOURNAL-bisect at once: after a crash, or ctrl-C, the same command goes on.

      Exit status: 0 if the entry was found, 1 if there is none, 4 if the command ended the search, 130 interrupted.
      """)

  @OptionGroup var journal: JournalOption
  @Flag(help: "Give the command the journal itself: it asks about --at $CUSTODY_BISECT_SEQ.")
  var noCopy = false
  @Flag(help: "Cut nothing, however narrow the terminal is.")
  var full = false
  @Argument(parsing: .captureForPassthrough, help: "The command with its arguments.")
  var command: [String]

  /// Entries judged on each side of an answer.
  private static let probes = 8
  /// So often in a row a predicate that may be wrong may say that it cannot tell.
  private static let skipLimit = 5

  func run() throws { try run(on: .standard(isFull: full)) }

  /// Searches, and answers on a console.
  func run(on console: Console) throws {
    Interrupt.install()
    let reader = try journal.openReader()
    let file = BisectFile(reader)
    var state = try file.read() ?? Self.begin(file)
    let script = try BisectScript(reader, command, copies: !noCopy)
    defer { script.remove() }
    let text = BisectText(reader, console)
    func judge(_ seq: SequenceNumber) throws -> BisectVerdict {
      let (verdict, status) = try script.judge(seq)
      state.decisions.append(BisectState.Decision(verdict: verdict, seq: seq))
      try file.write(state)
      try console.write("entry \(seq.rawValue): \(verdict.rawValue) (exit \(status))\n")
      return verdict
    }
    if state.doubt == nil { try Self.judgeEnds(state, judge) }
    var skips = 0
    while case let found = state.next(probes: Self.probes), try text.tell(found), case .test(let seq) = found.next {
      skips = try judge(seq) == .skip ? skips + 1 : 0
      guard state.doubt == nil || skips < Self.skipLimit else {
        throw CommandFailure(
          "the command cannot tell at entry \(seq.rawValue), however often it is asked", status: ExitStatus.cannotOpen)
      }
    }
  }

  private static func begin(_ file: BisectFile) throws -> BisectState {
    let head = try file.reader.headSeq()
    let start = try file.reader.startSeq()
    guard head > start else { throw BisectBounds.nothingBetween(start, head) }
    return BisectState(head: head, good: start, bad: head)
  }

  // A search believes its bounds; a wrong one would send it to a wrong end.
  private static func judgeEnds(_ state: BisectState, _ judge: (SequenceNumber) throws -> BisectVerdict) throws {
    for (seq, expected) in [(state.bad, BisectVerdict.bad), (state.good, .good)] {
      let verdict = try state.decisions.last { $0.seq == seq }?.verdict ?? judge(seq)
      guard verdict != expected else { continue }
      throw CommandFailure(
        "entry \(seq.rawValue) should be \(expected.rawValue), and the command says \(verdict.rawValue): there is"
          + " nothing to find",
        hint: "`custody bisect start --good … --bad …` sets other bounds", status: ExitStatus.differences)
    }
  }
}
