package lava

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"time"
)

// The requests are curl's. Go's client would be 4 MB of the program, which is copied to
// devices and is started for each row that is measured; few machines from which a job is
// submitted have no curl. Needed is 7.84, of 2022.

// Limits of one request, in seconds.
const (
	connectTime  = 10
	transferTime = 120
)

// A transfer is one request as curl is told of it. Nothing of it is in curl's arguments,
// which all users of the machine can see: the token is a header.
type transfer struct {
	url     string
	headers []string
	post    []byte   // nil: get
	options []string // further lines of curl's configuration, for tests
}

// A reply is what came of it.
type reply struct {
	Status     int     `json:"http_code"` // 0 if there was none
	Kind       string  `json:"content_type"`
	Location   string  `json:"redirect_url"`
	Scheme     string  `json:"scheme"`
	Exit       int     `json:"exitcode"` // of curl, see EXIT CODES in its manual
	Error      string  `json:"errormsg"`
	Connected  float64 `json:"time_connect"` // seconds, 0 if it did not
	RetryAfter string  `json:"-"`
	body       []byte
	tooMuch    bool
}

// config is what curl reads from its standard input.
func (t *transfer) config() string {
	var out strings.Builder
	line := func(name, value string) { fmt.Fprintf(&out, "%s = %s\n", name, quoteCurl(value)) }
	out.WriteString("silent\ngloboff\nhttp1.1\n")
	line("proto", "=http,https")
	line("connect-timeout", fmt.Sprint(connectTime))
	line("max-time", fmt.Sprint(transferTime))
	line("write-out", "%{stderr}%{json}\n%header{retry-after}")
	line("url", t.url)
	for _, h := range t.headers {
		line("header", h)
	}
	if t.post != nil {
		line("data-binary", "@/dev/fd/3")
		line("header", "Expect:")
	}
	for _, o := range t.options {
		out.WriteString(o + "\n")
	}
	return out.String()
}

// quoteCurl quotes a value of curl's configuration, which knows these escapes.
func quoteCurl(s string) string {
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`, "\n", `\n`, "\r", `\r`, "\t", `\t`).Replace(s) + `"`
}

// do does it, and reads no more than limit bytes of what comes.
func (t *transfer) do(ctx context.Context, limit int64) (*reply, error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	// -q comes first: the user's own settings may say to follow redirects.
	cmd := exec.CommandContext(ctx, "curl", "-q", "--config", "-")
	cmd.Stdin = strings.NewReader(t.config())
	cmd.WaitDelay = time.Second
	var said bytes.Buffer
	cmd.Stderr = &said
	out, err := cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if t.post != nil {
		r, w, err := os.Pipe()
		if err != nil {
			return nil, err
		}
		defer r.Close()
		cmd.ExtraFiles = []*os.File{r}
		go func() {
			_, _ = w.Write(t.post) // curl that ends first says why
			w.Close()
		}()
	}
	if err := cmd.Start(); errors.Is(err, exec.ErrNotFound) {
		return nil, fmt.Errorf("curl speaks to the lab: apt-get install curl: %w", err)
	} else if err != nil {
		return nil, err
	}
	rep := &reply{}
	rep.body, _ = io.ReadAll(io.LimitReader(out, limit+1)) // curl says what was wrong
	if rep.tooMuch = int64(len(rep.body)) > limit; rep.tooMuch {
		cancel()
	}
	_ = cmd.Wait()
	if rep.tooMuch {
		rep.Status = 200
		return rep, nil
	}
	if err := context.Cause(ctx); err != nil {
		return nil, err
	}
	first, rest, _ := strings.Cut(said.String(), "\n")
	if err := json.Unmarshal([]byte(first), rep); err != nil {
		return nil, fmt.Errorf("curl does not tell what came, it is too old or no curl (7.84 is needed): %q", excerpt(said.Bytes()))
	}
	rep.RetryAfter = strings.TrimSpace(rest)
	return rep, nil
}
