// Package kernel builds and boots the kernels that are measured.
//
// Building: a [Builder] turns Linux source, the fragments in config/ and a
// cross compiler into an [Image], and keeps it under the user's cache
// directory. What there is to build is data: toolchain.go has a row for each
// architecture, variant.go one for each [Variant].
//
//	source.go     where the source comes from, and its unpacking
//	config.go     the fragments, merged, and whether they took effect
//	series.go     which patches a variant has; diff.go reads them
//	apply.go      patches, applied to copies of what they touch
//	view.go       the source as an object tree shows it, patched
//	hidden.go     patched files that an object was made without
//	compile.go    one run of the kernel's make in an object tree
//	build.go      the steps from a request to an image; publish.go keeps it
//	cache.go      what is kept where; list and clean
//	lock.go       two processes, one cache
//	toolchain.go  the programs a build needs, one row an architecture
//	image.go      kernels that others built
//	fault.go      bugs and slow-downs that the variant faulty can have
//	verify.go     do the patches apply, read well (style.go) and build?
//	footprint.go  how much they change
//	steps.go      somebody's series, a kernel for each patch; range.go for commits
//
// Booting: a [Machine] starts an image in QEMU with one static binary as
// init, and delivers the events that it sends. machine.go is where to start,
// watch.go decides when it has run enough. trace.go has every instruction of one
// written down.
//
// The package knows nothing of seccomp, of benchmarks or of checks: what the
// guest does is the caller's business.
package kernel
