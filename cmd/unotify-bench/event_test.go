package main

import (
	"strings"
	"testing"
)

// TestDecode: what an event is not is said in a line, whatever is in it.
func TestDecode(t *testing.T) {
	var row struct{ Calls int }
	err := decode([]byte(`{"Calls":`+strings.Repeat("9", 6000)+`}`), &row, "row")
	if err == nil || !strings.HasPrefix(err.Error(), "guest sent no row: json: cannot unmarshal number 999") || len(err.Error()) > 300 {
		t.Errorf("error %v", err)
	}
	if err := decode([]byte(`{"Calls":7}`), &row, "row"); err != nil || row.Calls != 7 {
		t.Errorf("%d calls, %v", row.Calls, err)
	}
}
