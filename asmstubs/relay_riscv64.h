// The program of a relay, once for each counter: READ(r) reads it. The
// kernel enters it with a stack that it does not use; X19 is the Relay.
//
// The second read and the store of it are RelayOverheadInsns; ECALL is not
// counted, nor is the read at the entry.

	READ(X18)

	MOV $const_RelayAddr, X10
	MOV $const_RelaySize, X11
	MOV $const_protRW, X12
	MOV $const_mapFixed, X13
	MOV $const_RelayFD, X14
	MOV $0, X15
	MOV $const_sysMmap, X17
	ECALL
	MOV $const_RelayAddr, X19
	MOV X10, X5
	MOV $const_RelayLost, X10
	BNE X5, X19, exit

	MOV  Relay_Start(X19), X5
	SUB  X5, X18
	MOV  Relay_Next(X19), X5
	MOV  X18, (X5)
	ADD  $8, X5
	MOV  X5, Relay_Next(X19)
	MOV  $0, X10
	MOV  Relay_Left(X19), X5
	ADD  $-1, X5
	MOV  X5, Relay_Left(X19)
	BEQZ X5, exit

	MOV Relay_Path(X19), X10
	MOV Relay_Argv(X19), X11
	MOV Relay_Envp(X19), X12
	MOV $const_sysExecve, X17
	READ(X5)
	MOV X5, Relay_Start(X19)
	ECALL // the trap
	MOV X10, Relay_Failed(X19)
	MOV $const_RelayFailed, X10

exit:
	MOV $const_sysExitGroup, X17
	ECALL
	EBREAK // never reached
