package suite

import (
	"flag"
	"slices"
	"testing"

	"golang.org/x/sys/unix"

	"unotify-bench/abi"
	"unotify-bench/internal/notify"
)

var patched = flag.Bool("patched", false, "this kernel must have all that is proposed")

// TestForeign: on a kernel with some of the mechanisms those are checked, and
// the checks of others are skipped, naming what is not there. A filter makes
// such a kernel of one that has them all; elsewhere nothing is left to hide.
func TestForeign(t *testing.T) {
	const newListener, redirect = abi.SECCOMP_FILTER_FLAG_NEW_LISTENER, abi.SECCOMP_FILTER_FLAG_REDIRECT
	hide := map[notify.Feature][]hidden{
		notify.FeatureInject:       {{unix.SYS_IOCTL, abi.SECCOMP_IOCTL_NOTIF_INJECT}},
		notify.FeatureTargetCall:   {{unix.SYS_IOCTL, abi.SECCOMP_IOCTL_NOTIF_TARGET_CALL}},
		notify.FeaturePinInstall:   {{unix.SYS_IOCTL, abi.SECCOMP_IOCTL_NOTIF_PIN_INSTALL}},
		notify.FeatureSendRedirect: {{unix.SYS_IOCTL, abi.SECCOMP_IOCTL_NOTIF_SEND_REDIRECT}},
		notify.FeatureRedirectFlag: {{unix.SYS_SECCOMP, newListener | redirect}},
	}
	full, err := ask(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for f, a := range full {
		if *patched && !a.Has {
			t.Errorf("this kernel has no %v: %s", f, a.Err)
		}
	}
	for _, tt := range []struct {
		name  string
		lacks []notify.Feature
	}{
		{"INJECT as posted, alone", []notify.Feature{notify.FeatureTargetCall, notify.FeaturePinInstall, notify.FeatureSendRedirect, notify.FeatureRedirectFlag}},
		{"pins and redirect as posted, alone", []notify.Feature{notify.FeatureInject, notify.FeatureTargetCall}},
		{"neither", []notify.Feature{notify.FeatureInject, notify.FeatureTargetCall, notify.FeaturePinInstall, notify.FeatureSendRedirect, notify.FeatureRedirectFlag}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var calls []hidden
			for _, f := range tt.lacks {
				calls = append(calls, hide[f]...)
			}
			lacks := func(f notify.Feature) bool { return slices.Contains(tt.lacks, f) || !full[f].Has }
			var checks []*Check
			left := 0
			for _, c := range Catalogue() {
				if len(c.Needs) == 0 {
					continue
				}
				// Of what can run, a part: the suite runs it all elsewhere.
				if !slices.ContainsFunc(c.Needs, lacks) {
					if left++; left%8 != 0 {
						continue
					}
				}
				checks = append(checks, c)
			}
			ran := 0
			emit := func(r Result) error {
				c := Find(r.ID)
				i := slices.IndexFunc(c.Needs, lacks)
				switch {
				case i >= 0 && (r.Outcome != Absent || r.Text != c.Needs[i].String()):
					t.Errorf("%s: %s, %q; want absent, for want of %v", r.ID, r.Outcome, r.Text, c.Needs[i])
				case i < 0 && r.Outcome == Held:
					ran++
				case i < 0 && r.Outcome != Absent && r.Outcome != Without:
					t.Errorf("%s: %s, %q; want held", r.ID, r.Outcome, r.Text)
				}
				return nil
			}
			done := make(chan error)
			go func() {
				done <- hiding(calls, func() error { return Run(t.Context(), checks, Deadline, emit) })
			}()
			if err := <-done; err != nil {
				t.Fatal(err)
			}
			if left >= 8 && ran == 0 {
				t.Errorf("of %d checks that can run none was seen to hold", left)
			}
			t.Logf("%d checks, of which %d held", len(checks), ran)
		})
	}
}

// hidden is a call, by its second argument, that the kernel does not know.
type hidden struct {
	nr    int
	value uint32
}

// hiding calls f on a thread, which is lost, for which these calls are EINVAL;
// what f starts inherits that.
func hiding(calls []hidden, f func() error) error {
	if err := notify.LockThread(); err != nil {
		return err
	}
	for _, h := range calls {
		p, err := notify.FilterForArg(h.nr, 1, h.value, abi.SECCOMP_RET_ERRNO|uint32(unix.EINVAL))
		if err == nil {
			_, err = p.Install(0)
		}
		if err != nil {
			return err
		}
	}
	return f()
}
