// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"os"
	"strings"
	"testing"
)

// The README shows what --help prints.
func TestREADMEShowsTheHelp(t *testing.T) {
	t.Parallel()
	readme, err := os.ReadFile("README.md")
	if err != nil {
		t.Fatal(err)
	}
	var printed bytes.Buffer
	c := command()
	c.SetOut(&printed)
	c.SetArgs([]string{"--help"})
	if err := c.ExecuteContext(t.Context()); err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(string(readme), "$ opa-ratify-certs --help\n"+printed.String()+"```") {
		t.Errorf("README.md does not show\n%s", printed.String())
	}
}

// What is missing is said before a cluster is looked for.
func TestOptionsComeFirst(t *testing.T) {
	t.Parallel()
	c := command()
	c.SetArgs([]string{"--dir", t.TempDir()})
	err := c.ExecuteContext(t.Context())
	if err == nil || !strings.Contains(err.Error(), "no Secret is named: give --namespace and --secret") {
		t.Errorf("got the error %v", err)
	}
}
