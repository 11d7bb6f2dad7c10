package bench

import (
	"errors"
	"fmt"

	"unotify-bench/abi"
	"unotify-bench/internal/notify"
)

// redirect lets the trapped call go on, with its pointer argument led to a pin
// that holds what was approved. The pin is installed once in each address
// space: at the first trap, or, where every call clears the address space, at
// the exec event, before the new image's first instruction. A call without a
// pointer shows the price of SEND_REDIRECT alone: argument 0 is replaced by
// itself.
var _ = register(&Mechanism{
	Name:    "redirect",
	Rank:    110,
	Doc:     "listener: read, write the pin, SEND_REDIRECT; the pin is installed once",
	Verdict: abi.SECCOMP_RET_USER_NOTIF,
	Needs:   redirectFeatures,
	Serve: func(s *supervisor) error {
		if s.pointer < 0 {
			return s.serve(s.redirectScalar)
		}
		r, err := newRedirector(s)
		if err != nil {
			return err
		}
		defer r.pin.Close()
		if s.execs {
			if err := needsFeatures(s.listener, notify.FeatureExecEvent); err != nil {
				return err
			}
			r.flags |= abi.SECCOMP_REDIRECT_FLAG_EXEC_EVENT
			s.execed = r.newImage
		}
		return s.serve(r.warm)
	},
})

var redirectFeatures = []notify.Feature{notify.FeatureRedirectFlag, notify.FeaturePinInstall, notify.FeatureSendRedirect}

func (s *supervisor) redirectScalar(n *abi.Notif) error {
	s.redirect = abi.NotifRespRedirect{ID: n.ID, Flags: abi.SECCOMP_REDIRECT_FLAG_CONTINUE, ArgsMask: 1}
	s.redirect.Args[0] = n.Data.Args[0]
	return answered(s.listener.SendRedirect(&s.redirect), "redirect the call")
}

// redirector is a supervisor with a pin.
type redirector struct {
	*supervisor
	pin   *notify.Pin
	flags uint32 // of SEND_REDIRECT

	// Where the pin is: in the target, whose children share its memory until
	// they execute a program; and in the image that a child executed last.
	home    uint64
	image   uint64
	imageOf uint32 // that child's id
}

// newRedirector makes a pin that the approved argument fits into.
func newRedirector(s *supervisor) (*redirector, error) {
	size := s.length
	if s.size == SizeString {
		size++
	}
	pin, err := notify.NewPin(size)
	if err != nil {
		return nil, err
	}
	return &redirector{supervisor: s, pin: pin, flags: abi.SECCOMP_REDIRECT_FLAG_CONTINUE}, nil
}

// warm answers with the pin that is there. (A number that an earlier child had
// comes again only after all others. Its pin would be none, which is an error.)
func (r *redirector) warm(n *abi.Notif) error {
	got, err := r.approve(n)
	if err != nil {
		return err
	}
	if n.PID == r.imageOf {
		return r.send(n, got, r.image)
	}
	if r.home == 0 {
		if r.home, err = r.place(n); r.home == 0 {
			return err
		}
	}
	return r.send(n, got, r.home)
}

// cold answers with a new pin.
func (r *redirector) cold(n *abi.Notif) error {
	got, err := r.approve(n)
	if err != nil {
		return err
	}
	at, err := r.place(n)
	if at == 0 {
		return err
	}
	return r.send(n, got, at)
}

// newImage is told that a child has executed a program: the pin is installed
// there, and the program starts.
func (r *redirector) newImage(n *abi.Notif) error {
	if uint64(n.Data.Nr) != r.nr || n.Data.Args != [6]uint64{} {
		return fmt.Errorf("an exec event of syscall %d with arguments %#x, want syscall %d without", n.Data.Nr, n.Data.Args, r.nr)
	}
	at, err := r.place(n)
	if at == 0 {
		return err
	}
	r.image, r.imageOf = at, n.PID
	r.resp = abi.NotifResp{ID: n.ID}
	return r.supervisor.send()
}

// place installs the pin where the kernel likes. Neither address nor error
// means that the target left its wait.
func (r *redirector) place(n *abi.Notif) (at uint64, err error) {
	r.install = abi.NotifPinInstall{ID: n.ID, MemFD: uint32(r.pin.FD), Size: uint64(r.pin.Size())}
	switch e := r.listener.InstallPin(&r.install); {
	case e != 0:
		return 0, answered(e, "install a pin")
	case r.install.TargetAddr == 0:
		return 0, errors.New("install a pin: the kernel does not say where")
	}
	return r.install.TargetAddr, nil
}

// send writes what was approved to the pin, and lets the call go on with it.
func (r *redirector) send(n *abi.Notif, approved []byte, at uint64) error {
	r.pin.Write(approved)
	r.redirect = abi.NotifRespRedirect{
		ID: n.ID, Flags: r.flags, ArgsMask: 1 << r.pointer, PtrMask: 1 << r.pointer, MemFD: uint32(r.pin.FD),
	}
	r.redirect.Args[r.pointer], r.redirect.PtrLen[r.pointer] = at, uint64(len(approved))
	return answered(r.listener.SendRedirect(&r.redirect), "redirect the call")
}
