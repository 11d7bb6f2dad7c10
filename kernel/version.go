package kernel

import (
	"context"

	"unotify-bench/abi"
)

// QEMUVersion is the version of the QEMU that Boot uses for arch, which is a
// fact of every result: instruction counts hold for one QEMU.
func QEMUVersion(ctx context.Context, arch *abi.Arch) (string, error) {
	e, err := findEmulator(ctx, arch)
	if err != nil {
		return "", err
	}
	return e.version, nil
}
