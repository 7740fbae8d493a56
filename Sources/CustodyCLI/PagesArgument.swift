// Why: several pages at once, as typed: one address, `+16` pages, or `..` up to another address.

import ArgumentParser
import Journal
import PageOwnership

/// `0x48163000`, `0x48100000+16`, `0x48100000..0x48110000`, the same behind `pfn:` (frame numbers) and
/// `guest:0x1000#3/`.
struct PagesArgument: ExpressibleByArgument, Equatable {
  /// The first page.
  var first: PageArgument
  /// How many pages, at least one.
  var count: UInt64

  init?(argument: String) {
    let text = argument[...]
    if let dots = text.firstRange(of: "..") {
      guard let first = PageArgument(argument: String(text[..<dots.lowerBound])),
        let end = Self.end(text[dots.upperBound...], isFrame: text.hasPrefix("pfn:")), end > first.frame.rawValue
      else { return nil }
      self.first = first
      count = end - first.frame.rawValue
    } else if let plus = text.lastIndex(of: "+") {
      guard let first = PageArgument(argument: String(text[..<plus])),
        let count = NumberArgument.number(text[text.index(after: plus)...]), count > 0
      else { return nil }
      self.first = first
      self.count = count
    } else {
      guard let first = PageArgument(argument: argument) else { return nil }
      self.first = first
      count = 1
    }
  }

  // The page after the last one: the address is the first byte that is not meant any more.
  private static func end(_ text: Substring, isFrame: Bool) -> UInt64? {
    if isFrame { return NumberArgument.number(text) }
    return NumberArgument.hex(text).map { $0 >> 12 + ($0 & 0xfff == 0 ? 0 : 1) }
  }
}

extension PagesArgument {
  /// The pages that it means at a moment. Throws a ``CommandFailure`` with status 2 for a guest that never lived.
  func asked(of reader: JournalReader, at seq: SequenceNumber, _ console: Console) throws -> AskedPages {
    switch first {
    case .physical(let first): .physical(PageRange(first: first, count: count))
    case .guest(let guest, let first):
      .guest(try guest.space(of: reader.spaces(), at: seq, console), PageRange(first: first, count: count))
    }
  }
}

extension PageArgument {
  /// The frame number, in whichever space.
  var frame: PageFrame {
    switch self {
    case .physical(let page), .guest(_, let page): page
    }
  }
}

extension GuestArgument {
  /// The space it means at a moment: without `#N` the one that lived then, else the last one born before.
  ///
  /// Throws a ``CommandFailure`` with status 2 if there is none.
  func space(of lives: [SpaceLife], at seq: SequenceNumber, _ console: Console) throws -> SpaceID {
    let same = lives.filter { $0.space.handle == handle }
    let born = same.filter { $0.bornSeq <= seq }
    guard incarnation == nil, same.count > 1, let last = born.last else {
      return try space(in: lives.map(\.space), console)
    }
    let living = born.last { life in life.diedSeq.map { $0 > seq } ?? true }
    let chosen = living ?? last
    let words =
      living == nil ? "the last one before entry \(seq.rawValue)" : "the one that lived at entry \(seq.rawValue)"
    try console.note("guest:\(HexText.hex(UInt64(handle.rawValue))) is \(chosen.space.name) here, \(words)")
    return chosen.space.id
  }
}
