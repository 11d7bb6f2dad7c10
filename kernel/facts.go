package kernel

import "context"

// Facts are what a result must say of the machine it was measured on.
type Facts struct {
	QEMU  string // version: instruction counts hold for one
	Accel Accel  // what will execute the guest, never AccelAuto
}

// Facts finds out what Boot would use. It tries KVM if it must, once.
func (m *Machine) Facts(ctx context.Context) (Facts, error) {
	m, err := m.withDefaults()
	if err != nil {
		return Facts{}, err
	}
	emu, err := findEmulator(ctx, m.Arch)
	if err != nil {
		return Facts{}, err
	}
	accel, err := m.chooseAccel(ctx, emu)
	if err != nil {
		return Facts{}, err
	}
	return Facts{QEMU: emu.version, Accel: accel}, nil
}
