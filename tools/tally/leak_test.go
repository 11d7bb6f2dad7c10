package main

import (
	"os"
	"testing"

	"unotify-bench/internal/leak"
)

func TestMain(m *testing.M) { os.Exit(leak.Tests{M: m}.Run()) }
