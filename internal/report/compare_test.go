package report

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// A sheet is a results file in the making: keys, then a row a line, with its
// runs.
func sheet(keys string, rows ...string) []byte {
	var out bytes.Buffer
	for kv := range strings.FieldsSeq(keys) {
		k, v, _ := strings.Cut(kv, "=")
		fmt.Fprintf(&out, "%s: %s\n", k, v)
	}
	out.WriteString("\n")
	for _, r := range rows {
		f := strings.Fields(r) // name unit values…
		for _, v := range f[2:] {
			value, rest, _ := strings.Cut(v, ";") // …;further,unit
			fmt.Fprintf(&out, "Benchmark%s 300 %s %s %s\n", f[0], value, f[1], strings.ReplaceAll(strings.ReplaceAll(rest, ",", " "), ";", " "))
		}
	}
	return out.Bytes()
}

const (
	insnsKeys = "goos=linux goarch=arm64 kernel=6.12.1 kernel-sha256=aaaaaaaaaaaaaaaa accel=tcg clock=insns qemu=7.2"
	newKernel = "goos=linux goarch=arm64 kernel=6.12.2 kernel-sha256=bbbbbbbbbbbbbbbb accel=tcg clock=insns qemu=7.2"
	wallKeys  = "goos=linux goarch=amd64 kernel=6.12.1 accel=native clock=wall cpu=X"
	tcgWall   = "goos=linux goarch=arm64 kernel=6.12.1 accel=tcg clock=wall qemu=7.2"
	getppid   = "Notify/mech=continue/syscall=getppid/wake=sync/cpus=same-1 insns/op "
	openat    = "Notify/mech=continue/syscall=openat/wake=sync/cpus=same-1 insns/op "
)

func read(t testing.TB, name string, data []byte) *File {
	t.Helper()
	f, err := Read(bytes.NewReader(data), name)
	if err == nil {
		err = errors.Join(f.Warnings...)
	}
	if err != nil {
		t.Fatal(err)
	}
	return f
}

func compared(t testing.TB, before, after []byte, o CompareOptions) *Comparison {
	t.Helper()
	c, err := Compare(read(t, "old.txt", before), read(t, "new.txt", after), o)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// TestVerdicts has a row for each way in which one row can compare.
func TestVerdicts(t *testing.T) {
	const host = "Notify/mech=reply/syscall=openat/cpus=same-2 ns/op "
	for _, tt := range []struct {
		name, keys string
		old, new   string
		want       Verdict
		exactly    string
	}{
		{"the same", insnsKeys, getppid + "6475 6255 6475", getppid + "6475 6475 6255", Unchanged, "="},
		{"the same, once", insnsKeys, getppid + "6475", getppid + "6475", Unchanged, "="},
		{"ten more, which ranks do not see", insnsKeys, getppid + "6475 6255 6475 6475 6255", getppid + "6265 6485 6485 6485 6265", Slower, "+10 each (+0.15%)"},
		{"ten more, which ranks see", insnsKeys, getppid + "388 388 388 388 388", getppid + "398 398 398 398 398", Slower, "+10 each (+2.58%)"},
		{"ten less", insnsKeys, getppid + "398 388 388 398 388", getppid + "388 378 378 388 378", Faster, "-10 each (-2.58%)"},
		{"ten more in too few runs", insnsKeys, getppid + "6475 6255", getppid + "6485 6265", Noise, "+10 each (+0.16%)"},
		{"moved, not alike", insnsKeys, getppid + "100 101 102 103 104", getppid + "200 201 202 203 205", Slower, "+100 (+98.04%)"},
		{"another median by chance", insnsKeys, getppid + "100 100 101 101 101", getppid + "100 100 100 101 101", Noise, "-1 (-0.99%)"},
		{"another spread", insnsKeys, getppid + "100 101 102", getppid + "99 101 103", Noise, "±0"},
		{"half of the calls disturbed, ten more of the others", insnsKeys,
			getppid + "6867;6867,p10-insns/op 6935;6867,p10-insns/op 6935;6867,p10-insns/op 6867;6867,p10-insns/op",
			getppid + "6945;6877,p10-insns/op 6877;6877,p10-insns/op 6877;6877,p10-insns/op 6877;6877,p10-insns/op", Slower, "-24 (-0.35%)"},
		{"half of the calls disturbed, the others moved, not alike", insnsKeys,
			getppid + "6867;6867,p10-insns/op 6935;6867,p10-insns/op 6935;6867,p10-insns/op 6867;6867,p10-insns/op",
			getppid + "6945;6877,p10-insns/op 6877;6877,p10-insns/op 6877;6877,p10-insns/op 6877;6876,p10-insns/op", Noise, "-24 (-0.35%)"},
		{"ten more of the undisturbed in too few runs", insnsKeys,
			getppid + "6935;6867,p10-insns/op 6935;6867,p10-insns/op", getppid + "6877;6877,p10-insns/op 6878;6877,p10-insns/op", Noise, "-57.5 (-0.83%)"},
		{"time, the same", wallKeys, host + "100 100 100 100", host + "100 100 100 100", Noise, ""},
		{"time, slower", wallKeys, host + "100 101 102 103", host + "200 201 202 203", Slower, ""},
		{"time, too few runs", wallKeys, host + "100 101 102", host + "200 201 202", Noise, ""},
		{"time, each alike is no evidence", wallKeys, host + "100 200 300 400", host + "110 210 310 410", Noise, ""},
		{"both modes as they were, the median in the other", insnsKeys,
			getppid + "100;110,mean-insns/op;.5,mode2-share 100;110,mean-insns/op 100;110,mean-insns/op 100;110,mean-insns/op",
			getppid + "120;110,mean-insns/op;.5,mode2-share 120;110,mean-insns/op 120;110,mean-insns/op 120;110,mean-insns/op", Noise, "+20 each (+20.00%)"},
		{"two modes, slower by the mean, too", insnsKeys,
			getppid + "100;110,mean-insns/op;.5,mode2-share 100;110,mean-insns/op 100;110,mean-insns/op 100;110,mean-insns/op",
			getppid + "120;130,mean-insns/op;.5,mode2-share 120;130,mean-insns/op 120;130,mean-insns/op 120;130,mean-insns/op", Slower, "+20 each (+20.00%)"},
		{"two modes, far apart: the median cannot have flipped", insnsKeys,
			getppid + "100;300,mean-insns/op 100;110,mean-insns/op 100;110,mean-insns/op 100;110,mean-insns/op",
			getppid + "110;110,mean-insns/op;100,mode1-insns/op;500,mode2-insns/op;.2,mode2-share 110;110,mean-insns/op 110;110,mean-insns/op 110;110,mean-insns/op", Slower, "+10 each (+10.00%)"},
		{"two modes, so near that it can have", insnsKeys,
			getppid + "100;300,mean-insns/op 100;110,mean-insns/op 100;110,mean-insns/op 100;110,mean-insns/op",
			getppid + "110;110,mean-insns/op;95,mode1-insns/op;115,mode2-insns/op;.2,mode2-share 110;110,mean-insns/op 110;110,mean-insns/op 110;110,mean-insns/op", Noise, "+10 each (+10.00%)"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			c := compared(t, sheet(tt.keys, tt.old), sheet(tt.keys, tt.new), CompareOptions{})
			if len(c.Pairings) != 1 || len(c.Pairings[0].Pairs) != 1 {
				t.Fatalf("not one pair: %+v", c.Pairings)
			}
			p := c.Pairings[0]
			got := p.figures(p.Pairs[0])
			if got.Verdict != tt.want || got.Exact != tt.exactly {
				t.Errorf("%v, %q; want %v, %q", got.Verdict, got.Exact, tt.want, tt.exactly)
			}
		})
	}
}

// TestOtherUnits: only --all compares them, and only what is said of a unit
// makes a difference in it good or bad.
func TestOtherUnits(t *testing.T) {
	row := func(more string) string {
		v := "388;" + strings.ReplaceAll(more, " ", ";")
		return getppid + strings.Repeat(v+" ", 5)
	}
	meta := []byte("Unit calls/s better=higher\n")
	before := append(meta, sheet(insnsKeys, row("200,calls/s 7,csw/op"))...)
	after := append(meta, sheet(newKernel, row("100,calls/s 9,csw/op"))...)
	if n := len(compared(t, before, after, CompareOptions{}).Pairings); n != 1 {
		t.Errorf("%d units, want the headline alone", n)
	}
	got := make(map[string]Verdict)
	for _, p := range compared(t, before, after, CompareOptions{All: true}).Pairings {
		got[p.Unit] = p.Pairs[0].Verdict
	}
	want := map[string]Verdict{"insns/op": Unchanged, "calls/s": Slower, "csw/op": Changed}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// TestResidue: the kernel may differ without a word, and nothing else.
func TestResidue(t *testing.T) {
	row := getppid + "388"
	differ := func(from, to string) []byte { return sheet(strings.Replace(insnsKeys, from, to, 1), row) }
	for _, tt := range []struct {
		name  string
		other []byte
		want  []string
	}{
		{"kernel", sheet(newKernel, row), nil},
		{"qemu", differ("qemu=7.2", "qemu=8.0"), []string{"arm64: not only the kernel differs: qemu is 7.2 in the old file, and 8.0 in the new one"}},
		{"qemu not said", differ("qemu=7.2", ""), []string{"arm64: not only the kernel differs: qemu is 7.2 in the old file, and not said in the new one"}},
		{"unknown key", differ("qemu=7.2", "qemu=7.2 colour=red"), []string{"arm64: not only the kernel differs: colour is not said in the old file, and red in the new one"}},
		{"two kernels in one file", append(sheet(insnsKeys, row), sheet(newKernel, row)...),
			[]string{"arm64: the new file holds results of several kernels, which its rows mix: 6.12.1 (aaaaaaaaaaaa) and 6.12.2 (bbbbbbbbbbbb)"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var got []string
			for _, w := range compared(t, sheet(insnsKeys, row), tt.other, CompareOptions{}).Warnings {
				got = append(got, w.Error())
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

// TestDoNotCompare has what is refused, and what the reader is told to do.
func TestDoNotCompare(t *testing.T) {
	row := getppid + "388"
	riscv64 := strings.Replace(insnsKeys, "arm64", "riscv64", 1)
	for _, tt := range []struct {
		name     string
		old, new []byte
		o        CompareOptions
		want     string
	}{
		{"clocks", sheet(insnsKeys, row), sheet(tcgWall, strings.Replace(row, "insns", "ns", 1)), CompareOptions{},
			"old.txt is of arm64 clock insns, accel tcg, and new.txt of arm64 clock wall, accel tcg, which do not compare: measure both with the same --clock and --accel"},
		{"clocks, all units", sheet(insnsKeys, row), sheet(tcgWall, strings.Replace(row, "insns", "ns", 1)), CompareOptions{All: true}, "do not compare"},
		{"accelerators", sheet(tcgWall, row), sheet(strings.Replace(tcgWall, "tcg", "kvm", 1), row), CompareOptions{}, "which do not compare"},
		{"places", sheet(insnsKeys, row), sheet(riscv64, row), CompareOptions{}, "nothing is in both files: old.txt is of arm64 clock insns, accel tcg, and new.txt of riscv64"},
		{"unit", sheet(insnsKeys, row), sheet(insnsKeys, strings.Replace(row, "insns/op", "ticks/op", 1)), CompareOptions{},
			"new.txt has no insns/op, the headline of arm64 clock insns, accel tcg: it is in another unit; measure it again with unotify-bench run, or compare other units with --all"},
		{"rows", sheet(insnsKeys, row), sheet(insnsKeys, openat+"388"), CompareOptions{}, "measure both with the same --mech, --syscall and --cpus"},
		{"selection", sheet(insnsKeys, row), sheet(insnsKeys, row), CompareOptions{Run: regexp.MustCompile("^nothing$")}, "no row of old.txt and new.txt is called for"},
		{"mechanism", sheet(insnsKeys, row), sheet(insnsKeys, row), CompareOptions{Mechs: []string{"bogus"}}, `unknown mechanism "bogus"; known to old.txt and new.txt: continue`},
		{"syscall", sheet(insnsKeys, row), sheet(insnsKeys, row), CompareOptions{Syscalls: []string{"bogus"}}, `unknown syscall "bogus"; known to old.txt and new.txt: getppid`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			_, err := Compare(read(t, "old.txt", tt.old), read(t, "new.txt", tt.new), tt.o)
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("got %v, want %s", err, tt.want)
			}
		})
	}
}

// TestSelect: what --list prints selects, and so does what a gate prints.
func TestSelect(t *testing.T) {
	data := sheet(insnsKeys, getppid+"388", openat+"500", strings.Replace(openat, "continue", "reply", 1)+"600")
	for _, tt := range []struct {
		o    CompareOptions
		want string
	}{
		{CompareOptions{}, "continue getppid, continue openat, reply openat"},
		{CompareOptions{Mechs: []string{"continue"}}, "continue getppid, continue openat"},
		{CompareOptions{Syscalls: []string{"openat"}}, "continue openat, reply openat"},
		{CompareOptions{Mechs: []string{"reply"}, Syscalls: []string{"openat"}}, "reply openat"},
		{CompareOptions{Run: regexp.MustCompile("^Notify/mech=reply/syscall=openat/wake=sync/cpus=same$")}, "reply openat"},
		{CompareOptions{Run: regexp.MustCompile("^Notify/mech=reply/syscall=openat/wake=sync/cpus=same-1$")}, "reply openat"},
	} {
		var got []string
		for _, p := range compared(t, data, data, tt.o).Pairings[0].Pairs {
			got = append(got, p.Label)
		}
		if diff := cmp.Diff(tt.want, strings.Join(got, ", ")); diff != "" {
			t.Errorf("%+v (-want +got):\n%s", tt.o, diff)
		}
	}
}

// TestShortNames: labels say all that tells rows apart.
func TestShortNames(t *testing.T) {
	for _, tt := range []struct{ names, want []string }{
		{[]string{"Notify/mech=reply/syscall=write/bytes=65536/wake=sync/cpus=same-1", "Notify/mech=reply/syscall=write/bytes=65536/wake=async/cpus=cross-1"},
			[]string{"reply write 64 KiB", "reply write 64 KiB wake=async cpus=cross"}},
		{[]string{"Notify/mech=reply/syscall=openat-1", "Notify/mech=reply/syscall=openat-2"}, []string{"reply openat -1", "reply openat -2"}},
		{[]string{"Notify/mech=reply/syscall=openat/wake=sync-1", "Notify/mech=reply/syscall=openat-1"},
			[]string{"Notify/mech=reply/syscall=openat/wake=sync-1", "Notify/mech=reply/syscall=openat-1"}},
		{[]string{"Encode/format=json-48"}, []string{"Encode/format=json-48"}},
	} {
		if diff := cmp.Diff(tt.want, shortNames(tt.names)); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
	}
}

// FuzzCompare: whatever two files hold, each format renders it or an error
// says why not, and mails keep to their width.
func FuzzCompare(f *testing.F) {
	f.Add(sheet(insnsKeys, getppid+"388 398", openat+"7"), sheet(newKernel, getppid+"398 1000000000", openat+"0"), true)
	f.Add(sheet(wallKeys, getppid+"388;3,ns/op 1;0,ns/op"), sheet(wallKeys, getppid+"3;3,ns/op"), false)
	f.Add([]byte("BenchmarkX 1 0 ns/op\nBenchmarkX|<b>/a=@x-3 1 1 ns/op\n"), []byte("Unit ns/op assume=exact\nBenchmarkX|<b>/a=@x-3 1 2e14 ns/op\n"), true)
	f.Fuzz(func(t *testing.T, before, after []byte, all bool) {
		x, _ := Read(bytes.NewReader(before), "old")
		y, _ := Read(bytes.NewReader(after), "new")
		if x == nil || y == nil {
			return
		}
		c, err := Compare(x, y, CompareOptions{All: all})
		if err != nil {
			return
		}
		g, _ := ParseGate("1%")
		_ = c.Judge(g)
		var mail strings.Builder
		for _, err := range []error{c.Mail(&mail), c.Text(io.Discard, true), c.Markdown(io.Discard), c.HTML(io.Discard)} {
			if err != nil {
				t.Error(err)
			}
		}
		for line := range strings.Lines(mail.String()) {
			if line = strings.TrimSuffix(line, "\n"); runes(line) > mailWidth || clean(line) != line {
				t.Errorf("not for a mail: %q", line)
			}
		}
	})
}
