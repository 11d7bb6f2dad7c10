package fuzz

import (
	_ "embed"
	"fmt"
	"go/format"
	"reflect"
	"strings"
	"unicode"

	"golang.org/x/sys/unix"

	"unotify-bench/abi"
	"unotify-bench/abi/model"
	"unotify-bench/asmstubs"
	"unotify-bench/internal/notify"
)

// C is a program in C that does again what shows a finding, and says what the
// kernel gives. Requests are in it as they are made here: see request.
func (f *Finding) C() (string, error) {
	p, err := Parse(f.Program)
	if err != nil {
		return "", err
	}
	w := symbolic(f.Filter)
	var functions, main strings.Builder
	for n, step := range p {
		step = step.possible(&w.state)
		numbers := step.numbers(&w.state)
		all := candidates(w.state, step, numbers)
		if len(all) == 0 || len(all) == 1 && all[0].answers[0].Skipped {
			continue // here nothing was done
		}
		if all[0].answers[0].Blocks {
			main.WriteString("\tinterrupted_from_here();\n\t" + w.statement(step[0], numbers[0], "notif") + "\n\tinterrupted_to_here();\n")
			continue
		}
		if len(step) == 1 {
			main.WriteString("\t" + w.statement(step[0], numbers[0], "notif") + "\n\tsettle();\n")
		} else {
			var names []string
			for i, o := range step {
				name := fmt.Sprintf("step%d_%d", n+1, i+1)
				fmt.Fprintf(&functions, "\nstatic void %s(void)\n{\n\tstruct notif mine = { 0 };\n\n\t(void)mine;\n\t%s\n}\n", name, w.statement(o, numbers[i], "mine"))
				names = append(names, name)
			}
			fmt.Fprintf(&main, "\trace(%s);\n", strings.Join(names, ", "))
		}
		for _, o := range step {
			if (o.Do == model.Trap || o.Do == model.Child) && !w.state.Execed && w.state.Tasks[o.Task].Phase == model.Idle {
				w.calls[o.Task] = o.Call
			}
		}
		w.state = all[0].state
	}
	flags := 0
	if f.Filter.Has(model.Redirect) {
		flags |= abi.SECCOMP_FILTER_FLAG_REDIRECT
	}
	if f.Filter.Has(model.Killable) {
		flags |= abi.SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV
	}
	return strings.Replace(reproduceC, "/* CONSTANTS */\n", constants(), 1) + functions.String() +
		fmt.Sprintf("\n/*\n * %s\n */\nint main(void)\n{\n\tset_up(%#x);\n%s\treturn 0;\n}\n", f.comment(), flags, &main), nil
}

// comment is the finding as a comment of C or Go has it, in a line that ends nothing: also
// not by a backslash, which joins lines in C before there are comments.
func (f *Finding) comment() string {
	text := strings.Map(func(r rune) rune {
		if r == '\\' || !unicode.IsPrint(r) {
			return ' '
		}
		return r
	}, f.String())
	return strings.ReplaceAll(text, "*/", "* /")
}

//go:embed reproduce.c.in
var reproduceC string

// constants are what the C program and this one must have alike.
func constants() string {
	var b strings.Builder
	for _, c := range []struct {
		name  string
		value any
	}{
		{"PROGRAM", cBytes(notify.Executable(asmstubs.ExitImage()))},
		{"MAGIC", fmt.Sprintf("%#x", magic)}, {"FORK", fmt.Sprintf("%#xUL", uint64(forkNr))}, {"WRITE_FD", writeFD},
		{"FILES", fmt.Sprintf("%q", string([]byte{model.Own, model.Substitute, model.Given}))},
		{"MEM_PATH", atPath}, {"MEM_BYTE", atByte}, {"MEM_LARGE", atLarge}, {"MEM_ENDLESS", atEndless},
		{"MEM_READ_ONLY", readOnly}, {"MEM_NOWHERE", nowhere}, {"MEM_SIZE", memSize}, {"PIN_BYTE", pinByte}, {"PIN_ADDRESS", pinAddress},
		{"MEM_ADDRESS", atAddress}, {"MEM_NOBODY", atNobody}, {"MEM_READ", atRead}, {"READ_SIZE", model.ReadSize}, {"MEM_STAT", atStat}, {"NO_DIRECTORY", fmt.Sprintf("%q", noDirectory)},
	} {
		fmt.Fprintf(&b, "#define %s %v\n", c.name, c.value)
	}
	for _, r := range requestNames {
		fmt.Fprintf(&b, "#define %s %#xUL\n", r.name, r.req)
	}
	return b.String()
}

// cBytes is an initializer of bytes.
func cBytes(b []byte) string {
	var all []string
	for _, v := range b {
		all = append(all, fmt.Sprint(v))
	}
	return "{ " + strings.Join(all, ", ") + " }"
}

// otherNames are of calls that are none of the model's.
var otherNames = map[uint64]string{
	unix.SYS_CLOSE: "SYS_close", unix.SYS_READ: "SYS_read", unix.SYS_FSTAT: "SYS_fstat", unix.SYS_CONNECT: "SYS_connect",
	unix.SYS_MUNMAP: "SYS_munmap", unix.SYS_MPROTECT: "SYS_mprotect", unix.SYS_MREMAP: "SYS_mremap",
	unix.SYS_MMAP: "SYS_mmap", unix.SYS_MADVISE: "SYS_madvise", unix.SYS_SECCOMP: "SYS_seccomp",
}

var requestNames = []struct {
	name string
	req  uintptr
}{
	{"RECV", abi.SECCOMP_IOCTL_NOTIF_RECV}, {"SEND", abi.SECCOMP_IOCTL_NOTIF_SEND}, {"ID_VALID", abi.SECCOMP_IOCTL_NOTIF_ID_VALID},
	{"ADDFD", abi.SECCOMP_IOCTL_NOTIF_ADDFD}, {"SET_FLAGS", abi.SECCOMP_IOCTL_NOTIF_SET_FLAGS}, {"INJECT", abi.SECCOMP_IOCTL_NOTIF_INJECT},
	{"TARGET_CALL", abi.SECCOMP_IOCTL_NOTIF_TARGET_CALL}, {"PIN_INSTALL", abi.SECCOMP_IOCTL_NOTIF_PIN_INSTALL},
	{"SEND_REDIRECT", abi.SECCOMP_IOCTL_NOTIF_SEND_REDIRECT},
}

// What a program in C has names for, as a world has it that is only looked at: no
// value that a request may have is near.
const (
	symbolicID    = 0x1111 << 48
	symbolicMem   = 0x2222 << 48
	symbolicBoard = 0x3333 << 48
	symbolicGiven = 0x4444_0000 + iota
	symbolicPin
	symbolicOther
)

// symbolic is a world that requests can be made for, and nothing done.
func symbolic(filter Filter) *world {
	w := &world{first: symbolicID, tools: &tools{base: symbolicMem, given: symbolicGiven, pin: &notify.Pin{FD: symbolicPin}, other: symbolicOther}}
	w.state.Features = model.Everything&^(model.Redirect|model.Killable) | filter
	w.Board = symbolicBoard
	return w
}

// statement is an operation in C; recv is where a notification goes.
func (w *world) statement(o model.Op, number int32, recv string) string {
	what := fmt.Sprintf("%q", o.String())
	switch o.Do {
	case model.Trap, model.Child:
		args := []string{fmt.Sprint(o.Task), cCall(w.tools.nr(o.Call))}
		if o.Do == model.Child {
			args[1] = "FORK | " + args[1]
		}
		for _, a := range w.args(o.Call, int(o.Task)) {
			args = append(args, cValue(a))
		}
		return fmt.Sprintf("tell(%s); /* %s */", strings.Join(args, ", "), o)
	case model.Signal:
		sig := "SIGUSR1"
		if o.How == model.SignalInterrupt {
			sig = "SIGUSR2"
		}
		if w.state.Execed {
			return fmt.Sprintf("signal_child(%s, %s);", what, sig)
		}
		return fmt.Sprintf("signal_task(%s, %d, %s);", what, o.Task, sig)
	case model.Fork:
		return fmt.Sprintf("fork_task(%s, %d);", what, o.Task)
	case model.Map, model.Install:
		task, nr, a := w.mapping(o)
		if o.Do == model.Install {
			task, nr, a = w.install(o)
		}
		args := []string{what, fmt.Sprint(task), otherNames[nr]}
		for _, v := range a[:5] {
			args = append(args, cValue(v))
		}
		return fmt.Sprintf("tell_and_wait(%s);", strings.Join(args, ", "))
	case model.Memory:
		return fmt.Sprintf("pin_memory(%s, %d);", what, o.How)
	case model.Kill:
		return fmt.Sprintf("kill_child(%s);", what)
	case model.Close:
		return fmt.Sprintf("close_listener(%s);", what)
	case model.Poll:
		return fmt.Sprintf("poll_listener(%s);", what)
	}
	req, arg := w.request(o, w.id(number))
	name := fmt.Sprintf("%#xUL", req)
	for _, r := range requestNames {
		if r.req == req {
			name = r.name
		}
	}
	if n, ok := arg.(*abi.Notif); ok {
		return fmt.Sprintf("%s = (struct notif){ .data.nr = %d };\n\treceive(%s, %s, &%s);", recv, n.Data.Nr, what, name, recv)
	}
	if _, ok := arg.(*abi.NotifTargetCall); ok {
		return fmt.Sprintf("target_call(%s, %s);", what, cArgument(arg))
	}
	return fmt.Sprintf("listen_ioctl(%s, %s, %s);", what, name, cArgument(arg))
}

// cArgument is an ioctl's argument in C.
func cArgument(arg any) string {
	switch v := arg.(type) {
	case nil:
		return "NULL"
	case uint64:
		return "(void *)(" + cValue(v) + ")"
	case *uint64:
		return "&(uint64_t){ " + cValue(*v) + " }"
	}
	s := reflect.ValueOf(arg).Elem()
	var fields []string
	for i := range s.NumField() {
		v, name := s.Field(i), cName(s.Type().Field(i).Name)
		switch {
		case name == "nr":
			fields = append(fields, ".nr = "+cCall(v.Uint()))
		case !v.IsZero():
			fields = append(fields, "."+name+" = "+cField(v))
		}
	}
	return fmt.Sprintf("&(struct %s){ %s }", cName(s.Type().Name()), strings.Join(fields, ", "))
}

// cCall is a call's number in C: each architecture has others.
func cCall(nr uint64) string {
	for c := range model.Calls {
		if (*tools)(nil).nr(c) == nr {
			return "SYS_" + c.String()
		}
	}
	if name := otherNames[nr]; name != "" {
		return name
	}
	return cValue(nr)
}

func cField(v reflect.Value) string {
	switch v.Kind() {
	case reflect.Array:
		var all []string
		for i := range v.Len() {
			all = append(all, cValue(v.Index(i).Uint()))
		}
		return "{ " + strings.Join(all, ", ") + " }"
	case reflect.Int64, reflect.Int32:
		return fmt.Sprint(v.Int())
	}
	return cValue(v.Uint())
}

// cValue is a number in C, by its name if it has one.
func cValue(v uint64) string {
	near := func(base uint64, name string) string {
		if v == base {
			return name
		}
		return fmt.Sprintf("%s + %d", name, int64(v-base))
	}
	switch {
	case v == symbolicGiven:
		return "given_fd"
	case v == symbolicPin:
		return "pin_fd"
	case v == symbolicOther:
		return "unsealed_fd"
	case v == atCWD:
		return "AT_FDCWD"
	case v == symbolicID^1<<63:
		return "first ^ 1ULL << 63"
	case v>>48 == symbolicID>>48:
		return near(symbolicID, "first")
	case v>>48 == symbolicMem>>48:
		return near(symbolicMem, "(uintptr_t)mem")
	case v>>48 == symbolicBoard>>48:
		return near(symbolicBoard, "(uintptr_t)board")
	case v < 1<<16:
		return fmt.Sprint(v)
	}
	return fmt.Sprintf("%#xULL", v)
}

// cName is a Go name as the kernel would have it: MemFD is memfd, ArgsMask args_mask.
func cName(name string) string {
	switch name {
	case "NewFDFlags":
		return "newfd_flags"
	case "NotifAddFD":
		return "notif_addfd"
	}
	var b strings.Builder
	var before rune
	for _, r := range name {
		if unicode.IsUpper(r) && unicode.IsLower(before) {
			b.WriteByte('_')
		}
		b.WriteRune(unicode.ToLower(r))
		before = r
	}
	return strings.ReplaceAll(b.String(), "_fd", "fd")
}

// GoTest is a test in Go of what shows a finding.
func (f *Finding) GoTest() (string, error) {
	p, err := Parse(f.Program)
	if err != nil {
		return "", err
	}
	text := fmt.Sprintf(`// Written by unotify-bench fuzz.

package fuzz_test

import (
	"os"
	"testing"
	"time"

	"unotify-bench/abi/fuzz"
)

func TestMain(m *testing.M) {
	fuzz.Main()
	os.Exit(m.Run())
}

// TestFinding: %s.
func TestFinding(t *testing.T) {
	err := fuzz.Run(t.Context(), fuzz.Order{
		Filter: %#x, Times: %d, Patient: time.Minute, Alone: %t,
		Replay: %s,
	}, func(e fuzz.Event) error {
		if e.Finding != nil {
			t.Error(e.Finding)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}
`, f.comment(), uint(f.Filter), f.Times(), f.What == Complaints || f.What == Leaks, "`\n"+p.String()+"`")
	b, err := format.Source([]byte(text))
	return string(b), err
}
