// Package complaint knows what a kernel says that has found a bug in itself: the host looks
// for it on the console of a machine, and who fuzzes in there in the kernel's log.
package complaint

import (
	"strings"

	"unotify-bench/internal/lazy"
)

// Line matches what the kernel prints when it has found a bug in itself.
// Each alternative names the function that prints it in Linux 6.12.
var Line = lazy.Regexp(strings.Join([]string{
	`\bBUG: `,                            // KASAN, KCSAN, soft lockup, lib/bug.c, mm, "sleeping function called from"
	`(^|\] )WARNING: `,                   // __warn(), lockdep's print_*_bug()
	`\bOops\b`,                           // die()
	`kernel BUG at `,                     // report_bug()
	`Kernel panic - not syncing`,         // panic()
	`general protection fault`,           // exc_general_protection()
	`Unable to handle kernel`,            // arm64, riscv64 die_kernel_fault()
	`UBSAN: `,                            // ubsan_prologue()
	`\bKASAN: `,                          // kasan_non_canonical_hook(), after an oops
	`suspicious RCU usage`,               // lockdep_rcu_suspicious()
	`inconsistent lock state`,            // print_usage_bug()
	`possible circular locking`,          // print_circular_bug_header()
	`\bCall [Tt]race:`,                   // whoever dumps the stack
	`\bINFO: (task|rcu|possible|trying)`, // hung_task, rcu_stall, lockdep
	`rcu: INFO: `,                        // print_other_cpu_stall()
	`kmemleak: [1-9][0-9]* new`,          // kmemleak_scan(), to the log alone where the console has no level 6
	`kmemleak: .*disabled`,               // it has run out of memory and sees nothing any more
	`DEBUG_LOCKS_WARN_ON`,                // lockdep
	`refcount_t: `,                       // refcount_warn_saturate()
	`list_(add|del) corruption`,          // lib/list_debug.c
	`Internal error: `,                   // arm64 die()
}, "|"))
