package lava

import (
	"bufio"
	"errors"
	"io"
	"strings"
)

// maxLogLine bounds a line of a log; LAVA throws away what is longer.
const maxLogLine = 1 << 20

// ReadRunLog reads what lava-run prints on standard error: the lines of a server's log,
// not as a list, and results among them.
//
// Cases get IDs in the order of the log, from 1.
func ReadRunLog(r io.Reader) (cases []Case, lines []Line, err error) {
	in := bufio.NewScanner(r)
	in.Buffer(nil, maxLogLine)
	for in.Scan() {
		if in.Text() == "" {
			continue
		}
		line, err := readLine("- " + strings.TrimPrefix(in.Text(), "- "))
		var c Case
		if err == nil && line.Level == "results" {
			c, err = readResult(line.Text)
		}
		if err != nil { // a warning of Python's, or cut: the worker was killed
			line = Line{Text: in.Text()}
		}
		if line.Level != "results" {
			lines = append(lines, line)
			continue
		}
		c.ID = len(cases) + 1
		cases = append(cases, c)
	}
	if err := in.Err(); err != nil {
		return nil, nil, err
	}
	if len(cases) == 0 {
		return nil, nil, errors.New("it has no results: is it what lava-run printed on standard error?")
	}
	return cases, lines, nil
}

// readResult reads a result, which is a map as it is written.
func readResult(text string) (c Case, err error) {
	f := &flow{s: text}
	if !f.next('{') {
		return c, errFlow
	}
	err = f.pairs(1, func(key, value string) {
		switch key {
		case "definition":
			c.Suite = value
		case "case":
			c.Name = value
		case "result":
			c.Result = value
		case "measurement":
			c.Measurement = value
		case "units":
			c.Unit = value
		}
	})
	if err == nil && (c.Suite == "" || c.Name == "" || c.Result == "") {
		err = errors.New("a result of nothing")
	}
	return c, err
}
