// Why: which transitions are asked for, as one statement on the rows beneath the views. Only numbers of
// ours stand in its text, never what a user typed.

import Journal
import PageOwnership

/// What transitions must have to be listed; nothing set means all.
struct LogFilter {
  var operations: [Operation] = []
  var outcomes: [TransitionOutcome] = []
  var cpu: Int32?
  var parent: ActionID?
  var guest: SpaceID?
  /// A guest's page, or a physical one without a space.
  var page: (space: SpaceID?, page: PageFrame)?

  private static let columns = """
    SELECT t.id, t.activation, b.site, t.source_space, t.source_address, t.target_space, t.target_address,
      t.page_count, b.cpu, b.time, t.first_seq, t.arguments, e.last_seq, e.outcome, e.result, e.failed_seq,
      f.site, p.site
    FROM transition_row t
    LEFT JOIN entry_row b ON b.seq = t.first_seq
    LEFT JOIN transition_end e ON e.id = t.id
    LEFT JOIN entry_row f ON f.seq = e.failed_seq
    LEFT JOIN activation_row a ON a.id = t.activation
    LEFT JOIN entry_row p ON p.seq = a.first_seq
    """

  /// The statement; `count` takes the newest.
  func sql(_ sites: Journal.SiteTable, count: Int?, isReversed: Bool) -> String {
    let terms = terms(sites)
    var sql = Self.columns + (terms.isEmpty ? "" : "\nWHERE " + terms.joined(separator: "\n  AND "))
    if let count {
      sql += "\nORDER BY t.id DESC LIMIT \(count)"
      return isReversed ? sql : "SELECT * FROM (\(sql)) ORDER BY 1"
    }
    return sql + "\nORDER BY t.id" + (isReversed ? " DESC" : "")
  }

  private func terms(_ sites: Journal.SiteTable) -> [String] {
    var terms: [String] = []
    if !operations.isEmpty { terms.append("b.site IN (\(siteList(sites)))") }
    if !outcomes.isEmpty { terms.append(outcomeTerm) }
    if let cpu { terms.append("b.cpu = \(cpu)") }
    if let guest { terms.append("(t.source_space = \(guest.rawValue) OR t.target_space = \(guest.rawValue))") }
    if let parent { terms.append(Self.under(parent)) }
    if let page { terms.append("(\(Self.holds(page, "source")) OR \(Self.holds(page, "target")))") }
    return terms
  }

  private func siteList(_ sites: Journal.SiteTable) -> String {
    let numbers = sites.sites.indices.filter { index in
      sites.sites[index].kind == .begin && sites.sites[index].operation.map(operations.contains) == true
    }
    return numbers.map { "\($0 + 1)" }.joined(separator: ",")
  }

  private var outcomeTerm: String {
    let codes = outcomes.map { "\($0.rawValue)" }.joined(separator: ",")
    return outcomes.contains(.open) ? "(e.id IS NULL OR e.outcome IN (\(codes)))" : "e.outcome IN (\(codes))"
  }

  /// The activations at or under one, as a list for IN.
  static func activations(under id: ActionID) -> String {
    """
    (WITH RECURSIVE under(id) AS (
      VALUES (\(id.rawValue)) UNION SELECT c.id FROM activation_row c JOIN under ON c.parent = under.id)
    SELECT id FROM under)
    """
  }

  private static func under(_ id: ActionID) -> String { "t.activation IN " + activations(under: id) }

  // Addresses and counts are unsigned words in signed columns.
  private static func holds(_ page: (space: SpaceID?, page: PageFrame), _ end: String) -> String {
    let space = page.space ?? .host
    let wanted = Int64(bitPattern: page.page.rawValue)
    let first = "(t.\(end)_address >> 12 & 0xfffffffffffff)"
    return "(t.\(end)_space = \(space.rawValue) AND \(first) <= \(wanted)"
      + " AND (t.page_count < 0 OR \(wanted) - \(first) < t.page_count))"
  }
}
