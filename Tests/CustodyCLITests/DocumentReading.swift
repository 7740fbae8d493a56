// Why: documents for other tools are held against their schemas: small readers that say which object is wrong. The
// schemas themselves are not shipped; what is demanded of them stands in the tests.

import Foundation
import FoundationXML
import Testing

/// Something that a schema does not allow.
struct SchemaBreach: Error {
  var message: String
}

/// A JSON object with its name in the schema.
struct SchemaObject {
  private let fields: [String: Any]
  private let name: String

  init(_ value: Any?, _ name: String) throws {
    guard let fields = value as? [String: Any] else { throw SchemaBreach(message: "\(name) is no object") }
    self.fields = fields
    self.name = name
  }

  subscript(key: String) -> Any? { fields[key] }

  /// Throws if a key is missing, or is not among those that the schema has.
  func allows(_ keys: Set<String>, requires needed: Set<String>) throws {
    for key in needed where fields[key] == nil { throw SchemaBreach(message: "\(name) has no \(key)") }
    for key in fields.keys where !keys.contains(key) { throw SchemaBreach(message: "\(name) must not have \(key)") }
  }

  /// The elements of a list.
  func list(_ key: String) throws -> [Any] {
    guard let list = fields[key] as? [Any] else { throw SchemaBreach(message: "\(name): \(key) is no list") }
    return list
  }
}

/// An element of XML.
final class XMLNode {
  let name: String
  let attributes: [String: String]
  fileprivate(set) var children: [XMLNode] = []
  fileprivate(set) var text = ""

  init(_ name: String, _ attributes: [String: String]) {
    self.name = name
    self.attributes = attributes
  }
}

/// Reads XML; the root is nil if it is not well-formed.
final class XMLReading: NSObject, XMLParserDelegate {
  private(set) var root: XMLNode?
  private var open: [XMLNode] = []

  init(_ text: String) {
    super.init()
    let parser = XMLParser(data: Data(text.utf8))
    parser.delegate = self
    if !parser.parse() { root = nil }
  }

  func parser(
    _ parser: XMLParser, didStartElement name: String, namespaceURI: String?, qualifiedName: String?,
    attributes: [String: String]
  ) {
    let node = XMLNode(name, attributes)
    if let parent = open.last { parent.children.append(node) } else { root = node }
    open.append(node)
  }

  func parser(_ parser: XMLParser, didEndElement name: String, namespaceURI: String?, qualifiedName: String?) {
    open.removeLast()
  }

  func parser(_ parser: XMLParser, foundCharacters text: String) { open.last?.text += text }
}
