// swift-tools-version: 6.2
import PackageDescription

/// Rules for every target of ours: Swift 6 mode comes with the tools version.
let house: [SwiftSetting] = [
  .treatAllWarnings(as: .error),
  .enableUpcomingFeature("ExistentialAny"),
  .enableUpcomingFeature("InternalImportsByDefault"),
  .enableUpcomingFeature("MemberImportVisibility"),
]

/// Floors 0 to 2 are optimised in debug builds too: tests replay whole recordings, and take a fifth of the time.
let floor: [SwiftSetting] = house + [.unsafeFlags(["-O"], .when(configuration: .debug))]

let package = Package(
  name: "custody",
  products: [.executable(name: "custody", targets: ["custody"])],
  dependencies: [
    .package(url: "https://github.com/groue/GRDB.swift", exact: "7.10.0"),
    .package(url: "https://github.com/apple/swift-argument-parser", exact: "1.8.2"),
    .package(url: "https://github.com/apple/swift-crypto", exact: "4.5.2"),
    .package(url: "https://github.com/apple/swift-system", exact: "1.8.1"),
  ],
  targets: [
    // floor 0
    .target(name: "PageOwnership", swiftSettings: floor),
    .target(name: "PageTables", dependencies: ["PageOwnership"], swiftSettings: floor),
    // floor 1
    .target(
      name: "Capture",
      dependencies: [
        "PageOwnership", "PageTables", "CSimdJSON", "CZlib",
        .product(name: "Crypto", package: "swift-crypto"),
        .product(name: "SystemPackage", package: "swift-system"),
      ], swiftSettings: floor),
    .target(name: "TransitionRules", dependencies: ["PageOwnership", "PageTables"], swiftSettings: floor),
    .target(
      name: "Analysis", dependencies: ["PageOwnership", "PageTables", "TransitionRules"], swiftSettings: floor),
    // floor 2
    .target(
      name: "Journal",
      dependencies: [
        "PageOwnership", "CSQLiteConfig",
        .product(name: "GRDB", package: "GRDB.swift"),
        .product(name: "GRDBSQLite", package: "GRDB.swift"),
        .product(name: "Crypto", package: "swift-crypto"),
        .product(name: "SystemPackage", package: "swift-system"),
      ],
      resources: [.embedInCode("SQL")], swiftSettings: floor),
    // floor 3
    .target(
      name: "CustodyCLI",
      dependencies: [
        "PageOwnership", "PageTables", "TransitionRules", "Capture", "Analysis", "Journal",
        .product(name: "ArgumentParser", package: "swift-argument-parser"),
      ], swiftSettings: house),
    // floor 4
    .executableTarget(
      name: "custody",
      dependencies: ["CustodyCLI", .product(name: "ArgumentParser", package: "swift-argument-parser")],
      swiftSettings: house),
    // C: what Swift cannot call or what a library does better
    .target(
      name: "CSimdJSON", linkerSettings: [.linkedLibrary("simdjson"), .linkedLibrary("stdc++")]),
    .systemLibrary(name: "CZlib", pkgConfig: "zlib", providers: [.apt(["zlib1g-dev"])]),
    .target(name: "CSQLiteConfig", linkerSettings: [.linkedLibrary("sqlite3")]),
    // benchmarks: small in the tests, large by hand
    .target(
      name: "CAppendBaseline", path: "Sources/Benchmarks/CAppendBaseline", linkerSettings: [.linkedLibrary("sqlite3")]),
    .executableTarget(
      name: "AppendBenchmark", dependencies: ["CAppendBaseline", "Journal", "PageOwnership"],
      path: "Sources/Benchmarks/AppendBenchmark", swiftSettings: house),
    .executableTarget(
      name: "ImportBenchmark", dependencies: ["Capture", "CustodyCLI", "Journal", "PageOwnership", "PageTables"],
      path: "Sources/Benchmarks/ImportBenchmark", swiftSettings: house),
    .executableTarget(
      name: "RulesBenchmark", dependencies: ["PageOwnership", "TestSupport", "TransitionRules"],
      path: "Sources/Benchmarks/RulesBenchmark", swiftSettings: house),
    .executableTarget(
      name: "OwnerBenchmark", dependencies: ["CustodyCLI", "Journal", "PageOwnership"],
      path: "Sources/Benchmarks/OwnerBenchmark", swiftSettings: house),
    .target(
      name: "JournalGenerator", dependencies: ["PageOwnership", "PageTables", "TestSupport", "TransitionRules"],
      path: "Sources/Benchmarks/JournalGenerator", swiftSettings: floor),
    .executableTarget(
      name: "TimeTravelBenchmark",
      dependencies: ["Analysis", "CAppendBaseline", "CustodyCLI", "Journal", "JournalGenerator", "PageOwnership"],
      path: "Sources/Benchmarks/TimeTravelBenchmark", swiftSettings: house),
    .executableTarget(
      name: "AuditBenchmark", dependencies: ["CustodyCLI"], path: "Sources/Benchmarks/AuditBenchmark",
      swiftSettings: house),
    .executableTarget(
      name: "VerifyBenchmark",
      dependencies: [
        "CAppendBaseline", "CustodyCLI", "Journal", "JournalGenerator", "PageOwnership",
        .product(name: "Crypto", package: "swift-crypto"),
      ],
      path: "Sources/Benchmarks/VerifyBenchmark", swiftSettings: house),
    // tests
    .testTarget(name: "PageOwnershipTests", dependencies: ["PageOwnership", "TestSupport"], swiftSettings: house),
    .testTarget(
      name: "PageTablesTests", dependencies: ["PageTables", "PageOwnership", "TestSupport"], swiftSettings: house),
    .testTarget(
      name: "CaptureTests", dependencies: ["Capture", "PageOwnership", "PageTables"], exclude: ["Fixtures"],
      swiftSettings: house),
    .testTarget(
      name: "JournalTests",
      dependencies: [
        "Analysis", "AppendBenchmark", "CustodyCLI", "FaultVFS", "Journal", "PageOwnership", "TestSupport",
        "TransitionRules",
        .product(name: "Crypto", package: "swift-crypto"),
      ],
      swiftSettings: floor),
    .target(name: "KillAt", path: "Tests/KillAt"),
    .target(
      name: "FaultVFS", path: "Tests/FaultVFS", cSettings: [.unsafeFlags(["-O2"])],
      linkerSettings: [
        .linkedLibrary("sqlite3"),
        .unsafeFlags(
          [
            "rename", "unlink", "fsync", "flock", "pwrite", "sqlite3_create_function_v2", "sqlite3_create_collation_v2",
          ].flatMap { ["-Xlinker", "--wrap=\($0)"] }),
      ]),
    .testTarget(
      name: "AnalysisTests",
      dependencies: [
        "Analysis", "Capture", "ImportBenchmark", "Journal", "PageOwnership", "PageTables", "TestSupport",
        "TransitionRules",
      ],
      swiftSettings: house),
    .testTarget(
      name: "CustodyCLITests",
      dependencies: [
        "Analysis", "AuditBenchmark", "CustodyCLI", "Journal", "KillAt", "OwnerBenchmark", "PageOwnership",
        "PageTables", "TestSupport", "TimeTravelBenchmark", "TransitionRules", "VerifyBenchmark", "custody",
        .product(name: "ArgumentParser", package: "swift-argument-parser"),
      ],
      swiftSettings: house),
    .testTarget(
      name: "TransitionRulesTests",
      dependencies: ["Capture", "PageOwnership", "PageTables", "RulesBenchmark", "TestSupport", "TransitionRules"],
      swiftSettings: house),
    .testTarget(name: "TidyTests", swiftSettings: house),
    .target(name: "TestSupport", dependencies: ["PageOwnership"], path: "Tests/Support", swiftSettings: house),
  ],
  cxxLanguageStandard: .cxx17
)
