// SPDX-License-Identifier: Apache-2.0

package script_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"

	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/rogpeppe/go-internal/testscript"

	"github.com/opa-ratify/opa-ratify/test/servetest"
)

// runMake is the command `make ARGUMENT...`: make -s in the root of the repository,
// with the environment that the tests have there but the script's Docker configuration.
func runMake(ts *testscript.TestScript, neg bool, args []string) {
	command := exec.Command("make", append([]string{"-s", "-C", servetest.Product}, args...)...)
	command.Env = append(os.Environ(), "MAKEFLAGS=", "DOCKER_CONFIG="+ts.MkAbs("home/.docker"))
	command.Stdout, command.Stderr = ts.Stdout(), ts.Stderr()
	if err := command.Run(); (err != nil) != neg {
		ts.Fatalf("make %s: %v", strings.Join(args, " "), err)
	}
}

// unpack is the command `unpack REFERENCE OS/ARCHITECTURE DIRECTORY`: it pulls an image
// as container engines do, makes DIRECTORY its file system, and says in $ENTRYPOINT and
// $RUNAS what a container would run and as whom.
func unpack(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 3 {
		ts.Fatalf("usage: unpack REFERENCE OS/ARCHITECTURE DIRECTORY")
	}
	reference, err := name.ParseReference(args[0])
	ts.Check(err)
	platform, err := v1.ParsePlatform(args[1])
	ts.Check(err)
	image, err := remote.Image(reference, remote.WithPlatform(*platform))
	ts.Check(err)
	config, err := image.ConfigFile()
	ts.Check(err)
	ts.Setenv("ENTRYPOINT", strings.Join(config.Config.Entrypoint, " "))
	user, _, _ := strings.Cut(config.Config.User, ":")
	ts.Setenv("RUNAS", user)
	ts.Check(extract(mutate.Extract(image), ts.MkAbs(args[2])))
}

func extract(archive io.ReadCloser, directory string) error {
	defer archive.Close()
	if err := os.Mkdir(directory, 0o755); err != nil {
		return err
	}
	var complaint bytes.Buffer
	tar := exec.CommandContext(context.Background(), "tar", "-x", "-p", "--no-same-owner", "-C", directory)
	tar.Stdin, tar.Stderr = archive, &complaint
	if err := tar.Run(); err != nil {
		return fmt.Errorf("tar: %w: %s", err, complaint.Bytes())
	}
	return nil
}
