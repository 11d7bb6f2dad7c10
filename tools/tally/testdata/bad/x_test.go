package bad

import "testing"

func TestOne(t *testing.T) {}

func TestSubtest(t *testing.T) {
	t.Run("a", func(t *testing.T) {})
	t.Run("b", func(t *testing.T) { t.Error("said why") })
}

func TestItself(t *testing.T) {
	t.Run("a", func(t *testing.T) {})
	t.Error("not the subtest's fault")
}
