package workload

import (
	"bytes"
	"fmt"
	"path"
	"strings"
)

// Policy is what a target may do.
type Policy struct {
	// Paths are what openat and execve may name: these, and all below them.
	Paths []string
	// Addrs are what bind and connect may name: see parseAddr.
	Addrs []string
}

// rules is a Policy that is ready for use.
type rules struct {
	paths [][]byte
	addrs []addrRule
	line  []byte // what no line may begin with, where write is trapped
}

// Check says what is wrong with a policy.
func (p Policy) Check() error {
	_, err := p.compile()
	return err
}

func (p Policy) compile() (*rules, error) {
	r := &rules{}
	for _, s := range p.Paths {
		if !strings.HasPrefix(s, "/") {
			return nil, fmt.Errorf("allowed path %q is not absolute", s)
		}
		r.paths = append(r.paths, []byte(path.Clean(s)))
	}
	for _, s := range p.Addrs {
		a, err := parseAddr(s)
		if err != nil {
			return nil, err
		}
		r.addrs = append(r.addrs, a)
	}
	return r, nil
}

// allowsPath judges a clean absolute path.
func (r *rules) allowsPath(p []byte) bool {
	for _, prefix := range r.paths {
		if below(p, prefix) {
			return true
		}
	}
	return false
}

// below reports whether p is prefix or lies below it.
func below(p, prefix []byte) bool {
	if len(prefix) == 1 { // the root
		return true
	}
	return bytes.HasPrefix(p, prefix) && (len(p) == len(prefix) || p[len(prefix)] == '/')
}

// clean is path.Clean, which most paths do not need.
func clean(p []byte) []byte {
	if bytes.Contains(p, []byte("/.")) || bytes.Contains(p, []byte("//")) || len(p) > 1 && p[len(p)-1] == '/' {
		return []byte(path.Clean(string(p)))
	}
	return p
}
