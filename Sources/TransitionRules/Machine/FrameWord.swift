// Why: a page's metadata in one word, so that a machine's metadata is one list of runs. A word of zero is
// what zeroed metadata says: the host owns the page, the hypervisor has nothing of it.

package import PageOwnership

/// What the hypervisor keeps of one page besides its tables: `struct hyp_page`.
package struct FrameWord: Hashable, Sendable {
  /// References in bits 15:0, the host's state in 19:16, the hypervisor's (inverted) in 23:20, shares in 63:32.
  var word: UInt64

  init(word: UInt64) { self.word = word }

  /// The metadata of a page that nobody has touched.
  package static let untouched = FrameWord(word: 0)

  /// The reference count (`refcount`): of a shared page, its pins.
  package var references: UInt16 {
    get { UInt16(truncatingIfNeeded: word) }
    set { word = word & ~0xffff | UInt64(newValue) }
  }

  /// The host's state; means something since 6.14.
  package var host: PageState {
    get { PageState(rawValue: UInt8(word >> 16 & 0xf)) ?? .reserved }
    set { word = word & ~(0xf << 16) | UInt64(newValue.rawValue) << 16 }
  }

  /// The hypervisor's state; means something since 6.16.
  package var hyp: PageState {
    get { PageState(rawValue: UInt8(word >> 20 & 0xf) ^ PageState.noPage.rawValue) ?? .reserved }
    set { word = word & ~(0xf << 20) | UInt64(newValue.rawValue ^ PageState.noPage.rawValue) << 20 }
  }

  /// To how many guests the host lent the page (`host_share_guest_count`).
  package var shareCount: UInt32 {
    get { UInt32(truncatingIfNeeded: word >> 32) }
    set { word = word & 0xffff_ffff | UInt64(newValue) << 32 }
  }
}

extension FrameWord: RunValue {
  var bits: UInt64 { word }
}
