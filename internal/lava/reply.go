package lava

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"
	"unicode"
)

// Exit statuses of curl that are told apart.
const (
	curlNoHost   = 6
	curlNoServer = 7
	curlTimeout  = 28
	curlTLS      = 35
	curlCert     = 60
)

// unanswered judges a transfer that got no answer.
func (r *reply) unanswered() error {
	err := errors.New(r.Error)
	switch {
	case r.Exit == curlTLS && strings.Contains(r.Error, "wrong version number"):
		return fmt.Errorf("%w: it speaks http, the URL says https", ErrReply)
	case r.Exit == curlCert:
		return fmt.Errorf("its certificate is not to be trusted; if it is your lab's own, name it in SSL_CERT_FILE: %w", err)
	case r.Exit == curlNoHost:
		return &failure{error: fmt.Errorf("there is no such host; is the URL right? %w", err), again: true, done: unsent}
	case r.Exit == curlNoServer || r.Exit == curlTLS || r.Exit == curlTimeout && r.Connected == 0:
		return &failure{error: err, again: true, done: unsent}
	}
	return &failure{error: err, again: true, done: silent}
}

// checked judges a whole body. One that ends too early was cut by who did not say
// how long it is.
func checked(r request, body []byte) error {
	err := r.check(body)
	if err == nil {
		return nil
	}
	text := told(err)
	var syntax *json.SyntaxError
	switch {
	case errors.As(err, &syntax) && syntax.Offset >= int64(len(body)):
		return &failure{error: fmt.Errorf("the reply was cut after %d bytes: %s", len(body), text), again: true, done: silent}
	case r.post != nil: // the server created something, and failed to say what
		return &failure{error: fmt.Errorf("%w: %s", ErrReply, text), again: true, done: silent}
	}
	return fmt.Errorf("%w: %s", ErrReply, text)
}

// told is an error's text for a terminal: encoding/json has a time that is none in there as
// it came, and a number that is too large as long as it is.
func told(err error) string {
	const most = 5000 // an excerpt's, in quotes
	text := strings.Map(func(r rune) rune {
		if r != '\n' && !unicode.IsPrint(r) {
			return unicode.ReplacementChar
		}
		return r
	}, err.Error())
	if len(text) > most {
		text = strings.ToValidUTF8(text[:most], "") + "…"
	}
	return text
}

// isPage tells HTML from all that LAVA answers.
func (r *reply) isPage() bool {
	kind, _, _ := strings.Cut(r.Kind, ";")
	return strings.TrimSpace(kind) == "text/html" || bytes.HasPrefix(bytes.TrimSpace(r.body), []byte("<"))
}

// complaint judges a reply that is no success.
func (c *Client) complaint(r *reply) error {
	said := fmt.Sprintf("%d, %s", r.Status, r.says())
	switch code := r.Status; {
	case code >= 300 && code < 400:
		return fmt.Errorf("%w: it sends on to %q; if that is the server, give its URL", ErrReply, r.Location)
	case code == 401 || code == 403:
		if strings.TrimSpace(c.Token) == "" {
			return fmt.Errorf("%w: it wants a token, which its pages give you under API, Tokens: %s", ErrAuth, said)
		}
		return fmt.Errorf("%w: the token is unknown, or its user may not do this: %s", ErrAuth, said)
	case code == 404 && json.Valid(r.body):
		return fmt.Errorf("%w, or none that this token may see: %s", ErrNotFound, said)
	case code == 404:
		return fmt.Errorf("%w: there is no API 0.2 of LAVA; is the URL right? %s", ErrReply, said)
	case code == 400 && !json.Valid(r.body) && strings.EqualFold(r.Scheme, "http"):
		return fmt.Errorf("%w; is it https? %s", ErrReply, said)
	case code == 408 || code > 500: // a proxy does not know how far the server came
		return &failure{error: errors.New(said), again: true, done: silent, after: r.retryAfter()}
	case code == 429 || code == 500:
		return &failure{error: errors.New(said), again: true, done: answered, after: r.retryAfter()}
	case code >= 400:
		return fmt.Errorf("%w: %s", ErrRefused, said)
	}
	return fmt.Errorf("%w: %s", ErrReply, said)
}

// retryAfter is how long the server wants to be left alone. As a date it is not
// read: clocks differ.
func (r *reply) retryAfter() time.Duration {
	s, err := strconv.Atoi(r.RetryAfter)
	if err != nil || s < 0 || s > int(mostWait/time.Second) {
		return 0
	}
	return time.Duration(s) * time.Second
}

// says is what a reply says for people. A page says nothing.
func (r *reply) says() string {
	var m struct{ Message, Detail string }
	switch err := json.Unmarshal(r.body, &m); {
	case r.isPage():
		return "and a web page"
	case err == nil && m.Message != "":
		return strconv.Quote(excerpt([]byte(m.Message)))
	case err == nil && m.Detail != "":
		return strconv.Quote(excerpt([]byte(m.Detail)))
	}
	return strconv.Quote(excerpt(r.body))
}

// excerpt is as much of a text as an error can hold. The server's message about a
// definition is some lines.
func excerpt(b []byte) string {
	const most = 1000
	if len(b) > most {
		return strings.ToValidUTF8(string(b[:most]), "") + "…"
	}
	return string(b)
}
