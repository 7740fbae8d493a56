// Why: the bits of an arm64 translation descriptor in one place, with names. What a hypervisor means by
// its software bits is not here (TableEncoding).

/// A raw 64-bit descriptor of a stage 1 or stage 2 table, 4 KiB granule.
package struct Descriptor: RawRepresentable, Hashable, Sendable {
  /// The word as the table holds it.
  package var rawValue: UInt64

  /// Wraps a word.
  package init(rawValue: UInt64) { self.rawValue = rawValue }

  /// Wraps a word.
  package init(_ rawValue: UInt64) { self.rawValue = rawValue }

  /// Whether the hardware follows the descriptor (bit 0).
  package var isValid: Bool { rawValue & 1 != 0 }

  /// Whether the descriptor points to a table: bit 1 of a valid one above the last level.
  package func isTable(level: Int8) -> Bool { level < 3 && rawValue & 0b11 == 0b11 }

  /// The physical address of a leaf's first byte: bits 47:12, less the bits that a block of that level must not use.
  package func outputAddress(level: Int8) -> UInt64 { rawValue & Self.addressMask(level: level) }

  /// The bits that hold the output address of a leaf of that level; levels outside -2…3 count as the nearest.
  package static func addressMask(level: Int8) -> UInt64 {
    let shift = UInt64(12 + 9 * (3 - Int(min(max(level, -2), 3))))
    return 0x0000_ffff_ffff_f000 & (.max << shift)
  }

  /// Bits 58:55, which the hardware leaves to software.
  package var softwareBits: UInt8 { UInt8(rawValue >> 55 & 0b1111) }

  /// Whether the leaf was used (bit 10). The hardware may set it by itself.
  package var accessFlag: Bool { rawValue >> 10 & 1 != 0 }

  /// Stage 2: whether reading is allowed (S2AP, bit 6).
  package var isReadable: Bool { rawValue >> 6 & 1 != 0 }

  /// Stage 2: whether writing is allowed (S2AP, bit 7).
  package var isWritable: Bool { rawValue >> 7 & 1 != 0 }

  /// Stage 2: whether executing is allowed at both levels (XN, bits 54:53 clear).
  package var isExecutable: Bool { rawValue >> 53 & 0b11 == 0 }

  /// Stage 2: the memory attribute (bits 5:2); 0xf is normal write-back memory.
  package var memoryAttribute: UInt8 { UInt8(rawValue >> 2 & 0b1111) }

  /// Stage 1: the access permissions (AP, bits 7:6); bit 1 of them means read-only.
  package var accessPermissions: UInt8 { UInt8(rawValue >> 6 & 0b11) }

  /// Stage 1: execute never, unprivileged (UXN, bit 54).
  package var isUnprivilegedExecuteNever: Bool { rawValue >> 54 & 1 != 0 }

  /// Stage 1: execute never, privileged (PXN, bit 53).
  package var isPrivilegedExecuteNever: Bool { rawValue >> 53 & 1 != 0 }

  /// Stage 1: the index into MAIR (bits 4:2).
  package var attributeIndex: UInt8 { UInt8(rawValue >> 2 & 0b111) }

  /// The descriptor of the leaf `count` pages further in a run of leaves with equal attributes: the output address
  /// of a valid one rises (modulo 2^48), an invalid one stays.
  package func advanced(byPages count: UInt64) -> Descriptor {
    guard isValid else { return self }
    let mask: UInt64 = 0x0000_ffff_ffff_f000
    return Descriptor(rawValue & ~mask | (rawValue &+ count << 12) & mask)
  }
}
