package main

import (
	"bufio"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// browser is a headless Chromium with one page, driven by its own protocol
// (https://chromedevtools.github.io/devtools-protocol/) over a pair of pipes:
// some lines here, in place of a dependency and its websockets.
type browser struct {
	t        *testing.T
	to, from *os.File
	in       *bufio.Reader
	calls    int
	session  string
	seen     map[string][]json.RawMessage // events, by method
}

// chromiumPackage is Debian's.
const chromiumPackage = "chromium"

// browserLimit is for one answer: a loaded machine takes seconds.
const browserLimit = 2 * time.Minute

func newBrowser(t *testing.T) *browser {
	t.Helper()
	path, err := exec.LookPath(chromiumPackage)
	if err != nil {
		t.Fatalf("%v: apt-get install --no-install-recommends %s (make test does it)", err, chromiumPackage)
	}
	theirIn, to, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	from, theirOut, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	home := t.TempDir()
	args := []string{"--headless=new", "--remote-debugging-pipe", "--disable-gpu", "--hide-scrollbars", "--disable-dev-shm-usage",
		"--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-sync", "--user-data-dir=" + home}
	if os.Geteuid() == 0 {
		args = append(args, "--no-sandbox") // which root cannot have
	}
	cmd := exec.Command(path, args...)
	cmd.ExtraFiles = []*os.File{theirIn, theirOut} // 3 and 4, as the flag wants them
	cmd.Env = append(os.Environ(), "HOME="+home)
	var stderr strings.Builder
	cmd.Stderr = &stderr
	cmd.WaitDelay = 10 * time.Second
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	theirIn.Close()
	theirOut.Close()
	b := &browser{t: t, to: to, from: from, in: bufio.NewReader(from), seen: map[string][]json.RawMessage{}}
	t.Cleanup(func() {
		to.Close()
		from.Close()
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
		if t.Failed() {
			t.Logf("the browser said:\n%s", stderr.String())
		}
	})
	var target struct{ TargetID string }
	b.call("Target.createTarget", map[string]any{"url": "about:blank"}, &target)
	var session struct{ SessionID string }
	b.call("Target.attachToTarget", map[string]any{"targetId": target.TargetID, "flatten": true}, &session)
	b.session = session.SessionID
	for _, domain := range []string{"Page", "Runtime", "Log", "Network"} {
		b.call(domain+".enable", nil, nil)
	}
	return b
}

// message is an answer or an event.
type message struct {
	ID     int
	Method string
	Params json.RawMessage
	Result json.RawMessage
	Error  *struct{ Message string }
}

// call makes a call and waits for its answer.
func (b *browser) call(method string, params, result any) {
	b.t.Helper()
	b.calls++
	request := map[string]any{"id": b.calls, "method": method}
	if params != nil {
		request["params"] = params
	}
	if b.session != "" {
		request["sessionId"] = b.session
	}
	text, err := json.Marshal(request)
	if err != nil {
		b.t.Fatal(err)
	}
	if _, err := b.to.Write(append(text, 0)); err != nil {
		b.t.Fatalf("%s: %v", method, err)
	}
	for {
		m := b.next(method)
		switch {
		case m.ID != b.calls:
			continue
		case m.Error != nil:
			b.t.Fatalf("%s: %s", method, m.Error.Message)
		case result != nil:
			if err := json.Unmarshal(m.Result, result); err != nil {
				b.t.Fatalf("%s: %v", method, err)
			}
		}
		return
	}
}

// next reads a message, and keeps it if it is an event.
func (b *browser) next(waiting string) message {
	b.t.Helper()
	if err := b.from.SetReadDeadline(time.Now().Add(browserLimit)); err != nil {
		b.t.Fatal(err)
	}
	text, err := b.in.ReadBytes(0)
	if err != nil {
		b.t.Fatalf("%s: the browser does not answer: %v", waiting, err)
	}
	var m message
	if err := json.Unmarshal(text[:len(text)-1], &m); err != nil {
		b.t.Fatalf("%s: %v", waiting, err)
	}
	if m.Method != "" {
		b.seen[m.Method] = append(b.seen[m.Method], m.Params)
	}
	return m
}

// look is how a page is looked at.
type look struct {
	width  int
	dark   bool
	script bool
}

// open shows a file, and waits until it is there.
func (b *browser) open(path string, l look) {
	b.t.Helper()
	abs, err := filepath.Abs(path)
	if err != nil {
		b.t.Fatal(err)
	}
	b.call("Emulation.setDeviceMetricsOverride", map[string]any{"width": l.width, "height": 900, "deviceScaleFactor": 1, "mobile": l.width < 500}, nil)
	scheme := "light"
	if l.dark {
		scheme = "dark"
	}
	b.call("Emulation.setEmulatedMedia", map[string]any{"features": []map[string]string{{"name": "prefers-color-scheme", "value": scheme}}}, nil)
	b.call("Emulation.setScriptExecutionDisabled", map[string]any{"value": !l.script}, nil)
	clear(b.seen)
	b.call("Page.navigate", map[string]any{"url": "file://" + abs}, nil)
	for len(b.seen["Page.loadEventFired"]) == 0 {
		b.next("load " + path)
	}
}

// eval is the value of an expression; protocol's scripts run in pages, too, that
// run none of their own.
func (b *browser) eval(expression string, value any) {
	b.t.Helper()
	var r struct {
		Result           struct{ Value json.RawMessage }
		ExceptionDetails *struct{ Text string }
	}
	b.call("Runtime.evaluate", map[string]any{"expression": expression, "returnByValue": true}, &r)
	if r.ExceptionDetails != nil {
		b.t.Fatalf("%s: %s", expression, r.ExceptionDetails.Text)
	}
	if err := json.Unmarshal(r.Result.Value, value); err != nil {
		b.t.Fatalf("%s is %s: %v", expression, r.Result.Value, err)
	}
}

// complaints is what went to the console, and every request but for the page.
func (b *browser) complaints() []string {
	var all []string
	for _, method := range []string{"Runtime.consoleAPICalled", "Runtime.exceptionThrown", "Log.entryAdded"} {
		for _, p := range b.seen[method] {
			all = append(all, fmt.Sprintf("%s: %s", method, p))
		}
	}
	for i, p := range b.seen["Network.requestWillBeSent"] {
		var r struct{ Request struct{ URL string } }
		if err := json.Unmarshal(p, &r); err != nil || i > 0 && !strings.HasPrefix(r.Request.URL, "data:") {
			all = append(all, "asks for "+r.Request.URL)
		}
	}
	return all
}

// picture is the page from y on, as PNG.
func (b *browser) picture(y, height int) []byte {
	b.t.Helper()
	var width float64
	b.eval("innerWidth", &width)
	var shot struct{ Data string }
	b.call("Page.captureScreenshot", map[string]any{"captureBeyondViewport": true,
		"clip": map[string]any{"x": 0, "y": y, "width": width, "height": height, "scale": 1}}, &shot)
	png, err := base64.StdEncoding.DecodeString(shot.Data)
	if err != nil {
		b.t.Fatal(err)
	}
	return png
}
