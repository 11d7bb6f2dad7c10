package lengths

import (
	"math"
	"strings"
	"testing"
)

func TestRead(t *testing.T) {
	table, err := Read()
	if err != nil {
		t.Fatal(err)
	}
	if table.Format(table.IDs) != committed {
		t.Error("written again, the table differs")
	}
	if len(table.IDs) == 0 || !(table.Mean(table.IDs[0]) > 0) || !math.IsNaN(table.Mean("none.such")) {
		t.Errorf("lengths of %d checks; the first takes %v s, one that is not there %v", len(table.IDs), table.Mean(table.IDs[0]), table.Mean("none.such"))
	}
}

func TestParse(t *testing.T) {
	const head = "check\ta\tb\nboot\t7\t8\n"
	table, err := parse(head + "x.y\t1000000\t3000000\n")
	if err != nil || table.Mean("x.y") != 2 || table.Boot[1].Microseconds() != 8 {
		t.Errorf("%+v, %v", table, err)
	}
	for _, bad := range []string{
		"check\ta\nx.y\t1\n", // no boot
		head + "x.y\t1\n",
		head + "x.y\t1\t2\t3\n",
		head + "x.y\t1\t2\nx.y\t1\t2\n",
		head + "boot\t1\t2\n",
		head + "x.y\t0\t2\n",
		head + "x.y\t-1\t2\n",
		head + "x.y\t1e3\t2\n",
		head + "x.y\t1\t9999999999999999\n",
		head + "\n",
	} {
		if table, err := parse(bad); err == nil || !strings.HasPrefix(err.Error(), "lengths of checks: line ") {
			t.Errorf("%q: %+v, %v", bad, table, err)
		}
	}
}
