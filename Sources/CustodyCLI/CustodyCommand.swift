// Why: the list of commands. Not here: what they do.

package import ArgumentParser

/// The command line.
package struct CustodyCommand: ParsableCommand {
  package static let configuration = CommandConfiguration(commandName: "custody")
  package init() {}
}
