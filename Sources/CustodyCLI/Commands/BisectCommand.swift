// Why: `custody bisect`: when did it go wrong? Here the parent of the commands; each is in a file of its own.

import ArgumentParser

struct BisectCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "bisect",
    abstract: "Find the first entry at which something holds",
    subcommands: [
      BisectPageCommand.self, BisectWhereCommand.self, BisectGenerationCommand.self, BisectAgainstCommand.self,
      BisectSnapshotCommand.self, BisectInvariantCommand.self,
    ] + BisectProtocol.commands)
}
