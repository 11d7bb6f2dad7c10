// Command again is started by the guest of the tests, and says so.
package main

import "os"

func main() { os.Stdout.WriteString("again\n") }
