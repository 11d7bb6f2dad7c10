package hang

import "testing"

func TestOne(t *testing.T) {}

func TestHang(t *testing.T) {
	t.Run("a", func(t *testing.T) {
		t.Log("last words")
		select {}
	})
}
