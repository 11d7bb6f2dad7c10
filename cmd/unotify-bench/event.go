package main

import (
	"encoding/json"
	"fmt"

	"unotify-bench/kernel"
)

// decode reads what a guest's event has. An error of encoding/json may hold all the
// digits of a number that does not fit, which the guest has sent: it is cut.
func decode(data []byte, v any, what string) error {
	if err := json.Unmarshal(data, v); err != nil {
		return fmt.Errorf("guest sent no %s: %.200s", what, err.Error())
	}
	return nil
}

// complaint is the error that an event is, unless it is of the kind that is
// waited for.
func complaint(e kernel.Event, kind string) error {
	switch e.Kind {
	case eventErr:
		var text string
		_ = json.Unmarshal(e.Data, &text)
		return fmt.Errorf("guest: %.1000q", text)
	case kind:
		return nil
	}
	return fmt.Errorf("guest sent an event of unknown kind %.40q", e.Kind)
}
