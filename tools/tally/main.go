// Tally runs go test with its own arguments, shows what fails while it runs,
// and ends with what took long, every skip by name and the line
//
//	N passed, N failed
//
// It counts tests that have no subtests, and whatever fails without one: a
// package that does not compile or whose TestMain objects. The exit status is
// 1 if anything failed, if go test says so for a reason of its own, or if no
// test passed: a lane that silently ran nothing is no success.
package main

import (
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"time"
)

func main() { os.Exit(run(os.Args[1:], os.Stdout, os.Stderr)) }

func run(args []string, stdout, stderr io.Writer) int {
	// Ctrl-C reaches go test as well. It ends, and then the count is due.
	// Ignoring the signal instead would make the tests ignore it too.
	signal.Notify(make(chan os.Signal, 1), os.Interrupt)

	cmd := exec.Command("go", append([]string{"test", "-json"}, args...)...)
	cmd.Stderr = stderr
	events, err := cmd.StdoutPipe()
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		fmt.Fprintf(stderr, "tally: start go test: %v\n", err)
		return 1
	}
	t := newTally(stdout)
	stop := t.every(time.Minute)
	readErr := t.read(events)
	stop()
	if readErr != nil {
		fmt.Fprintf(stderr, "tally: read go test's events: %v\n", readErr)
		// Whoever writes to a pipe that nobody reads waits forever.
		_, _ = io.Copy(io.Discard, events)
	}
	err = cmd.Wait()
	if err != nil {
		fmt.Fprintf(stderr, "tally: %v: %v\n", cmd, err)
	}
	if !t.summary() || err != nil || readErr != nil {
		return 1
	}
	return 0
}
