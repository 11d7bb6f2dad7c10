// Package lazy has things made when they are first used.
//
// Every row and every check is measured in processes that start this program
// anew, and what packages make when the program starts, each of them pays for: on
// amd64 that was 9.0 million instructions to main, and 3.2 once no package of this
// module compiled an expression or a template at its start. A test of the command
// looks for that (TestStart).
package lazy

import (
	"regexp"
	"sync"
)

// Regexp is the expression, compiled when it is first asked for. It panics then
// if the expression is none.
func Regexp(expr string) func() *regexp.Regexp {
	return sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(expr) })
}
