//go:build linux && (amd64 || arm64 || riscv64)

package asmstubs_test

import (
	"fmt"
	"os"

	"golang.org/x/sys/unix"
	"unotify-bench/asmstubs"
)

func ExampleCall() {
	var f asmstubs.Frame
	for i := range f.In {
		f.In[i] = 0x5eed<<48 | uint64(i)
	}
	f.In[asmstubs.NrReg] = unix.SYS_GETPPID
	asmstubs.Call(&f)
	fmt.Println("right parent:", int(f.Out[asmstubs.ResultReg]) == os.Getppid())
	for _, i := range asmstubs.ArgRegs[1:] {
		if f.Out[i] != f.In[i] {
			fmt.Println(asmstubs.RegNames[i], "changed")
		}
	}
	// Output: right parent: true
}

func ExampleRun() {
	deltas := make([]uint64, 1000)
	step := asmstubs.Step{
		Nr:    unix.SYS_GETPPID,
		Want:  uint64(os.Getppid()),
		Flags: asmstubs.Timed,
	}
	l := asmstubs.Loop{
		Steps: &step, NSteps: 1, Iter: 1000, Batch: 1,
		Deltas: &deltas[0], Counter: asmstubs.Counters()[0],
	}
	asmstubs.Run(&l)
	if l.Done != l.Iter {
		fmt.Printf("step %d returned %#x\n", l.BadStep, l.BadResult)
	}
	fmt.Println(l.Done, "calls")
	// Output: 1000 calls
}
