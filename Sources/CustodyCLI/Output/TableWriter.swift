// Why: aligned columns for a person. The first rows decide the widths; the rest streams, so that any
// number of rows takes constant memory.

import Journal

/// Writes a table without lines.
final class TableWriter: RowWriter {
  private let columns: [Column]
  private let console: Console
  private let null: String
  private var waiting: [[Cell]] = []
  private var layout: TableLayout?
  private static let sampleCount = 1000

  /// Makes a writer; `null` is what stands for nothing.
  init(_ columns: [Column], to console: Console, null: String) {
    self.columns = columns
    self.console = console
    self.null = null
  }

  func write(_ row: [Cell]) throws {
    if let layout { return try console.write(line(row, layout)) }
    waiting.append(row)
    if waiting.count == Self.sampleCount { try begin() }
  }

  func finish() throws {
    if layout == nil { try begin() }
    try console.flush()
    guard console.isTerminal, let hidden = layout?.hidden, !hidden.isEmpty else { return }
    try console.note("not shown at this width: \(hidden.joined(separator: ", ")) (--full shows all)")
  }

  private func begin() throws {
    let layout = TableLayout(columns, sample: waiting, width: console.width, text: text)
    self.layout = layout
    let heading = columns.map { DisplayText.escaped($0.name) }
    try console.write(layout.line(heading) { console.paint($1, .bold) } + "\n")
    for row in waiting { try console.write(line(row, layout)) }
    waiting = []
  }

  private func line(_ row: [Cell], _ layout: TableLayout) -> String {
    layout.line(row.map(text)) { column, text in
      row[column] == .null ? console.paint(text, .dim) : console.paint(text, columns[column].ink?(text))
    } + "\n"
  }

  private func text(_ cell: Cell) -> String { cell == .null ? null : DisplayText.escaped(cell.plain) }
}

/// The widths of a table's columns, and those that do not fit.
struct TableLayout {
  private struct Slot {
    var column: Int
    var width: Int
    var isTrailing: Bool
  }

  private static let separator = "  "
  private var slots: [Slot] = []
  /// The names of columns that are left out.
  private(set) var hidden: [String] = []

  /// Decides from sample rows; `width` nil is any width.
  init(_ columns: [Column], sample: [[Cell]], width: Int?, text: (Cell) -> String) {
    for (index, column) in columns.enumerated() {
      let cells = sample.map { index < $0.count ? $0[index] : .null }
      let widest = cells.reduce(0) { max($0, DisplayText.width(text($1))) }
      let isTrailing = column.isTrailing ?? (cells.contains(where: \.isNumber) && cells.allSatisfy(Self.isNumberOrNull))
      slots.append(
        Slot(column: index, width: max(widest, DisplayText.width(column.name)), isTrailing: isTrailing))
    }
    guard let width else { return }
    drop(columns, to: width)
    shrink(columns, to: width)
  }

  private static func isNumberOrNull(_ cell: Cell) -> Bool { cell == .null || cell.isNumber }

  private func total(_ widths: [Int]) -> Int {
    widths.reduce(0, +) + Self.separator.utf8.count * max(0, widths.count - 1)
  }

  private func least(_ slot: Slot, _ columns: [Column]) -> Int {
    // A number that is cut is another number.
    guard let minimum = columns[slot.column].minimum, !slot.isTrailing else { return slot.width }
    return min(slot.width, max(1, minimum))
  }

  private mutating func drop(_ columns: [Column], to width: Int) {
    while total(slots.map { least($0, columns) }) > width {
      let ranked = slots.indices.filter { columns[slots[$0].column].dropRank != nil }
      guard let last = ranked.max(by: { rank(slots[$0], columns) < rank(slots[$1], columns) }) else { return }
      hidden.insert(columns[slots.remove(at: last).column].name, at: 0)
    }
  }

  private func rank(_ slot: Slot, _ columns: [Column]) -> Int { columns[slot.column].dropRank ?? 0 }

  // Takes columns away from the widest first, so that short ones stay whole.
  private mutating func shrink(_ columns: [Column], to width: Int) {
    var excess = total(slots.map(\.width)) - width
    while excess > 0 {
      let candidates = slots.indices.filter { slots[$0].width > least(slots[$0], columns) }
      guard let widest = candidates.max(by: { slots[$0].width < slots[$1].width }) else { return }
      let next = candidates.filter { $0 != widest }.map { slots[$0].width }.max() ?? 0
      let floor = max(least(slots[widest], columns), min(next, slots[widest].width - 1))
      let step = min(excess, slots[widest].width - floor)
      slots[widest].width -= step
      excess -= step
    }
  }

  /// One line without its end; `paint` gets column and text after cutting, and must not change its width.
  func line(_ texts: [String], paint: (Int, String) -> String) -> String {
    var line = ""
    for slot in slots {
      let text = slot.column < texts.count ? DisplayText.cut(texts[slot.column], to: slot.width) : ""
      let space = String(repeating: " ", count: max(0, slot.width - DisplayText.width(text)))
      let painted = paint(slot.column, text)
      line += (slot.isTrailing ? space + painted : painted + space) + Self.separator
    }
    while line.utf8.last == UInt8(ascii: " ") { line.removeLast() }
    return line
  }
}
