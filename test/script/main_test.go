// SPDX-License-Identifier: Apache-2.0

package script_test

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/opa-ratify/opa-ratify/test/servetest"
)

// TestMain runs the tests with a freshly built opa-ratify first on PATH.
func TestMain(m *testing.M) {
	os.Exit(servetest.Main(m, func(binary string) error {
		return os.Setenv("PATH", filepath.Dir(binary)+string(filepath.ListSeparator)+os.Getenv("PATH"))
	}))
}

// runScripts runs the scripts in testdata/dir.
func runScripts(t *testing.T, dir string) {
	t.Helper()
	servetest.WatchSources(t)
	testscript.Run(t, testscript.Params{
		Dir:                filepath.Join("testdata", dir),
		Setup:              setup,
		RequireUniqueNames: true,
		Condition:          condition,
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"registry":         startRegistry,
			"push":             pushImage,
			"attach":           attach,
			"mislist":          mislist,
			"attest":           attest,
			"sign":             signImage,
			"sign-blob":        signBlob,
			"sign-by-key":      signByKey,
			"attest-by-key":    attestByKey,
			"sign-certified":   signCertified,
			"sign-by-workflow": signByWorkflow,
			"sigstore":         startSigstore,
			"make-key":         makeKey,
			"make-certificate": makeCertificate,
			"trust":            writeTrust,
			"trust-keys":       trustKeys,
			"trust-workflow":   trustWorkflow,
			"post":             post,
			"post-until":       postUntil,
			"certificate":      writeCertificate,
			"azure":            startAzure,
			"vault":            vaultCommand,
			"alibaba":          startAlibaba,
			"kms":              kmsCommand,
			"aws":              startAWS,
			"google":           startGoogle,
			"cloud-key":        cloudKeyCommand,
			"hashivault":       hashivaultCommand,
			"distribution":     distributionCommand,
			"expand":           expand,
			"get-until":        getUntil,
			"cluster":          startCluster,
			"apply":            applyResource,
			"status":           resourceStatus,
			"asked":            asked,
			"docker-login":     dockerLogin,
			"pod-token":        podToken,
			"fault":            fault,
			"make-plugin":      makePlugin,
			"known":            knownCommand,
			"not-robbed":       notRobbed,
			"make":             runMake,
			"unpack":           unpack,
			"exit-code":        exitCode,
			"shown-in":         shownIn,
			"opa-ratify":       program("opa-ratify"),
			"notation":         program("notation"),
			"cosign2":          program("cosign2"),
			"cosign3":          program("cosign3"),
		},
	})
}

// condition decides [unshare]: whether a process can be cut off from the network
// here, which takes user namespaces.
func condition(name string) (bool, error) {
	if name != "unshare" {
		return false, fmt.Errorf("unknown condition %q", name)
	}
	return exec.Command("unshare", "-rn", "true").Run() == nil, nil
}

// setup gives each script a home of its own, where notation and opa-ratify keep their
// configuration.
func setup(env *testscript.Env) error {
	home := filepath.Join(env.WorkDir, "home")
	env.Setenv("HOME", home)
	env.Setenv("XDG_CONFIG_HOME", filepath.Join(home, ".config"))
	env.Values[registryKey{}] = &registry{}
	env.Values[hashivaultKey{}] = &hashivault{}
	env.Values[distributionKey{}] = &distribution{}
	signers, err := newSigners()
	if err != nil {
		return err
	}
	env.Values[signersKey{}] = signers
	if err := setupCosign(env); err != nil {
		return err
	}
	if err := setupCloud(env); err != nil {
		return err
	}
	return os.MkdirAll(home, 0o700)
}
