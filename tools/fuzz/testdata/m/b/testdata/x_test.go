package x

import "testing"

func FuzzNot(f *testing.F) {}
