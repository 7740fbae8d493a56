// Why: what each operation is about, in one sentence for somebody who does not know its name by heart.

import PageOwnership

extension Operation {
  /// One sentence in plain words, without a full stop.
  var sentence: String {
    switch self {
    case .hostShareHyp: "the host lends a page to the hypervisor"
    case .hostUnshareHyp: "the host takes back a page that it lent to the hypervisor"
    case .hostDonateHyp: "the host gives pages to the hypervisor"
    case .hypDonateHost: "the hypervisor gives pages back to the host"
    case .pin: "the hypervisor pins shared pages, so that they cannot be unshared"
    case .unpin: "the hypervisor drops its pins"
    case .hostShareFFA: "the host lends pages to the secure world"
    case .hostUnshareFFA: "the host takes back pages from the secure world"
    case .hostShareGuest: "the host lends pages to a non-protected guest"
    case .hostUnshareGuest: "the host takes back pages from a non-protected guest"
    case .hostDonateGuest: "the host gives a page to a protected guest"
    case .guestShareHost: "a protected guest lends a page to the host"
    case .guestUnshareHost: "a protected guest takes back a page that it lent to the host"
    case .hostReclaimGuest: "the host takes a page of a dying protected guest"
    case .hostForceReclaim: "the host takes a page of a live protected guest by force; the address is poisoned"
    case .guestRelaxPerms: "the host widens the permissions of a guest's mapping"
    case .guestWriteProtect: "the host write-protects a guest's mappings"
    case .guestTestClearYoung: "the host reads and clears the access flag of a guest's mapping"
    case .guestMakeYoung: "the host sets the access flag of a guest's mapping"
    case .vcpuInPoisonFault: "the host asks whether a guest faulted on a page that was taken from it by force"
    case .hostFault: "the host faulted on its own stage 2; the hypervisor maps lazily"
    case .bootFixup: "at boot the host's table is brought in line with the hypervisor's"
    }
  }
}
