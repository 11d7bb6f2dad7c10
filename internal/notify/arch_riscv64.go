package notify

import arch "unotify-bench/abi/riscv64"

// Native is the table of the architecture this program was built for.
var Native = &arch.Arch
