package fuzz

import (
	"fmt"
	"strings"

	"golang.org/x/sys/unix"

	"unotify-bench/abi/model"
)

// showAnswers says what operations gave.
func showAnswers(step Step, as [hands]model.Answer) string {
	var parts []string
	for i, o := range step {
		parts = append(parts, o.String()+": "+showAnswer(as[i]))
	}
	return strings.Join(parts, "; ")
}

func showAnswer(a model.Answer) string {
	switch {
	case a.Blocks:
		return "blocks"
	case a.Skipped:
		return "skipped"
	case a.Errno != 0:
		return errName(a.Errno)
	}
	text := "0"
	if a.Call != 0 || a.ID != 0 || a.Task != 0 {
		call := "something else"
		if a.Call < model.Calls || a.Call == model.Execed {
			call = a.Call.String()
		}
		text += fmt.Sprintf(" (notification %d, task %d, %s)", a.ID, a.Task, call)
	}
	if a.Result.Kind != model.None {
		text += " (" + showResult(a.Result) + ")"
	}
	if a.Poll != 0 {
		text += fmt.Sprintf(" (poll %#x)", a.Poll)
	}
	return text
}

// showResults says what the tasks' calls returned.
func showResults(rs [model.Tasks]model.Result) string {
	var parts []string
	for i, r := range rs {
		if r.Kind != model.None {
			parts = append(parts, fmt.Sprintf("task %d returns %s", i, showResult(r)))
		}
	}
	if parts == nil {
		return "no call returns"
	}
	return strings.Join(parts, ", ")
}

func showResult(r model.Result) string {
	switch r.Kind {
	case model.Value:
		return fmt.Sprint(r.Val)
	case model.Errno:
		return errName(unix.Errno(r.Val))
	case model.File:
		return fmt.Sprintf("a descriptor of file %q", string(r.Byte))
	case model.Wrote:
		return "1, written"
	case model.Lost:
		return "a descriptor that nobody can look at"
	case model.Died:
		return "nothing, as it dies"
	case model.Ppid:
		return "its parent"
	}
	return "nothing"
}

func showBytes(wrote [model.Tasks]string) string {
	var text string
	for i, b := range wrote {
		if b != "" {
			text += fmt.Sprintf(", %q is written by task %d", b, i)
		}
	}
	return text
}

func errName(e unix.Errno) string {
	if name := unix.ErrnoName(e); name != "" {
		return name
	}
	return fmt.Sprintf("error %d", int(e))
}
