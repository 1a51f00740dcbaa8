// SPDX-License-Identifier: Apache-2.0

// Imagefields lists the fields of the Kubernetes API that may hold an image, so that
// a test can tell whether the library overlooks one:
//
//	go run ./rego/internal/imagefields v1.36.2 >rego/testdata/image_fields.txt
//
// It reads the OpenAPI document in the module k8s.io/kubernetes of that version. A
// field counts generously, see [mayHoldImage]; what turns out not to be an image is
// for the test to say.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
)

func main() {
	if err := run(os.Args[1:], os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "error:", err)
		os.Exit(1)
	}
}

func run(args []string, out io.Writer) error {
	if len(args) != 1 {
		return errors.New("usage: imagefields VERSION")
	}
	dir, err := download("k8s.io/kubernetes@" + args[0])
	if err != nil {
		return err
	}
	raw, err := os.ReadFile(filepath.Join(dir, "api", "openapi-spec", "swagger.json"))
	if err != nil {
		return err
	}
	var doc document
	if err := json.Unmarshal(raw, &doc); err != nil {
		return fmt.Errorf("read OpenAPI of Kubernetes %s: %w", args[0], err)
	}
	fmt.Fprintf(out, "# SPDX-License-Identifier: Apache-2.0\n#\n"+
		"# Fields that may hold an image, of api/openapi-spec/swagger.json in k8s.io/kubernetes %s.\n"+
		"# Written by rego/internal/imagefields: API version, kind, field; {} holds any object.\n", args[0])
	for _, line := range doc.fields() {
		fmt.Fprintln(out, line)
	}
	return nil
}

// download returns the folder of a module. It works outside of this module, which is
// not to depend on that one.
func download(module string) (string, error) {
	cmd := exec.CommandContext(context.Background(), "go", "mod", "download", "-json", module) //nolint:gosec // the developer names the module
	cmd.Dir, cmd.Stderr = os.TempDir(), os.Stderr
	raw, err := cmd.Output()
	if err != nil {
		return "", fmt.Errorf("download %s: %w", module, err)
	}
	var answer struct{ Dir string }
	if err := json.Unmarshal(raw, &answer); err != nil {
		return "", fmt.Errorf("download %s: %w", module, err)
	}
	return answer.Dir, nil
}
