package good

import "testing"

func TestOne(t *testing.T) {}

func TestTwo(t *testing.T) {
	t.Run("a", func(t *testing.T) {})
	t.Run("b", func(t *testing.T) {})
}

func TestSkip(t *testing.T) { t.Skip("no such machine") }
