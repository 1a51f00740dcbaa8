// SPDX-License-Identifier: Apache-2.0

package alibabacloud_test

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/opa-ratify/opa-ratify/builtins/internal/alibabacloud"
	"github.com/opa-ratify/opa-ratify/builtins/internal/outbound"
	"github.com/opa-ratify/opa-ratify/test/cloudtest"
)

func page(status int) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(status)
		_, _ = io.WriteString(w, "<html>hunter2 says no</html>")
	}
}

func redirect(w http.ResponseWriter, r *http.Request) {
	http.Redirect(w, r, "https://evil.example/?"+r.URL.RawQuery, http.StatusFound)
}

func body(status int, text string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(status)
		_, _ = io.WriteString(w, text)
	}
}

func refusedAs(t *testing.T, err error, want string, retryable bool) {
	t.Helper()
	var e *alibabacloud.Error
	if !errors.As(err, &e) || !strings.Contains(err.Error(), want) {
		t.Fatalf("got %v, want %q", err, want)
	}
	if e.Retryable != retryable {
		t.Errorf("%v: retryable = %v", err, e.Retryable)
	}
}

func roundTripper(w *world) http.RoundTripper {
	transport := outbound.NewTransport(outbound.Options{Proxy: w.proxy.Choose, RootCAs: w.proxy.Roots()})
	w.t.Cleanup(transport.CloseIdleConnections)
	return transport
}

// The fake computes every signature again, so that each of these is accepted as
// the service documents it.
func TestCalls(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.cloud.Instances = []cloudtest.AlibabaInstance{{ID: "cri-a", Name: "acme", Region: "cn-hangzhou"}, {ID: "cri-b", Name: "acme-dev", Region: "cn-hangzhou"}, {ID: "cri-c", Name: "acme", Region: "cn-beijing"}}
	w.cloud.Secrets["s p*c~ial"] = cloudtest.AlibabaSecret{Data: "Zm9v", Binary: true, Version: "v7"}
	w.cloud.Certificates["c"] = cloudtest.AlibabaCertificate{Certificate: "CERT\n", Chain: "CHAIN\n"}
	key := w.cloud.AddKey(t, "key-1", "RSA_2048")
	key.Rotate(t)
	key.Rotate(t)
	session := w.session(w.variables())
	ctx, kms, cr := t.Context(), at("kms", session), at("cr-vpc", session)

	token, err := w.client.RegistryToken(ctx, cr, "cri-a")
	if err != nil || w.cloud.Instance(token.Username, token.Password) != "cri-a" {
		t.Errorf("registry token: %v", err)
	}
	personal, err := w.client.PersonalToken(ctx, cr)
	if err != nil || w.cloud.Instance(personal.Username, personal.Password) != "personal/cn-hangzhou" {
		t.Errorf("personal token: %v", err)
	}
	if token.Expires.After(session.Expires) {
		t.Error("the token outlives its session")
	}
	instances, err := w.client.Instances(ctx, cr, "acme")
	if diff := cmp.Diff([]alibabacloud.Instance{{ID: "cri-a", Name: "acme"}, {ID: "cri-b", Name: "acme-dev"}}, instances); err != nil || diff != "" {
		t.Errorf("instances: %v\n%s", err, diff)
	}
	described, err := w.client.DescribeKey(ctx, kms, "key-1")
	if diff := cmp.Diff(alibabacloud.KMSKey{ID: "key-1", Spec: "RSA_2048", State: "Enabled", Usage: "SIGN/VERIFY", Primary: "key-1-v3"}, described); err != nil || diff != "" {
		t.Errorf("key: %v\n%s", err, diff)
	}
	versions, err := w.client.KeyVersions(ctx, kms, "key-1")
	if diff := cmp.Diff([]string{"key-1-v3", "key-1-v2", "key-1-v1"}, versions); err != nil || diff != "" {
		t.Errorf("versions: %v\n%s", err, diff)
	}
	public, err := w.client.PublicKey(ctx, kms, "key-1", "key-1-v2")
	if err != nil || string(public) != key.Versions[1].PEM() {
		t.Errorf("public key: %v", err)
	}
	digest := sha256.Sum256([]byte("x"))
	if signature, err := w.client.Sign(ctx, kms, "key-1", "key-1-v3", "RSA_PSS_SHA_256", digest[:]); err != nil || len(signature) != 256 {
		t.Errorf("signature: %v", err)
	}
	secret, err := w.client.Secret(ctx, kms, "s p*c~ial", "")
	if err != nil || string(secret.Data) != "foo" || secret.Version != "v7" {
		t.Errorf("secret: %v", err)
	}
	certificate, err := w.client.Certificate(ctx, kms, "c")
	if err != nil || string(certificate) != "CERT\nCHAIN\n" {
		t.Errorf("certificate: %q, %v", certificate, err)
	}
}

// Whatever a service answers, the error says what it is and holds neither tokens
// nor bodies, and nothing panics.
func TestAnswersThatAreNone(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name      string
		answer    http.HandlerFunc
		want      string
		retryable bool
	}{
		{"refused", cloudtest.Refuse(403, "NoPermission", "not allowed"), "GetAuthorizationToken: NoPermission not allowed (request id 2CE6D1A2-0000-4000-8000-FAKEFAKEFAKE)", false},
		{"200, IsSuccess false", body(200, `{"IsSuccess":false,"Code":"INSTANCE_NOT_EXIST","RequestId":"r-1"}`), "GetAuthorizationToken: INSTANCE_NOT_EXIST IsSuccess is false (request id r-1)", false},
		{"200, nothing", body(200, `{}`), "GetAuthorizationToken: IsSuccess is false", false},
		{"200, no token", body(200, `{"IsSuccess":true,"ExpireTime":9999999999999}`), "the answer holds no token", true},
		{"200, expired", body(200, `{"IsSuccess":true,"TempUsername":"u","AuthorizationToken":"hunter2","ExpireTime":1}`), "the token has expired already, at 1970-01-01T00:00:00Z", true},
		{"200, not JSON", page(200), "the answer is not the JSON that is documented", true},
		{"code is a number", body(404, `{"Code":404,"Message":"hunter2"}`), "GetAuthorizationToken: 404 the answer is an error object that is not documented", false},
		{"message is an object", body(503, `{"Code":"x","Message":{"hunter2":1}}`), "GetAuthorizationToken: 503 the answer", true},
		{"detail is a list", body(400, `{"Code":"x","Message":"y","AccessDeniedDetail":[]}`), "GetAuthorizationToken: 400 the answer", false},
		{"page of a proxy", page(502), "GetAuthorizationToken: 502 Bad Gateway", true},
		{"throttled", cloudtest.Refuse(400, "Throttling.User", "slow down"), "Throttling.User slow down", true},
		{"code is prose", body(400, `{"Code":"hunter2 is\nthe token","Message":"no"}`), "GetAuthorizationToken: 400 no", false},
		{"redirect", redirect, "cr.cn-hangzhou.aliyuncs.com answers with a redirect (302)", false},
		{"endless", func(w http.ResponseWriter, r *http.Request) {
			for r.Context().Err() == nil {
				if _, err := w.Write(make([]byte, 1<<16)); err != nil {
					return
				}
			}
		}, "the answer exceeds 1048576 bytes", false},
		{"connection cut", func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }, "GetAuthorizationToken: ", true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			session := w.session(w.variables())
			w.cloud.Fault("GetAuthorizationToken", tt.answer)
			_, err := w.client.RegistryToken(t.Context(), at("cr", session), "cri-a")
			refusedAs(t, err, tt.want, tt.retryable)
			tellsNothing(t, err, session)
			for _, r := range w.proxy.Requests() {
				if r.Host == "evil.example" {
					t.Error("the redirect was followed")
				}
			}
		})
	}
}

func tellsNothing(t *testing.T, err error, s alibabacloud.Session) {
	t.Helper()
	text := fmt.Sprintf("%v %+v %#v", err, err, err)
	for _, secret := range []string{s.SecurityToken, s.AccessKeySecret, s.AccessKeyID, "hunter2", "Signature"} {
		if strings.Contains(text, secret) {
			t.Errorf("the error holds a secret: %v", err)
		}
	}
}

// The SDK's own errors print the signed URL.
func TestUnreachableHostTellsNothing(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	session := w.session(w.variables())
	_, err := w.client.RegistryToken(t.Context(), alibabacloud.Place{Endpoint: "cr.none.example", Region: "cn-hangzhou", Session: session}, "cri-a")
	refusedAs(t, err, "GetAuthorizationToken: proxy "+strings.TrimPrefix(w.proxy.URL(), "http://")+" does not let it through: 502 Bad Gateway", true)
	tellsNothing(t, err, session)
}

func TestCallEndsWithItsContext(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	session := w.session(accessKey)
	arrived := make(chan struct{})
	w.cloud.Fault("DescribeKey", func(_ http.ResponseWriter, r *http.Request) {
		close(arrived)
		<-r.Context().Done()
	})
	ctx, cancel := context.WithCancel(t.Context())
	go func() {
		<-arrived
		cancel()
	}()
	_, err := w.client.DescribeKey(ctx, at("kms", session), "key-1")
	if !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
	w.cloud.Fault("DescribeKey", func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() })
	client := w.newClient(alibabacloud.Options{Transport: roundTripper(w), Timeout: 50 * time.Millisecond})
	_, err = client.DescribeKey(t.Context(), at("kms", session), "key-1")
	if !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("got %v", err)
	}
	refusedAs(t, err, "DescribeKey: no answer in time", true)
}

// One client serves many goroutines; the race detector watches the SDK.
func TestCallsTogether(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.cloud.AddKey(t, "key-1", "EC_P256")
	w.cloud.Instances = []cloudtest.AlibabaInstance{{ID: "cri-a", Name: "acme", Region: "cn-hangzhou"}}
	session := w.session(accessKey)
	var wg sync.WaitGroup
	for range 32 {
		wg.Go(func() {
			if _, err := w.client.DescribeKey(t.Context(), at("kms", session), "key-1"); err != nil {
				t.Error(err)
			}
			if _, err := w.client.RegistryToken(t.Context(), at("cr", session), "cri-a"); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
}

// A wrong key or a stale session is refused: the fake's check can fail.
func TestWrongKeyIsRefused(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	good := w.session(w.variables())
	for _, tt := range []struct {
		session alibabacloud.Session
		want    string
	}{
		{alibabacloud.Session{AccessKeyID: good.AccessKeyID, AccessKeySecret: "wrong", SecurityToken: good.SecurityToken}, "SignatureDoesNotMatch"},
		{alibabacloud.Session{AccessKeyID: good.AccessKeyID, AccessKeySecret: good.AccessKeySecret, SecurityToken: "wrong"}, "InvalidSecurityToken.Malformed"},
		{alibabacloud.Session{AccessKeyID: "unknown", AccessKeySecret: good.AccessKeySecret}, "InvalidAccessKeyId.NotFound"},
	} {
		_, err := w.client.DescribeKey(t.Context(), at("kms", tt.session), "key-1")
		refusedAs(t, err, tt.want, false)
		_, err = w.client.PersonalToken(t.Context(), at("cr", tt.session))
		refusedAs(t, err, tt.want, false)
	}
}

func TestHostsAndRegionsThatAreNone(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for _, p := range []alibabacloud.Place{
		{Endpoint: ""},
		{Endpoint: "kms.example/x?"},
		{Endpoint: "user@kms.example"},
		{Endpoint: "KMS.example"},
		{Endpoint: "kms.cn-hangzhou.aliyuncs.com", Region: "cn hangzhou"},
	} {
		if _, err := w.client.DescribeKey(t.Context(), p, "key-1"); err == nil {
			t.Errorf("%+v was asked", p)
		}
	}
	if n := len(w.proxy.Requests()); n != 0 {
		t.Errorf("%d requests were made", n)
	}
}

// DEBUG=sdk makes the SDK print what is secret.
func TestDebugOfTheSDKIsRefused(t *testing.T) {
	t.Setenv("DEBUG", "http,sdk")
	if _, err := alibabacloud.New(alibabacloud.Options{}); !errors.Is(err, alibabacloud.ErrDebug) {
		t.Errorf("got %v", err)
	}
}
