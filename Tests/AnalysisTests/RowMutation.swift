// Why: single mutations of a journal's entries, with everything that hangs on an entry, numbered densely again, so
// that no gap gives them away. Not here: who notices (AuditMutationTests).

import Foundation
import Journal
import PageOwnership
import TestSupport

/// A mutation of one entry.
struct RowMutation: CustomStringConvertible {
  enum Kind: String, CaseIterable {
    case drop, duplicate, swap, phase, state, owner, result, page
  }

  var kind: Kind
  var place: Int
  var what: String

  static let generations: [Generation] = [.linux6_4, .linux6_14, .linux6_18, .linux7_1]

  var description: String { "\(kind.rawValue) of entry \(place + 1) (\(what))" }

  /// Mutates a random entry behind the first snapshot; nil if that one has nothing of the kind.
  static func draw(_ good: Imported, _ random: inout SeededRandom) -> (RowMutation, Imported)? {
    let kind = random.pick(Kind.allCases)
    let place = 1 + random.below(good.rows.entries.count - 1)
    let site = good.sites[good.rows.entries[place].site]
    let what = [site?.kind.rawValue, site?.operation?.rawValue, site?.kernelStep].compactMap { $0 }.joined(
      separator: " ")
    let mutation = RowMutation(kind: kind, place: place, what: what)
    var mutant = good
    return mutation.apply(&mutant, &random) ? (mutation, mutant) : nil
  }

  private func apply(_ imported: inout Imported, _ random: inout SeededRandom) -> Bool {
    let seq = imported.rows.entries[place].seq
    switch kind {
    case .drop: imported.rows.drop(place)
    case .duplicate: return imported.rows.duplicate(place)
    case .swap:
      guard place + 1 < imported.rows.entries.count else { return false }
      imported.rows.swap(place)
    case .phase: return changePhase(&imported, &random)
    case .state: return changeWord(&imported.rows, seq, Array(55...56) + Array(24...25) + Array(28...29), &random)
    case .owner: return changeWord(&imported.rows, seq, Array(1...4) + Array(20...22), &random)
    case .result: return changeResult(&imported.rows, seq, &random)
    case .page: return changePage(&imported.rows, seq, &random)
    }
    return true
  }

  // The words of another entry of the same kind and operation.
  private func changePhase(_ imported: inout Imported, _ random: inout SeededRandom) -> Bool {
    let sites = imported.sites
    let entry = imported.rows.entries[place]
    guard let site = sites[entry.site], site.kind == .check || site.kind == .apply else { return false }
    let others = sites.filter {
      $0.key != entry.site && $0.value.kind == site.kind && $0.value.operation == site.operation
    }
    guard let other = others.keys.sorted(by: { $0.rawValue < $1.rawValue }).first else { return false }
    imported.rows.entries[place].site = other
    return true
  }

  private func changeWord(
    _ rows: inout EntryBatch, _ seq: SequenceNumber, _ bits: [UInt64], _ random: inout SeededRandom
  ) -> Bool {
    let places = rows.changes.indices.filter { rows.changes[$0].seq == seq && rows.changes[$0].new != nil }
    guard !places.isEmpty else { return false }
    let place = random.pick(places)
    let isFrame = rows.changes[place].table == .vmemmap
    let fitting = bits.filter { isFrame == (24...31).contains($0) }
    guard !fitting.isEmpty else { return false }
    rows.changes[place].new = (rows.changes[place].new ?? 0) ^ 1 << random.pick(fitting)
    return true
  }

  private func changeResult(_ rows: inout EntryBatch, _ seq: SequenceNumber, _ random: inout SeededRandom) -> Bool {
    guard let result = rows.entries[place].result else { return false }
    let other = random.pick([0, -1, -2, -12, -16, -22, 22].filter { $0 != result })
    rows.entries[place].result = other
    for index in rows.transitionEnds.indices where rows.transitionEnds[index].lastSeq == seq {
      rows.transitionEnds[index].result = other
    }
    for index in rows.activationEnds.indices where rows.activationEnds[index].lastSeq == seq {
      rows.activationEnds[index].result = other
    }
    return true
  }

  private func changePage(_ rows: inout EntryBatch, _ seq: SequenceNumber, _ random: inout SeededRandom) -> Bool {
    let places = rows.changes.indices.filter { rows.changes[$0].seq == seq }
    if !places.isEmpty {
      let place = random.pick(places)
      rows.changes[place].pages.first = rows.changes[place].pages.first.advanced(by: 1)
      return true
    }
    guard let page = rows.entries[place].page else { return false }
    rows.entries[place].page = page.advanced(by: 1)
    return true
  }
}

extension EntryBatch {
  /// Takes an entry out, with what it begins, ends or changes.
  fileprivate mutating func drop(_ place: Int) {
    let seq = entries[place].seq
    entries.remove(at: place)
    changes.removeAll { $0.seq == seq }
    observations.removeAll { $0.seq == seq }
    transitions.removeAll { $0.firstSeq == seq }
    transitionEnds.removeAll { $0.lastSeq == seq }
    activations.removeAll { $0.firstSeq == seq }
    activationEnds.removeAll { $0.lastSeq == seq }
    renumber { $0 > seq ? SequenceNumber($0.rawValue - 1) : $0 }
  }

  /// Puts an entry in a second time; a begin or an end cannot be: their rows have numbers of their own.
  fileprivate mutating func duplicate(_ place: Int) -> Bool {
    let entry = entries[place]
    let isEnd =
      transitionEnds.contains { $0.lastSeq == entry.seq } || activationEnds.contains { $0.lastSeq == entry.seq }
    if isEnd || transitions.contains(where: { $0.firstSeq == entry.seq }) { return false }
    if activations.contains(where: { $0.firstSeq == entry.seq }) { return false }
    let mine = changes.filter { $0.seq == entry.seq }
    renumber { $0 > entry.seq ? SequenceNumber($0.rawValue + 1) : $0 }
    var copy = entry
    copy.seq = SequenceNumber(entry.seq.rawValue + 1)
    entries.insert(copy, at: place + 1)
    let copies = mine.map { change in
      var change = change
      change.seq = copy.seq
      return change
    }
    let end = changes.firstIndex { $0.seq > copy.seq } ?? changes.count
    changes.insert(contentsOf: copies, at: end)
    return true
  }

  /// Exchanges an entry and the next one.
  fileprivate mutating func swap(_ place: Int) {
    let (one, other) = (entries[place].seq, entries[place + 1].seq)
    renumber { $0 == one ? other : $0 == other ? one : $0 }
    entries.sort { $0.seq < $1.seq }
    changes.sort { ($0.seq, $0.ordinal) < ($1.seq, $1.ordinal) }
    observations.sort { ($0.seq, $0.ordinal) < ($1.seq, $1.ordinal) }
  }

  private mutating func renumber(_ number: (SequenceNumber) -> SequenceNumber) {
    for index in entries.indices { entries[index].seq = number(entries[index].seq) }
    for index in changes.indices { changes[index].seq = number(changes[index].seq) }
    for index in observations.indices { observations[index].seq = number(observations[index].seq) }
    for index in transitions.indices { transitions[index].firstSeq = number(transitions[index].firstSeq) }
    for index in activations.indices { activations[index].firstSeq = number(activations[index].firstSeq) }
    for index in activationEnds.indices { activationEnds[index].lastSeq = number(activationEnds[index].lastSeq) }
    for index in transitionEnds.indices {
      transitionEnds[index].lastSeq = number(transitionEnds[index].lastSeq)
      transitionEnds[index].failedSeq = transitionEnds[index].failedSeq.map(number)
    }
  }
}

/// What the store itself sees of rows that contradict each other: they are written, so that the seals are right, and
/// checked as `custody verify` does.
enum JournalRows {
  /// What is wrong; nil if nothing is.
  static func problem(_ imported: Imported) throws -> String? {
    let folder = FileManager.default.temporaryDirectory.appending(path: "custody-" + UUID().uuidString)
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: folder) }
    let path = folder.appending(path: "mutant.db").path
    var rows = imported.rows
    rows.spaces.removeAll { !$0.0.id.isGuest }
    do {
      let writer = try JournalWriter.create(at: path, facts: imported.facts)
      try writer.append(rows)
      try writer.close()
      return try JournalReader(at: path).integrity().first?.message
    } catch {
      return "\(error)"
    }
  }
}
