// Why: runs what vectors run: operations of the hypervisor through the engine, and the harness's own ways of
// forcing a state through the engine's stores and the machine's API. Not here: comparing (VectorJudge).

import PageOwnership
import PageTables

/// A machine in the harness.
struct VectorHarness {
  let start: VectorStart
  let engine: Engine
  var machine: Machine
  var watcher: VectorPhases

  init(_ start: VectorStart, el2Debug: Bool) {
    self.start = start
    engine = Engine(start.rules, shape: start.shape, el2Debug: el2Debug)
    machine = start.machines[el2Debug] ?? Machine(shape: start.shape, hostTablePages: 0, hypTablePages: 0)
    watcher = VectorPhases(start.rules, start.shape)
  }

  /// Runs an operation; nil for one that neither the generation nor the harness has.
  mutating func run(_ name: String, _ arguments: [String]) -> OperationResult? {
    watcher.clear()
    let guests = machine.guests.map(\.space)
    if let call = VectorCalls.call(name, arguments, start.rules, guests: guests) {
      return start.rules[call.operation] == nil ? nil : perform(call)
    }
    return force(name, arguments)
  }

  mutating func perform(_ call: OperationCall) -> OperationResult {
    watcher.begin(start.rules[call.operation], call)
    return engine.perform(call, on: &machine, observer: &watcher)
  }

  private mutating func force(_ name: String, _ arguments: [String]) -> OperationResult? {
    let numbers = arguments.map { VectorWords.number($0) } + [0, 0, 0, 0]
    let word = arguments.last ?? ""
    let pages = PageRange(first: PageFrame(numbers[0]), count: numbers[1])
    var value: Int64 = 0
    switch name {
    case "poke_host": pokeHost(pages, arguments)
    case "poke_hyp": pokeHyp(pages, word)
    case "poke_guest": pokeGuest(numbers, word)
    case "poke_ref": machine.updateFrames(pages) { $0.references = UInt16(clamping: numbers[2]) }
    case "poke_gsc": machine.updateFrames(pages) { $0.shareCount = UInt32(clamping: numbers[2]) }
    case "hog_s1": machine.freeTables.hyp = min(machine.freeTables.hyp, Int(clamping: numbers[0]))
    case "hog_s2": machine.freeTables.host = min(machine.freeTables.host, Int(clamping: numbers[0]))
    case "host_unmap_dev_all":
      engine.dropDevices(&machine)
      watcher.append(VectorPhase("direct", "host", 0, "unmap_dev_all", ""))
    default:
      guard let answer = administer(name, numbers) else { return nil }
      value = answer
    }
    var result = OperationResult()
    result.value = value
    return result
  }

  /// What a harness does to guests as a whole; nil for other names.
  private mutating func administer(_ name: String, _ numbers: [UInt64]) -> Int64? {
    if name == "selftest" { return selfTest() }
    let place = Int(clamping: numbers[0])
    guard machine.guests.indices.contains(place) else { return nil }
    switch name {
    case "set_memcache":
      machine.guests[place].memcache = Int(clamping: numbers[1])
      return Int64(clamping: numbers[1])
    case "vm_unpublish":
      machine.guests[place].isKnown = false
      return 0
    case "vm_teardown_pgtable": return tearDown(place)
    default: return nil
    }
  }

  /// A guest's table goes: every page that it was made of goes back to the host.
  private mutating func tearDown(_ place: Int) -> Int64 {
    let pages = start.guestPages[place]
    let left = UInt64(clamping: machine.guests[place].memcache)
    machine.guests[place].hasTable = false
    machine.guests[place].freeTables = 0
    var count: Int64 = 0
    for index in 0..<pages.count where index < 2 || index >= 2 + left {
      _ = perform(OperationCall(.hypDonateHost, page: pages.first.rawValue + index))
      count += 1
    }
    return count
  }

  private mutating func pokeHost(_ pages: PageRange, _ arguments: [String]) {
    let word = arguments.count > 2 ? arguments[2] : ""
    var call = OperationCall(.hostFault, page: pages.first.rawValue, count: pages.count)
    let state = VectorWords.state(word) ?? .owned
    switch word {
    case "N1": store(.hostOwner(.hyp), .host, .noPage, call)
    case "N2":
      let place = arguments.count > 3 ? Int(clamping: VectorWords.number(arguments[3])) : 0
      call.guest = machine.guests.indices.contains(place) ? machine.guests[place].space : nil
      call.guestPage = arguments.count > 4 ? VectorWords.number(arguments[4]) : 0
      store(.hostOwner(.guest), .host, .noPage, call)
    case "Z": store(.hostOwner(.host), .host, .owned, call)
    case "O" where start.rules.traits.mapsReturnedPages: store(.hostOwner(.host), .host, .owned, call)
    case _ where start.rules.encoding.keepsHostStateInDescriptors: store(.hostMapping, .host, state, call)
    default:
      machine.updateFrames(pages) { $0.host = state }
      if word == "O" { store(.hostMapping, .host, .owned, call) }
    }
  }

  private mutating func pokeHyp(_ pages: PageRange, _ word: String) {
    let call = OperationCall(.hostFault, page: pages.first.rawValue, count: pages.count)
    let state = VectorWords.state(word) ?? .owned
    let isInTable = start.rules.encoding.keepsHypStateInDescriptors
    if !isInTable { store(.hypState, .hyp, state, call) }
    if word.hasPrefix("N") {
      if isInTable || word.hasSuffix("u") { store(.hypUnmapping, .hyp, nil, call) }
    } else if isInTable || word.hasSuffix("m") {
      store(.hypMapping, .hyp, isInTable ? state : nil, call)
    }
  }

  private mutating func pokeGuest(_ numbers: [UInt64], _ word: String) {
    let place = Int(clamping: numbers[0])
    guard machine.guests.indices.contains(place) else { return }
    var call = OperationCall(.hostFault, page: numbers[2], count: 1)
    call.guest = machine.guests[place].space
    call.guestPage = numbers[1]
    let state = VectorWords.state(word) ?? .owned
    if state == .poison {
      // The tables that the poisoned leaf needs are made by mapping it first, unseen.
      let map = ApplyRule(
        .map, .target, .guest, newState: .owned, store: .guestMapping, failure: .returnErrno, step: "poke")
      _ = engine.force(map, call, on: &machine)
      store(.guestPoison, .guest, .poison, call)
    } else {
      store(.guestMapping, .guest, state, call)
    }
  }

  private mutating func store(_ store: Store, _ subject: SpaceKind, _ state: PageState?, _ call: OperationCall) {
    let rule = ApplyRule(.map, .both, subject, newState: state, store: store, failure: .returnErrno, step: "poke")
    watcher.begin(nil)
    watcher.append(rule, engine.force(rule, call, on: &machine))
  }
}
