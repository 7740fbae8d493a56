// Why: the bits of real descriptors, read off recordings, with the decoding that the recorder gave them.

import PageTables
import Testing

@Suite struct DescriptorTests {
  @Test func stage2WordsFromRecordings() {
    let page = Descriptor(0x0040_0000_414b_f77f)
    #expect(page.isValid && page.outputAddress(level: 3) == 0x414b_f000 && page.softwareBits == 0)
    #expect(page.isReadable && !page.isWritable && !page.isExecutable && page.memoryAttribute == 0xf)
    #expect(page.accessFlag && !page.isTable(level: 3))
    let guest = Descriptor(0x0140_0000_4812_97ff)
    #expect(guest.softwareBits == 2 && guest.isReadable && guest.isWritable && !guest.isExecutable)
    let block = Descriptor(0x7fc0_07fd)
    #expect(block.outputAddress(level: 2) == 0x7fc0_0000 && !block.isTable(level: 2) && block.isExecutable)
    #expect(!Descriptor(0x2000_0000_0000_0002).isValid && Descriptor(0x7f30_1003).isTable(level: 2))
  }

  @Test func stage1WordsFromRecordings() {
    let text = Descriptor(0x414b_f783)
    #expect(text.accessPermissions == 2 && !text.isUnprivilegedExecuteNever && !text.isPrivilegedExecuteNever)
    let data = Descriptor(0x0060_0000_7f00_0703)
    #expect(data.accessPermissions == 0 && data.isUnprivilegedExecuteNever && data.isPrivilegedExecuteNever)
    #expect(data.attributeIndex == 0 && data.outputAddress(level: 3) == 0x7f00_0000)
    #expect(Descriptor(0x00c0_0000_418f_2783).softwareBits == 1)
  }

  @Test func onlyValidOnesRise() {
    #expect(Descriptor(0x4817_d7ff).advanced(byPages: 2).rawValue == 0x4817_f7ff)
    #expect(Descriptor(0x7fc0_07fd).advanced(byPages: 512).rawValue == 0x7fe0_07fd)
    #expect(Descriptor(0x2000_0000_0000_0002).advanced(byPages: 5).rawValue == 0x2000_0000_0000_0002)
    #expect(Descriptor(0xff80_ffff_ffff_f7ff).advanced(byPages: 1).rawValue == 0xff80_0000_0000_07ff)
    #expect(Descriptor(.max).advanced(byPages: .max).rawValue == 0xffff_ffff_ffff_efff)
  }

  @Test func everyLevelMasksItsOwnBits() {
    let masks: [Int8: UInt64] = [
      3: 0xffff_ffff_f000, 2: 0xffff_ffe0_0000, 1: 0xffff_c000_0000, 0: 0xff80_0000_0000, -1: 0, -2: 0,
    ]
    for (level, mask) in masks { #expect(Descriptor(.max).outputAddress(level: level) == mask, "level \(level)") }
    #expect(Descriptor.addressMask(level: .max) == 0xffff_ffff_f000 && Descriptor.addressMask(level: .min) == 0)
  }
}
