package lava

import (
	"bytes"
	"encoding/json"
	"fmt"
	"sync"
	"text/template"
)

// A Definition is a job: a device boots a kernel with a ramdisk, whose init does what it
// is for and prints what a Printer prints. No shell is needed on the device, nor network.
type Definition struct {
	Name       string // what the lab's pages show
	DeviceType string // as the lab names it, "qemu" for its virtual machines
	Arch       string // amd64, arm64, riscv64
	Metadata   [][2]string

	Kernel, Ramdisk File
	DTB             File   // of a board, if its boot loader has none
	Params          string // of the kernel, the console among them on QEMU
	Method          string // how a board boots: "u-boot", or another of the lab's

	Monitors []string // Checks, Figures, or both, in the order in which they begin
	MemMiB   int      // of a virtual machine
	Minutes  int      // that the whole job may take
	Silence  int      // minutes between two cases
}

// File is one that the lab fetches.
type File struct{ URL, SHA256 string }

// QEMU reports whether the device is the lab's virtual machine.
func (d *Definition) QEMU() bool { return d.DeviceType == "qemu" }

// Pattern and the like are what a monitor waits for.
func (d *Definition) Pattern(monitor string) string { return pattern(monitor) }

// Start is the line before the first case.
func (d *Definition) Start(monitor string) string { return beginLine(monitor) }

// End is the line after the last case.
func (d *Definition) End(monitor string) string { return endLine(monitor) }

// YAML is the job as LAVA 2023.01 and later take it; a test has lava_common's own schema
// look at it. Strings are quoted as JSON has it, which YAML 1.2 takes as it is.
func (d *Definition) YAML() (string, error) {
	var out bytes.Buffer
	if err := jobTemplate().Execute(&out, d); err != nil {
		return "", fmt.Errorf("write the job %s: %w", d.Name, err)
	}
	return out.String(), nil
}

var jobTemplate = sync.OnceValue(func() *template.Template {
	return template.Must(template.New("job").Funcs(template.FuncMap{"q": quote}).Parse(jobText))
})

func quote(s string) (string, error) {
	b := &bytes.Buffer{}
	e := json.NewEncoder(b)
	e.SetEscapeHTML(false) // a pattern has < and >
	err := e.Encode(s)
	return string(bytes.TrimSpace(b.Bytes())), err
}

const jobText = `# A job for LAVA, written by unotify-bench lava job.
# The device prints its cases itself: no shell, no network, nothing is installed.
device_type: {{q .DeviceType}}
job_name: {{q .Name}}
visibility: public
priority: medium
timeouts:
  job: {minutes: {{.Minutes}}}
  action: {minutes: {{.Minutes}}}
  connection: {minutes: {{.Silence}}}  # also between two cases
{{- if .QEMU}}
context:
  arch: {{q .Arch}}
  memory: {{.MemMiB}}
  no_kvm: true  # the same machine in every lab
  extra_options: ["-no-reboot"]
{{- else}}
context:
  extra_kernel_args: {{q .Params}}
{{- end}}
metadata:
{{- range .Metadata}}
  {{index . 0}}: {{q (index . 1)}}
{{- end}}
actions:
- deploy:
{{- if .QEMU}}
    to: tmpfs
    images:
      kernel:
        image_arg: {{q (printf "-kernel {kernel} -append \"%s\"" .Params)}}
        url: {{q .Kernel.URL}}
        sha256sum: {{q .Kernel.SHA256}}
      ramdisk:
        image_arg: "-initrd {ramdisk}"
        url: {{q .Ramdisk.URL}}
        sha256sum: {{q .Ramdisk.SHA256}}
- boot:
    method: qemu
    media: tmpfs
    timeout: {minutes: {{.Silence}}}
{{- else}}
    to: tftp
    kernel:
      url: {{q .Kernel.URL}}
      sha256sum: {{q .Kernel.SHA256}}
      type: image
    ramdisk:
      url: {{q .Ramdisk.URL}}
      sha256sum: {{q .Ramdisk.SHA256}}
      install_modules: false
      install_overlay: false
{{- if .DTB.URL}}
    dtb:
      url: {{q .DTB.URL}}
      sha256sum: {{q .DTB.SHA256}}
{{- end}}
- boot:
    method: {{q .Method}}
    commands: ramdisk
    timeout: {minutes: {{.Silence}}}
{{- end}}
- test:
    timeout: {minutes: {{.Minutes}}}
    monitors:
{{- range .Monitors}}
    - name: {{q .}}
      start: {{q ($.Start .)}}
      end: {{q ($.End .)}}
      pattern: {{q ($.Pattern .)}}
{{- end}}
`
