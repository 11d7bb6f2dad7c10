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
		defer r.close()
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

// redirector is a supervisor with pins.
type redirector struct {
	*supervisor
	flags uint32 // of SEND_REDIRECT

	// The pin in the target, whose children share its memory until they
	// execute a program; in the image that a child executed last; and in each
	// of many targets.
	home    place
	image   uint64 // home's pin is there
	imageOf uint32 // that child's id
	many    map[uint32]*place
}

// newRedirector makes pins that the approved argument fits into.
func newRedirector(s *supervisor) (*redirector, error) {
	size := s.length
	if s.size == SizeString {
		size++
	}
	r := &redirector{supervisor: s, flags: abi.SECCOMP_REDIRECT_FLAG_CONTINUE}
	var err error
	if len(s.team.targets) > 0 {
		r.many, err = s.team.places(size)
	} else {
		r.home.pin, err = notify.NewPin(size)
	}
	return r, err
}

// close gives up the pin. Those of many targets are the team's.
func (r *redirector) close() {
	if r.home.pin != nil {
		r.home.pin.Close()
	}
}

// placeOf is where the pin of the trapped task is, or will be.
func (r *redirector) placeOf(n *abi.Notif) (*place, error) {
	if r.many == nil {
		return &r.home, nil
	}
	if p := r.many[n.PID]; p != nil {
		return p, nil
	}
	return nil, fmt.Errorf("process %d is no target", n.PID)
}

// approved is what was read and approved, and the place for it.
func (r *redirector) approved(n *abi.Notif) (got []byte, p *place, err error) {
	if got, err = r.approve(n); err == nil {
		p, err = r.placeOf(n)
	}
	return got, p, err
}

// warm answers with the pin that is there. (A number that an earlier child had
// comes again only after all others. Its pin would be none, which is an error.)
func (r *redirector) warm(n *abi.Notif) error {
	got, p, err := r.approved(n)
	if err != nil {
		return err
	}
	if n.PID == r.imageOf {
		return r.send(n, got, p.pin, r.image)
	}
	at := p.at.Load()
	if at == 0 {
		if at, err = r.install(n, p.pin); at == 0 {
			return err
		}
		p.at.Store(at)
	}
	return r.send(n, got, p.pin, at)
}

// cold answers with the pin installed anew.
func (r *redirector) cold(n *abi.Notif) error {
	got, p, err := r.approved(n)
	if err != nil {
		return err
	}
	at, err := r.install(n, p.pin)
	if at == 0 {
		return err
	}
	return r.send(n, got, p.pin, at)
}

// newImage is told that a child has executed a program: the pin is installed
// there, and the program starts.
func (r *redirector) newImage(n *abi.Notif) error {
	if uint64(n.Data.Nr) != r.nr || n.Data.Args != [6]uint64{} {
		return fmt.Errorf("an exec event of syscall %d with arguments %#x, want syscall %d without", n.Data.Nr, n.Data.Args, r.nr)
	}
	at, err := r.install(n, r.home.pin)
	if at == 0 {
		return err
	}
	r.image, r.imageOf = at, n.PID
	r.resp = abi.NotifResp{ID: n.ID}
	return r.supervisor.send()
}

// install maps the pin where the kernel likes. Neither address nor error means
// that the target left its wait.
func (r *redirector) install(n *abi.Notif, pin *notify.Pin) (at uint64, err error) {
	r.pin = abi.NotifPinInstall{ID: n.ID, MemFD: uint32(pin.FD), Size: uint64(pin.Size())}
	switch e := r.listener.InstallPin(&r.pin); {
	case e != 0:
		return 0, answered(e, "install a pin")
	case r.pin.TargetAddr == 0:
		return 0, errors.New("install a pin: the kernel does not say where")
	}
	return r.pin.TargetAddr, nil
}

// send writes what was approved to the pin, and lets the call go on with it.
func (r *redirector) send(n *abi.Notif, approved []byte, pin *notify.Pin, at uint64) error {
	pin.Write(approved)
	r.redirect = abi.NotifRespRedirect{
		ID: n.ID, Flags: r.flags, ArgsMask: 1 << r.pointer, PtrMask: 1 << r.pointer, MemFD: uint32(pin.FD),
	}
	r.redirect.Args[r.pointer], r.redirect.PtrLen[r.pointer] = at, uint64(len(approved))
	return answered(r.listener.SendRedirect(&r.redirect), "redirect the call")
}
