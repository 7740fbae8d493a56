// Why: a generation is typed in the same way in every command.

import ArgumentParser
import PageOwnership

extension Generation: ExpressibleByArgument {
  /// The generation with a name; `linux-` may be left out.
  package init?(argument: String) {
    guard let found = Generation(rawValue: argument) ?? Generation(rawValue: "linux-" + argument) else { return nil }
    self = found
  }

  /// How it is shown as a default.
  package var defaultValueDescription: String { rawValue }

  /// The names, for help and errors.
  package static var allValueStrings: [String] { allCases.map(\.rawValue) }
}
