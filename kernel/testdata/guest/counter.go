package main

// counter reads what counts instructions under icount: RDTSC, CNTVCT_EL0,
// RDINSTRET.
func counter() uint64

// nopsN returns the difference of two readings with N instructions between.
func nops0() uint64
func nops1() uint64
func nops2() uint64
func nops7() uint64
