package report

import (
	"encoding/xml"
	"errors"
	"io"
	"strings"
	"testing"

	"unotify-bench/internal/golden"
)

// twoFiles is a comparison with everything in it that a format has to show.
func twoFiles(t testing.TB) *Comparison {
	t.Helper()
	const host = "/cpus=same-2 ns/op "
	name := func(mech, syscall string) string {
		return "Notify/mech=" + mech + "/syscall=" + syscall + "/wake=sync/cpus=same-1 insns/op "
	}
	modes := ";7300,mean-insns/op;.5,mode2-share "
	before := append(sheet(insnsKeys,
		getppid+"6475 6255 6475 6475 6255",
		openat+"10408 10388 10408 10536 10516",
		name("reply", "getppid")+"6143 6143 6143 6143 6143",
		name("reply", "openat")+strings.Repeat("7000"+modes, 5),
		name("addfd", "openat")+"15236 15236 15236 15236 15236",
		name("inject", "openat")+"14323 14323 14323 14323 14323",
		name("sigsys", "openat")+"3105 3105 3105 3105 3105",
	), sheet(wallKeys+" kernel-sha256= qemu=",
		"Notify/mech=native/syscall=getppid"+host+"190 191 192 193 194 195",
		"Notify/mech=continue/syscall=getppid"+host+"7263 7264 7265 7266 7267 7268",
		"Notify/mech=continue/syscall=openat"+host+"11231 11232 11233",
	)...)
	after := append(sheet(newKernel,
		getppid+"6485 6265 6485 6485 6265",
		openat+"10408 10388 10536 10536 10516",
		name("reply", "getppid")+"6143 6143 6143 6143 6143",
		name("reply", "openat")+strings.Repeat("7200"+modes, 5),
		name("addfd", "openat")+"15000 15001 15002 15003 15004",
		name("ptrace-seccomp", "openat")+"24783 24783 24783 24783 24783",
		name("sigsys", "openat")+"3165 3165 3165 3165 3165",
	), sheet(strings.Replace(wallKeys, "cpu=X", "cpu=Y|<b>", 1)+" kernel-sha256= qemu=",
		"Notify/mech=native/syscall=getppid"+host+"195 190 191 192 193 194",
		"Notify/mech=continue/syscall=getppid"+host+"7463 7464 7465 7466 7467 7468",
		"Notify/mech=continue/syscall=openat"+host+"12231 12232 12233",
	)...)
	after = append(after, "# n/a arm64 Notify/mech=inject this kernel has no INJECT\n"...)
	c := compared(t, before, after, CompareOptions{})
	g, err := ParseGate("1%")
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Judge(g); err != nil {
		t.Fatal(err)
	}
	return c
}

func TestCompareFormats(t *testing.T) {
	c := twoFiles(t)
	for name, write := range map[string]func(io.Writer) error{
		"compare.txt":       func(w io.Writer) error { return c.Text(w, false) },
		"compare-color.txt": func(w io.Writer) error { return c.Text(w, true) },
		"compare.mail":      c.Mail,
		"compare.md":        c.Markdown,
		"compare.html":      c.HTML,
	} {
		t.Run(name, func(t *testing.T) {
			var out strings.Builder
			if err := write(&out); err != nil {
				t.Fatal(err)
			}
			golden.Check(t, name, out.String())
			if err := write(failingWriter{}); err == nil {
				t.Error("a full disk is no error")
			}
		})
	}
}

type failingWriter struct{}

func (failingWriter) Write([]byte) (int, error) { return 0, errors.New("no space left on device") }

// TestMailIsNarrow: however long names and numbers are, lines are not.
func TestMailIsNarrow(t *testing.T) {
	long := "Notify/mech=target-call-send/syscall=write/bytes=1048576/wake=async/cpus=cross/peers=64/filters=32/targets=64/supervisors=4-128 insns/op "
	data := sheet(insnsKeys, long+"123456789012345 1", getppid+"1 2")
	var out strings.Builder
	if err := compared(t, data, sheet(newKernel, long+"123456789012344 2", getppid+"5 6"), CompareOptions{}).Mail(&out); err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(out.String()) {
		if n := runes(strings.TrimSuffix(line, "\n")); n > 72 {
			t.Errorf("%d columns: %s", n, line)
		}
	}
}

// TestMarkdownMeansItself: what a guest sends is text, not markup: no link, no
// tag, no person called, and each row has its five or six cells.
func TestMarkdownMeansItself(t *testing.T) {
	name := "X|<img>@you[a](b)`c`*d*_e_/a=1-1 ns/op "
	var out strings.Builder
	if err := compared(t, sheet("goarch=a|b", name+"1 2"), sheet("goarch=a|b", name+"1 2"), CompareOptions{}).Markdown(&out); err != nil {
		t.Fatal(err)
	}
	if want := "| X\\|&lt;img>&#64;you\\[a\\](b)\\`c\\`\\*d\\*\\_e\\_/a=1-1 | 1.500n |"; !strings.Contains(out.String(), want) {
		t.Errorf("no %s in:\n%s", want, &out)
	}
	for line := range strings.Lines(out.String()) {
		if n := strings.Count(strings.ReplaceAll(line, `\|`, ""), "|"); strings.HasPrefix(line, "|") && n != 6 {
			t.Errorf("%d bars in %s", n, line)
		}
	}
}

// TestHTMLIsWhole: the page's tags nest, and it asks nobody for anything.
func TestHTMLIsWhole(t *testing.T) {
	var out strings.Builder
	if err := twoFiles(t).HTML(&out); err != nil {
		t.Fatal(err)
	}
	d := xml.NewDecoder(strings.NewReader(out.String()))
	d.Strict, d.AutoClose, d.Entity = false, []string{"meta"}, xml.HTMLEntity
	rows := 0
	for {
		token, err := d.Token()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		if e, ok := token.(xml.StartElement); ok {
			if e.Name.Local == "tr" {
				rows++
			}
			for _, a := range e.Attr {
				if a.Name.Local == "src" || a.Name.Local == "href" {
					t.Errorf("<%s> fetches %s", e.Name.Local, a.Value)
				}
			}
		}
	}
	// Two tables with a head and a geometric mean; 6 rows and a mean's, and 3.
	if rows != 2*2+6+1+3 {
		t.Errorf("%d rows", rows)
	}
	if s := out.String(); strings.Contains(s, "<b>") || strings.Contains(s, "<script") || strings.Contains(s, "://") {
		t.Errorf("text became markup:\n%s", s)
	}
}
