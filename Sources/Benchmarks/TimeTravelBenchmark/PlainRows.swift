// Why: rows of a finished journal as the C program takes them, read before the clock runs.

import CAppendBaseline
import Glibc
import Journal

/// Some rows of one table, in order of their key.
final class PlainRows {
  private(set) var rows: [custody_baseline_row] = []
  private var texts: [UnsafeMutablePointer<CChar>] = []

  /// The rows behind a key, about as many as a group has, whole keys only; `last` becomes the last key.
  init(_ reader: JournalReader, _ table: String, key: String, after last: inout Int64) throws {
    try read(reader, table, key, &last)
    guard rows.isEmpty, let next = try reader.number("SELECT min(\(key)) FROM \(table) WHERE \(key) > \(last)") else {
      return
    }
    last = next - 1
    try read(reader, table, key, &last)
  }

  private func read(_ reader: JournalReader, _ table: String, _ key: String, _ last: inout Int64) throws {
    let end = last + 10_000
    try reader.query("SELECT * FROM \(table) WHERE \(key) > \(last) AND \(key) <= \(end) ORDER BY 1, 2") { cells in
      add(cells)
      return true
    }
    last = end
  }

  deinit { for text in texts { free(text) } }

  private func add(_ cells: [SQLCell]) {
    var row = custody_baseline_row()
    withUnsafeMutableBytes(of: &row.values) { bytes in
      let values = bytes.bindMemory(to: Int64.self)
      for (index, cell) in cells.enumerated() {
        switch cell {
        case .integer(let value): values[index] = value
        case .text(let text):
          guard let copy = strdup(text) else { continue }
          texts.append(copy)
          row.text = UnsafePointer(copy)
          row.text_bytes = Int32(clamping: strlen(copy))
        default: row.nulls |= 1 << UInt32(index)
        }
      }
    }
    rows.append(row)
  }
}
