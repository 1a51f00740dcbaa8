// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"github.com/opa-ratify/opa-ratify/test/signtest/sigstore"
)

const nameOneShot = "one command line, by tag, cloud, 20ms"

// tool is a command line that verifies one image.
type tool struct {
	name string
	args []string
	env  []string
	want string // in its output
}

// oneShot starts a process for every answer: the product, the yardstick, and whichever
// other command lines are in bin/tools.
func oneShot() scenario {
	return scenario{lines: []string{nameOneShot}, run: func(ctx context.Context, b *bench) ([]line, error) {
		w, err := b.world(cloud(cloudDelay))
		if err != nil {
			return nil, err
		}
		defer w.registry.Close()
		tools, err := w.tools(ctx)
		if err != nil {
			return nil, err
		}
		systems := make([]*system, len(tools))
		for i := range tools {
			systems[i] = &system{name: tools[i].name}
		}
		index := map[string]tool{}
		for _, t := range tools {
			index[t.name] = t
		}
		all, err := b.compare(ctx, systems, func(ctx context.Context, _ int, s *system) (figure, error) {
			return w.timed(ctx, index[s.name])
		})
		if err != nil {
			return nil, err
		}
		l := line{scenario: nameOneShot, unit: "ms", ours: all[0], yardstick: all[1], aim: aim{"≤ 150 ms", func(l line) bool { return l.ours.value() <= 150 }}}
		for i, t := range tools[2:] {
			l.remarks = append(l.remarks, fmt.Sprintf("%s %s ms, %s requests", t.name, number(all[i+2].value()), number(all[i+2].requests())))
		}
		return []line{l}, nil
	}}
}

// timed runs a tool some times: the median time and the requests of one run.
func (w *world) timed(ctx context.Context, t tool) (figure, error) {
	samples := w.samples(5)
	w.registry.ResetRequests()
	var took []float64
	for range samples {
		process := exec.CommandContext(ctx, t.args[0], t.args[1:]...)
		process.Env = append([]string{"PATH=" + os.Getenv("PATH"), "HOME=" + w.dir}, t.env...)
		began := time.Now()
		output, err := process.CombinedOutput()
		took = append(took, milliseconds(time.Since(began)))
		if err != nil || !strings.Contains(string(output), t.want) {
			return figure{}, fmt.Errorf("%s: %w: %.500s", strings.Join(t.args, " "), errors.Join(err, errors.New("no such output: "+t.want)), output)
		}
	}
	return figure{median(took), float64(len(w.registry.Requests())) / float64(samples)}, nil
}

// tools are the command lines, ours and the yardstick first.
func (w *world) tools(ctx context.Context) ([]tool, error) {
	images, err := w.push(ctx, 1, known)
	if err != nil {
		return nil, err
	}
	image := images[0].tag
	dir, err := os.MkdirTemp(w.dir, "once")
	if err != nil {
		return nil, err
	}
	config, err := w.configure(dir, settings{timeout: 5 * time.Second})
	if err != nil {
		return nil, err
	}
	input := filepath.Join(dir, "input.json")
	if err := writeJSON(input, map[string]string{"image": image}); err != nil {
		return nil, err
	}
	tools := []tool{
		{
			name: "ours", args: []string{w.binary, "eval", "-f", "raw", "-b", filepath.Join(dir, "bundle"), "-i", input, "data.trust.allow"},
			env: []string{"RATIFY_CONFIG=" + config}, want: "true",
		},
		{name: roleYardstick, args: []string{w.self, roleOnce, "-roots", w.roots(), image}, want: "sha256:"},
	}
	notation, err := w.notation(dir, elsewhere(image))
	if err != nil {
		return nil, err
	}
	cosign, err := w.cosign(ctx, dir)
	return append(append(tools, notation...), cosign...), err
}

// elsewhere names the registry so that the object store has another name. Otherwise Go's
// HTTP client, which does not look at ports, shows it the registry's token, which object
// stores refuse.
func elsewhere(image string) string { return strings.Replace(image, "127.0.0.1", "localhost", 1) }

// notation is the Notary Project's command line, if `make tools` has built it.
func (w *world) notation(dir, image string) ([]tool, error) {
	binary, err := filepath.Abs("bin/tools/notation")
	if _, missing := os.Stat(binary); err != nil || missing != nil {
		return nil, err
	}
	home := filepath.Join(dir, "notation")
	store := filepath.Join(home, "truststore", "x509", "ca", "acme")
	trusted, ok := w.ca.TrustDocument()["notation"].(map[string]any)
	if !ok {
		return nil, errors.New("trust document without Notation")
	}
	err = errors.Join(
		os.MkdirAll(store, 0o700),
		os.WriteFile(filepath.Join(store, "ca.pem"), w.ca.PEM(), 0o600),
		writeJSON(filepath.Join(home, "trustpolicy.json"), trusted["trust_policy"]),
	)
	return []tool{{name: "notation", args: []string{binary, "verify", image}, env: []string{"XDG_CONFIG_HOME=" + dir}, want: "Successfully verified"}}, err
}

// cosign is Sigstore's command line, likewise, about an image signed its way. Version 3
// is not asked: it refuses a token server at a loopback address that the registry is not
// called by.
func (w *world) cosign(ctx context.Context, dir string) ([]tool, error) {
	binary, err := filepath.Abs("bin/tools/cosign2")
	if _, missing := os.Stat(binary); err != nil || missing != nil {
		return nil, err
	}
	key, err := sigstore.NewKey(sigstore.KeyOptions{})
	if err != nil {
		return nil, err
	}
	desc, err := w.unsigned(ctx, known)
	if err != nil {
		return nil, err
	}
	if _, err := key.SignAndAttach(ctx, w.registry, known, desc, sigstore.SignOptions{Layout: sigstore.Tag}); err != nil {
		return nil, err
	}
	public := filepath.Join(dir, "cosign.pub")
	image := elsewhere(w.image(known, desc).tag)
	return []tool{{
		name: "cosign", want: "verified",
		args: []string{binary, "verify", "--key", public, "--insecure-ignore-tlog=true", image},
	}}, os.WriteFile(public, []byte(key.PEM()), 0o600)
}
