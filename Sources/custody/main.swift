// Why: the executable: everything else lives in libraries that tests can reach.

import ArgumentParser
import CustodyCLI

CustodyCommand.main()
