// Package lava has jobs done by a LAVA lab: what a job's definition is, what a device
// prints for it, how work is dealt out to several, and a client of the server's REST API,
// version 0.2, which submits jobs, and fetches what became of them. It knows nothing of
// what jobs do.
//
//   - definition.go: a job
//   - cases.go: what the device prints, and the lab reads
//   - schedule.go: work that is dealt out to several jobs
//   - runlog.go: results of a job that lava-run did, without a server
//   - client.go: the client, and what it is asked for
//   - submit.go: submission, and how a job is not submitted twice
//   - request.go: one request, and when it is made again
//   - curl.go: how it is made
//   - reply.go: what counts as an answer, and what a failure says
//   - pages.go: lists, which come in pages
//   - log.go: a job's log, which is YAML
//   - errors.go: the errors that a caller has to tell apart
//
// What a server says is not trusted: every reply and every list has a bound, the
// token goes to no other host than the one it was given for, and text comes back as
// it is, so that who prints it cleans it. Over http the token can be read on its
// way; that is for the caller to warn of.
//
// `go test ./internal/lava -lava.lab DIR` runs a job in a real lab, which
// `tools/lava/lab up DIR` brings up.
package lava
