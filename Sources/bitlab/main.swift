import CSystem
import Experiments
import Foundation

// Writing to a reader that has gone is an error to handle, not a reason to die half-way through a checkpoint.
signal(SIGPIPE, SIG_IGN)
// So is a file that has reached its limit of size (ulimit -f).
signal(SIGXFSZ, SIG_IGN)
// Each thread that allocates would get a heap of its own, and the daemon has many that do so once in a while: what they
// free would stay with them.
csystem_limit_heaps(2)
// Runs, and the daemon's clients, have files open each; what limits them without need is the shells' default.
DescriptorLimit.raise()
exit(BitLab.main())
