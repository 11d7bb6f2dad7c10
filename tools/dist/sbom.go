package main

import (
	"bytes"
	"crypto/sha256"
	"debug/buildinfo"
	"fmt"
	"runtime/debug"
	"strings"
	"time"

	cdx "github.com/CycloneDX/cyclonedx-go"
)

// sbom lists, in CycloneDX, what is in a program, as the toolchain has written it
// into the program: what go.mod names but no package comes from is not there. It says
// nothing of which module brought which, as the program does not.
func (r *release) sbom(arch string, program []byte) ([]byte, error) {
	info, err := buildinfo.Read(bytes.NewReader(program))
	if err != nil {
		return nil, fmt.Errorf("read what the program was built of: %w", err)
	}
	self := component(info.Main.Path, info.Main.Version, "")
	self.Type = cdx.ComponentTypeApplication
	self.Hashes = &[]cdx.Hash{{Algorithm: cdx.HashAlgoSHA256, Value: fmt.Sprintf("%x", sha256.Sum256(program))}}
	self.Licenses = &cdx.Licenses{
		{License: &cdx.License{ID: "BSD-3-Clause"}},
		{License: &cdx.License{ID: "GPL-2.0-only"}}, // the patches in it
	}
	components := []cdx.Component{component("std", strings.TrimPrefix(info.GoVersion, "go"), "")}
	for _, m := range info.Deps {
		components = append(components, module(m))
	}
	bom := cdx.NewBOM()
	bom.Metadata = &cdx.Metadata{
		Timestamp:  r.time.Format(time.RFC3339),
		Component:  &self,
		Properties: &[]cdx.Property{{Name: "GOOS", Value: "linux"}, {Name: "GOARCH", Value: arch}},
	}
	bom.Components = &components
	var b bytes.Buffer
	if err := cdx.NewBOMEncoder(&b, cdx.BOMFileFormatJSON).SetPretty(true).EncodeVersion(bom, cdx.SpecVersion1_6); err != nil {
		return nil, fmt.Errorf("list of what is in the program: %w", err)
	}
	return b.Bytes(), nil
}

func module(m *debug.Module) cdx.Component {
	if m.Replace != nil {
		m = m.Replace
	}
	return component(m.Path, m.Version, m.Sum)
}

// component is a module. Its sum is go.sum's, which is a hash of hashes of files and
// not one of a file, so it is not among the hashes.
func component(path, version, sum string) cdx.Component {
	url := "pkg:golang/" + path + "@" + strings.ReplaceAll(version, "+", "%2B")
	c := cdx.Component{
		BOMRef: url, Type: cdx.ComponentTypeLibrary, Name: path, Version: version, PackageURL: url,
	}
	if sum != "" {
		c.Properties = &[]cdx.Property{{Name: "go.sum", Value: sum}}
	}
	return c
}
