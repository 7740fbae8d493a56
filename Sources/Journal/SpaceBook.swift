// Why: the spaces of a journal while its history is read: which of them an entry has named
// already. A space is hashed with the first entry that names it, because its row may be written long after
// its birth.

import PageOwnership

/// The spaces that a scan knows.
struct SpaceBook: Sendable {
  private let lives: [SpaceLife]
  private var isNamed: [Bool]
  private var births: [Int] = []
  private var lastNamed: Int64 = 0
  private let isWhole: Bool

  /// All spaces of a journal, none of them named yet.
  init(_ lives: [SpaceLife]) {
    self.lives = lives
    isNamed = lives.map { !$0.space.id.isGuest }
    isWhole = true
  }

  /// All spaces of a journal; behind an anchor some are named already.
  init(_ lives: [SpaceLife], behind anchor: Anchor?) {
    self.init(lives)
    guard let anchor else { return }
    isNamed = lives.map { !$0.space.id.isGuest || !anchor.isLoose($0.space.id) }
  }

  /// Only those that no entry before the scan has named; every other number is taken for a space.
  init(loose lives: [SpaceLife]) {
    self.lives = lives
    isNamed = lives.map { _ in false }
    isWhole = false
  }

  /// Notes that an entry names a space; false if there is none with that number.
  @inline(__always)
  mutating func mention(_ number: Int64) -> Bool {
    number == lastNamed || search(number)
  }

  private mutating func search(_ number: Int64) -> Bool {
    var low = 0
    var high = lives.count
    while low < high {
      let middle = (low + high) / 2
      if Int64(lives[middle].space.id.rawValue) < number { low = middle + 1 } else { high = middle }
    }
    guard low < lives.count, Int64(lives[low].space.id.rawValue) == number else { return !isWhole }
    if !isNamed[low] {
      isNamed[low] = true
      births.append(low)
    }
    lastNamed = number
    return true
  }

  /// Whether the entry named spaces for the first time.
  var hasBirths: Bool { !births.isEmpty }

  /// Hashes the spaces that the entry named for the first time.
  mutating func takeBirths(into hasher: inout SealHasher) {
    for place in births.sorted() { hasher.add(lives[place].space, bornSeq: lives[place].bornSeq) }
    births.removeAll(keepingCapacity: true)
  }

  /// The spaces that no entry has named.
  var loose: [SpaceLife] { lives.indices.filter { !isNamed[$0] }.map { lives[$0] } }
}
