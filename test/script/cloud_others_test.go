// SPDX-License-Identifier: Apache-2.0

package script_test

import (
	"crypto/x509"
	"encoding/pem"
	"net/http"
	"net/http/httptest"
	"strings"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/opa-ratify/opa-ratify/test/cloudtest/awstest"
	"github.com/opa-ratify/opa-ratify/test/cloudtest/googletest"
)

// startAWS is the command `aws`: AWS in eu-central-1, and its registries in front of
// the script's. What runs next is a pod whose service account has a role.
func startAWS(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 0 {
		ts.Fatalf("usage: aws")
	}
	c, token := scriptCloud(ts), "service-account-token"
	c.aws = awstest.New(time.Now)
	c.aws.Trust(token, time.Now().Add(time.Hour))
	const region = ".eu-central-1.amazonaws.com"
	c.start(ts, map[string]http.Handler{
		"sts" + region: c.aws.STS(), "api.ecr" + region: c.aws.ECR(), "kms" + region: c.aws.KMS(),
		c.aws.Account + ".dkr.ecr" + region:      c.aws.Registry(upstream(ts)),
		"api.ecr-public.us-east-1.amazonaws.com": c.aws.ECRPublic(), awsPublic: c.aws.PublicRegistry(upstream(ts), c.known.Store),
	}, map[string]string{"AWS_ROLE_ARN": c.aws.Role, "AWS_REGION": "eu-central-1"}, "AWS_WEB_IDENTITY_TOKEN_FILE", token)
}

const awsPublic = "public.ecr.aws"

// knownCommand is the command `known`: the public registry of AWS knew who asked it
// last. With ! it did not.
func knownCommand(ts *testscript.TestScript, neg bool, args []string) {
	c := scriptCloud(ts)
	switch {
	case len(args) != 0 || c.aws == nil:
		ts.Fatalf("usage: known, after aws")
	case c.proxy.Count(awsPublic) == 0:
		ts.Fatalf("nobody asked it")
	case c.known.Load() == neg:
		ts.Fatalf("somebody known asked it: %v", c.known.Load())
	}
}

// startGoogle is the command `google`: Google Cloud, and its registries in front of
// the script's. What runs next is a pod with a metadata server.
func startGoogle(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 0 {
		ts.Fatalf("usage: google")
	}
	c := scriptCloud(ts)
	c.google = googletest.New(time.Now)
	machine := httptest.NewServer(c.google.Machine())
	c.tb.Cleanup(machine.Close)
	c.start(ts, map[string]http.Handler{
		"cloudkms.googleapis.com": c.google.KMS(), "europe-docker.pkg.dev": c.google.Registry(upstream(ts)),
	}, map[string]string{"GCE_METADATA_HOST": strings.TrimPrefix(machine.URL, "http://")}, "UNUSED", "")
}

// cloudKeyCommand is the command `cloud-key ID FILE`, which puts a public key into the
// KMS of aws or google, and `cloud-key ID disable FILE`, by which it is disabled there.
func cloudKeyCommand(ts *testscript.TestScript, neg bool, args []string) {
	c := scriptCloud(ts)
	disable := len(args) == 3 && args[1] == "disable"
	if neg || len(args) != 2 && !disable || c.aws == nil && c.google == nil {
		ts.Fatalf("usage: cloud-key ID [disable] FILE, after aws or google")
	}
	public := publicKey(ts, args[len(args)-1])
	switch {
	case c.aws != nil && disable:
		c.aws.PutKey(args[0], awstest.Key{Public: public, State: "Disabled"})
	case c.aws != nil:
		c.aws.PutKey(args[0], awstest.Key{Public: public})
	case disable:
		c.google.Disable(args[0], 1)
	default:
		c.google.PutVersion(args[0], googletest.Version{Public: public})
	}
}

func publicKey(ts *testscript.TestScript, file string) any {
	block, _ := pem.Decode([]byte(ts.ReadFile(file)))
	if block == nil {
		ts.Fatalf("no PEM in %s", file)
	}
	public, err := x509.ParsePKIXPublicKey(block.Bytes)
	ts.Check(err)
	return public
}
