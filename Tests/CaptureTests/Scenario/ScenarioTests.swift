// Why: scenarios as people write them and as vectors have them; whatever text comes, reading ends with steps or
// with an error that names the line.

import Capture
import Foundation
import PageOwnership
import Testing

@Suite struct ScenarioTests {
  private func read(_ text: String) throws -> [ScenarioStep] {
    let file = try InputScratchFile(text)
    return try ScenarioReader.read(ByteSource(path: file.path))
  }

  private func message(_ text: String) -> String {
    do {
      let steps = try read(text)
      return "no error, but \(steps.map(\.text))"
    } catch let error as InputError {
      return "line \(error.line ?? 0): \(error.message)"
    } catch {
      return "\(error)"
    }
  }

  @Test(arguments: [
    ("host donate hyp 0x41300 4", "host donate hyp 0x41300 4"),
    ("host_donate_hyp 0x41300", "host donate hyp 0x41300 1"),
    ("host donate_hyp nr=4 pfn=267008", "host donate hyp 0x41300 4"), ("pin 0x41300", "pin 0x41300 1"),
    ("pin from=0x41300010 to=0x41300020", "pin from=0x41300010 to=0x41300020"),
    ("host fault 0x42010", "host fault 0x42010"), ("host fault phys=0x42010008", "host fault phys=0x42010008"),
    ("host share guest 0 0x41300 0x100", "host share guest 0 0x41300 0x100 1 rwx"),
    ("host share guest 2 0x41400 0x200 512 rw", "host share guest 2 0x41400 0x200 512 rw"),
    ("guest relax perms 0 0x100 prot=0xf", "guest relax perms 0 0x100 0xf"),
    ("\thost unmap dev all\r", "host unmap dev all"), ("vm unpublish 1", "vm unpublish 1"),
    ("host share ffa 0x41300 0xffffffffffffffff", "host share ffa 0x41300 18446744073709551615"),
  ])
  func aStepIsReadAndWritten(_ text: String, _ written: String) throws {
    let steps = try read(text)
    #expect(steps.map(\.text) == [written])
    #expect(try read(written).map(\.arguments) == steps.map(\.arguments))
  }

  @Test func linesCommentsAndSeveralSteps() throws {
    let steps = try read("# nothing\n\n host share hyp 1 ; pin 1;;unpin 1 # the end; pin 2\r\nhost unshare hyp 1")
    #expect(steps.map(\.text) == ["host share hyp 0x1", "pin 0x1 1", "unpin 0x1 1", "host unshare hyp 0x1"])
    #expect(steps.map(\.line) == [3, 3, 3, 4])
  }

  @Test func jsonLinesAndCases() throws {
    let steps = try read(
      """
      {"op":"pin","args":["0x41300000","0x41301000"]}
      host share hyp 0x41300
        {"op":"host_donate_hyp","args":[267008,"2"],"ret":0}
      {"gen":"G1","ops":[{"op":"host_share_guest","args":["0","0x41300","0x100","1","rw"]},{"op":"host_unmap_dev_all"}]}
      """)
    #expect(
      steps.map(\.text) == [
        "pin 0x41300 1", "host share hyp 0x41300", "host donate hyp 0x41300 2",
        "host share guest 0 0x41300 0x100 1 rw", "host unmap dev all",
      ])
    #expect(steps.map(\.line) == [1, 2, 3, 4, 4])
  }

  @Test(arguments: [
    ("pin 1\nhost donat hyp 1", "line 2: `host donat hyp` is no operation"),
    ("poke_host 0x41300 1 O", "line 1: `poke_host` is no operation"), ("42", "line 1: `42` is no operation"),
    ("host share hyp", "line 1: host share hyp: `pfn` is missing"),
    ("host share hyp 1 2", "line 1: host share hyp has too many arguments"),
    ("host share hyp nr=2 1", "line 1: host share hyp has no argument `nr`"),
    ("host donate hyp 1 nr=2 nr=2", "line 1: host donate hyp: `nr` is given twice"),
    ("host share hyp 0x", "line 1: `0x` is no number of 64 bits"),
    ("host share hyp -1", "line 1: `-1` is no number of 64 bits"),
    ("host share hyp 0x10000000000000000", "line 1: `0x10000000000000000` is no number of 64 bits"),
    ("host share hyp rwx", "line 1: `rwx` is no number of 64 bits"),
    ("guest relax perms 0 1 q", "line 1: `q` is no permission"),
    ("pin 1 from=0", "line 1: pin: give pages or bytes, not both"),
    ("{\"op\":\"pin\"}", "line 1: `pin`: argument `from` is missing"),
    ("{\"op\":\"pin\",\"args\":[1,2,3]}", "line 1: `pin` takes 2 arguments"),
    ("{\"op\":\"pin\",\"args\":[1,-2]}", "line 1: `to` is neither a text nor a number that is not negative"),
    ("{\"op\":\"pin\",\"args\":7}", "line 1: `args` is no array"), ("{}", "line 1: the object has no `op`"),
    ("{\"ops\":1}", "line 1: `ops` is no array"),
    ("{\"op\":\"selftest\",\"args\":[]}", "line 1: `selftest` is no operation"),
  ])
  func whatIsWrongIsSaid(_ text: String, _ words: String) {
    #expect(message(text) == words)
  }

  @Test func everyActionHasAFormThatIsReadAgain() throws {
    for action in ScenarioAction.all {
      let arguments = action.parameters.map { parameter in
        parameter == .prot ? ScenarioArgument.permissions("rw") : .number(0x1234_5008)
      }
      let step = ScenarioStep(action, arguments, line: 1)
      #expect(try read(step.text) == [step], "\(step.text)")
    }
  }

  @Test func damagedLinesEndInOrder() throws {
    var random = InputRandom(seed: InputRandom.seed(5))
    let lines = [
      "host share guest 0 0x41300 0x100 1 rw", "pin from=0x41300010 to=0x41300020; unpin 0x41300 # x",
      "{\"op\":\"host_donate_hyp\",\"args\":[\"0x41300\",\"4\"]}", "host donate hyp 0x41300 18446744073709551615",
    ]
    let words = ["=", ";", "#", "0x", "{", "}", "\"", "nr=", "\u{301}", "\0", "pin", " ", "[", "99999999999999999999"]
    var refused = 0
    for number in 0..<600 {
      var bytes = Array(lines[random.below(lines.count)].utf8)
      for _ in 0...random.below(3) {
        let place = random.below(bytes.count + 1)
        switch random.below(4) {
        case 0: bytes.insert(contentsOf: words[random.below(words.count)].utf8, at: place)
        case 1: bytes.removeSubrange(min(place, bytes.count)...)
        case 2 where place < bytes.count: bytes[place] = UInt8(truncatingIfNeeded: random.next())
        default: bytes.insert(contentsOf: Array(bytes.prefix(random.below(9))), at: place)
        }
      }
      let file = try InputScratchFile(bytes)
      do throws(InputError) {
        for step in try ScenarioReader.read(ByteSource(path: file.path)) {
          let again = try ScenarioText.steps(step.text, line: step.line)
          #expect(again == [step], "case \(number): \(step.text)")
        }
      } catch {
        refused += 1
        #expect(error.line != nil && !error.message.isEmpty, "case \(number): \(error)")
      }
    }
    #expect(refused > 100)
  }
}
