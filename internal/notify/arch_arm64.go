package notify

import arch "unotify-bench/abi/arm64"

// Native is the table of the architecture this program was built for.
var Native = &arch.Arch
