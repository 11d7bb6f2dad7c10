// Init is what the machine of TestLab's job runs: it says results as a measured
// board would, and ends. With hold=DURATION on the kernel's command line it stays
// for so long between the two.
package main

import (
	"fmt"
	"os"
	"syscall"
	"time"
)

func main() {
	fmt.Println("unotify: begin checks")
	fmt.Println("<LAVA_SIGNAL_TESTCASE TEST_CASE_ID=notify.send RESULT=pass>")
	fmt.Println("<LAVA_SIGNAL_TESTCASE TEST_CASE_ID=notify.addfd RESULT=fail>")
	fmt.Println("\x1b[32mgreen\x1b[0m \"quoted\" \\ ünicode\ttab")
	if d, err := time.ParseDuration(os.Getenv("hold")); err == nil {
		time.Sleep(d)
	}
	for i := range 120 {
		fmt.Printf("<LAVA_SIGNAL_TESTCASE TEST_CASE_ID=many.%03d RESULT=skip>\n", i)
	}
	fmt.Println("unotify: end checks")
	fmt.Println("unotify: begin bench")
	fmt.Println("<LAVA_SIGNAL_TESTCASE TEST_CASE_ID=native.getppid RESULT=pass MEASUREMENT=6319.25 UNITS=ns/op>")
	fmt.Println("<LAVA_SIGNAL_TESTCASE TEST_CASE_ID=notify.getppid RESULT=pass MEASUREMENT=12 UNITS=instructions>")
	fmt.Println("unotify: end bench")
	time.Sleep(time.Second) // a console that is lost with the machine loses its end
	syscall.Reboot(syscall.LINUX_REBOOT_CMD_POWER_OFF)
}
