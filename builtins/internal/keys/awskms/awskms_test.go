// SPDX-License-Identifier: Apache-2.0

package awskms_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/opa-ratify/opa-ratify/builtins/internal/cloud/aws"
	"github.com/opa-ratify/opa-ratify/builtins/internal/keys/awskms"
	"github.com/opa-ratify/opa-ratify/test/cloudtest/awstest"
	"github.com/opa-ratify/opa-ratify/test/cloudtest/hosts"
)

const host = "kms.eu-central-1.amazonaws.com"

var now = time.Date(2026, 9, 1, 12, 0, 0, 0, time.UTC)

type told struct {
	Name, PEM, Err string
	Latest         bool
}

func newSource(t *testing.T, account *awstest.AWS, handler http.Handler, wanted ...awskms.Key) *awskms.Source {
	t.Helper()
	id, secret := account.AccessKey()
	env := map[string]string{"AWS_ACCESS_KEY_ID": id, "AWS_SECRET_ACCESS_KEY": secret}
	transport := hosts.New(t, map[string]http.Handler{host: handler}).Transport()
	s, err := awskms.New(awskms.Options{Region: "eu-central-1", Keys: wanted, Identity: aws.Options{
		Env: func(k string) string { return env[k] }, Transport: transport, Now: func() time.Time { return now },
	}})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func fetch(t *testing.T, s *awskms.Source) ([]told, error) {
	t.Helper()
	snapshot, err := s.Fetch(t.Context())
	var list []told
	for _, k := range snapshot.Keys {
		item := told{Name: k.Name, PEM: string(k.PEM), Latest: k.Latest}
		if k.Err != nil {
			item.Err = k.Err.Error()
		}
		list = append(list, item)
	}
	return list, err
}

func TestKeysAndWhyThereAreNone(t *testing.T) {
	t.Parallel()
	account := awstest.New(func() time.Time { return now })
	k, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	der, err := x509.MarshalPKIXPublicKey(&k.PublicKey)
	if err != nil {
		t.Fatal(err)
	}
	account.PutKey("alias/release", awstest.Key{Public: &k.PublicKey})
	account.PutKey("alias/disabled", awstest.Key{Public: &k.PublicKey, State: "Disabled"})
	account.PutKey("alias/deleted", awstest.Key{Public: &k.PublicKey, State: "PendingDeletion"})
	account.PutKey("alias/encrypts", awstest.Key{Public: &k.PublicKey, Usage: "ENCRYPT_DECRYPT"})
	s := newSource(t, account, account.KMS(), awskms.Key{Name: "release", ID: "alias/release"}, awskms.Key{ID: "alias/disabled"}, awskms.Key{ID: "alias/deleted"}, awskms.Key{ID: "alias/encrypts"}, awskms.Key{ID: "alias/none"})
	got, err := fetch(t, s)
	if err != nil {
		t.Error(err)
	}
	want := []told{
		{Name: "release", PEM: string(pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der})), Latest: true},
		{Name: "alias/disabled", Err: `get public key of "alias/disabled": DisabledException refused (request id request-2)`},
		{Name: "alias/deleted", Err: `get public key of "alias/deleted": KMSInvalidStateException refused (request id request-2)`},
		{Name: "alias/encrypts", Err: `get public key of "alias/encrypts": unusable the key is not for signing`},
		{Name: "alias/none", Err: `get public key of "alias/none": NotFoundException refused (request id request-2)`},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// What is no statement about the key takes nothing away.
func TestFailuresAreNotFinal(t *testing.T) {
	t.Parallel()
	account := awstest.New(func() time.Time { return now })
	for want, body := range map[string]string{
		"AccessDeniedException": `{"__type":"AccessDeniedException","Message":"not authorized"}`,
		"ThrottlingException":   `{"__type":"ThrottlingException"}`,
		"400 bad request":       `<html>hunter2`,
	} {
		handler := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(http.StatusBadRequest)
			_, _ = w.Write([]byte(body))
		})
		got, err := fetch(t, newSource(t, account, handler, awskms.Key{ID: "alias/release"}))
		if len(got) != 0 || err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "hunter2") {
			t.Errorf("%s: %+v, %v", want, got, err)
		}
	}
}

func TestSettingsThatCannotBeMeantAreRefused(t *testing.T) {
	t.Parallel()
	for want, o := range map[string]awskms.Options{
		"not the name of a region":   {Region: "evil.io/", Keys: []awskms.Key{{ID: "alias/a"}}},
		"no keys":                    {Region: "eu-central-1"},
		"is not a key's ID":          {Region: "eu-central-1", Keys: []awskms.Key{{ID: "https://evil.io"}}},
		"another region":             {Region: "eu-central-1", Keys: []awskms.Key{{ID: "arn:aws:kms:us-east-1:123456789012:alias/a"}}},
		`"alias/a" is there already`: {Region: "eu-central-1", Keys: []awskms.Key{{ID: "alias/a"}, {ID: "alias/a"}}},
		"AWS_ACCESS_KEY_ID":          {Region: "eu-central-1", Keys: []awskms.Key{{ID: "alias/a"}}},
	} {
		if _, err := awskms.New(o); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v: lacks %q", err, want)
		}
	}
}
