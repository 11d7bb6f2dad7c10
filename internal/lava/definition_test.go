package lava

import (
	"testing"

	"unotify-bench/internal/golden"
)

// TestDefinition compares jobs with committed ones, which TestLavaSchema has LAVA's own
// schema look at.
func TestDefinition(t *testing.T) {
	file := func(name string) File { return File{URL: "http://files.lab/" + name, SHA256: "00"} }
	for name, d := range map[string]Definition{
		"qemu.yaml": {
			Name: "unotify-bench riscv64-1", DeviceType: "qemu", Arch: "riscv64", Metadata: [][2]string{{"unotify-bench", `v1 "quoted"`}},
			Kernel: file("riscv64.kernel"), Ramdisk: file("riscv64-1.cpio"), Params: "console=ttyS0 quiet",
			Monitors: []string{Checks, Figures}, MemMiB: 512, Minutes: 60, Silence: 10,
		},
		"board.yaml": {
			Name: "unotify-bench arm64-rows", DeviceType: "meson-g12b-odroid-n2", Arch: "arm64", Metadata: [][2]string{{"unotify-bench", "v1"}},
			Kernel: file("arm64.kernel"), Ramdisk: file("arm64-rows.cpio"), DTB: file("arm64.dtb"), Params: "quiet loglevel=1", Method: "u-boot",
			Monitors: []string{Figures}, Minutes: 60, Silence: 10,
		},
	} {
		text, err := d.YAML()
		if err != nil {
			t.Fatal(err)
		}
		golden.Check(t, name, text)
	}
}
