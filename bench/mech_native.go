package bench

var _ = register(&Mechanism{
	Name: "native",
	Rank: 0,
	Doc:  "no filter: the plain syscall",
})
