# make run    set up what is missing, then measure; ARGS=--quick, ARGS='--on host', ...
# make test   set up what is missing, then every test; ARGS='-run TestX' narrows it
# make test-debug  what takes longer, on kernels that watch themselves; ARGS='-lifecycle.n 100000'
# make test-fuzz  every fuzz target for some hundred inputs; ARGS='-time 10m' takes longer
# make test-race  tests of what has goroutines, under the race detector
# make test-lava   jobs for LAVA, done by a lab on this machine: installs one; root
# make lint   the linters, for every architecture; the import graph among them
# make dist   a release of this commit in dist/: tarballs, .deb packages, hashes; in a clone
# make clean  remove what make built here; kernels stay in the user's cache
SHELL       := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := build
.PHONY: build host guests setup run test test-debug test-fuzz test-race test-lava lint dist clean

ARCHES := amd64 arm64 riscv64
# Without what debuggers read, a fifth of a program: so a guest's program is the same
# in a checkout and in a release, which wants to be small, and so are its counts. The
# symbols stay: run --profile tells by those where the guest's program is.
BUILD  := go build -trimpath -ldflags=-w

# The C library opens files when a thread starts, and the target's scripts know
# which descriptor comes next. Nothing here needs it.
export CGO_ENABLED := 0

# Git refuses to tell the version in a checkout of another user, and then go
# build fails. Only one program has it stamped in.
export GOFLAGS += -buildvcs=false
VCS := $(shell git status --porcelain >/dev/null 2>&1 && echo true || echo false)

build: host guests

host:
	$(BUILD) -buildvcs=$(VCS) -o bin/unotify-bench ./cmd/unotify-bench

# Guests get no commit stamped in: the same source is the same guest, and the
# same counts of instructions, whatever git says.
guests:
	for arch in $(ARCHES); do \
	  GOOS=linux GOARCH=$$arch $(BUILD) -o bin/unotify-bench-linux-$$arch ./cmd/unotify-bench; done

setup: build
	bin/unotify-bench doctor --install --tests

# The host is measured first, and needs nothing installed, nor a guest's program.
run: host
	bin/unotify-bench run --install --guests '$(MAKE) guests' $(ARGS)

# The limit is for one package's tests with no kernel built yet.
test: setup
	for arch in $(ARCHES); do GOOS=linux GOARCH=$$arch go vet ./...; done
	go -C tools test ./tally ./dist ./fuzz
	go -C tools build -o ../bin/ ./tally
	bin/tally -timeout 55m $(ARGS) ./...

# Kernels with KASAN and lockdep take minutes each to build, and are ten times slower.
# With -short it is amd64's, and fuzz.
test-debug: setup
	go -C tools build -o ../bin/ ./tally
	bin/tally ./cmd/unotify-bench -count=1 -timeout 24h -run '^TestDebug' -debug $(ARGS)

test-fuzz:
	go -C tools build -o ../bin/ ./fuzz
	bin/fuzz $(ARGS)

# The detector is C, and so needs a compiler, which setup installs. Left out is what boots
# machines, whose guests it is not in; bench, whose targets know which descriptor comes
# next, where the detector's C library opens some; abi/suite, whose checks make threads
# that the C library does not know; what takes most of the time and has no goroutine that
# others lack; and TestAttack, which wants an attacker to be fast. -short has rows take
# longer.
RACE_HOST := ./abi ./abi/fuzz ./abi/model ./asmstubs ./bench/workload ./internal/...
RACE_SLOW := ^(TestAttack|TestWorkloads)$$
RACE_CMD := Fuzz|Race|KTAP|Hear|Row|Report|Claim|Resume
RACE_KERNEL := Fuzz|Channel|Console|Splat|Lock|Builds|Interrupt|Package|Bombs|Waiting
RACE := CGO_ENABLED=1 bin/tally -race -timeout 30m
test-race: setup
	command -v $${CC:-gcc} >/dev/null || { echo 'no C compiler, which the race detector needs: apt-get install gcc libc6-dev' >&2; exit 1; }
	go -C tools build -o ../bin/ ./tally
	CGO_ENABLED=1 go -C tools test -race ./tally ./fuzz
	$(RACE) -short -skip '$(RACE_SLOW)' $(ARGS) $(RACE_HOST)
	$(RACE) -run '$(RACE_CMD)' -skip 'Machines|Interrupt|InBrowser' $(ARGS) ./cmd/unotify-bench
	$(RACE) -run '$(RACE_KERNEL)' -skip 'Real|InterruptMachine' $(ARGS) ./kernel

# Debian's LAVA is some 40 packages, and its lab wants root: not for everybody's tests.
test-lava: setup
	bin/unotify-bench doctor --install --lab --on host
	go -C tools build -o ../bin/ ./tally
	bin/tally -timeout 55m -run '^TestLava$$' ./cmd/unotify-bench -lava $(ARGS)

lint:
	go -C tools build -o ../bin/ tool
	for arch in $(ARCHES); do GOOS=linux GOARCH=$$arch bin/golangci-lint run; done
	bin/actionlint .github/workflows/*.yml
	if command -v shellcheck >/dev/null; then shellcheck .ci/run tools/ci/* tools/stability/study tools/lava/lab kernel/selftest/unotify/*.sh; else \
	  echo 'no shellcheck (apt-get install shellcheck): the scripts are not looked at'; fi
	go -C tools test ./lint

# Programs that know their commit stand apart from the guests' programs, which do not
# and have the same names.
dist: guests
	for arch in $(ARCHES); do \
	  GOOS=linux GOARCH=$$arch $(BUILD) -buildvcs=$(VCS) -o bin/stamped/unotify-bench-linux-$$arch ./cmd/unotify-bench; done
	go -C tools build -o ../bin/ ./dist
	bin/dist

clean:
	rm -rf bin out dist
