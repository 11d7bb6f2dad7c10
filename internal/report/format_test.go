package report

import "testing"

func TestFormat(t *testing.T) {
	for _, tt := range []struct{ got, want string }{
		{amount(0.5, "ns/op"), "0.50"},
		{amount(9.996, "ns/op"), "10.0"},
		{amount(99.96, "ns/op"), "100"},
		{amount(6319, "insns/op"), "6319"},
		{amount(999999.4, "insns/op"), "999999"},
		{amount(999999.6, "insns/op"), "1.000M"},
		{amount(2.5e6, "ns/op"), "2.500ms"},
		{amount(2.5e9, "ns/op"), "2.500s"},
		{added(42, "ns/op"), "+42.0"},
		{added(0, "ns/op"), "+0"},
		{added(-42, "ns/op"), "-42.0"},
		{added(99999, "insns/op"), "+99999"},
		{added(120100, "insns/op"), "+120k"},
		{added(120100, "ns/op"), "+120µs"},
		{added(-1234567, "insns/op"), "-1.23M"},
		{ratio(0.068), "0.07×"},
		{ratio(9.996), "10.0×"},
		{ratio(1530), "1530×"},
		{percent(0), "±0%"},
		{percent(0.0001), "±<1%"},
		{percent(0.005), "±1%"},
		{percent(0.2), "±20%"},
		{size("64"), "64 B"},
		{size("65536"), "64 KiB"},
		{size("1048576"), "1 MiB"},
		{size("1500"), "1500 B"},
		{size("many"), "bytes=many"},
		{clean("a\x1b[2J\u202e\xffé"), "a?[2J??é"},
	} {
		if tt.got != tt.want {
			t.Errorf("got %q, want %q", tt.got, tt.want)
		}
	}
}
