// SPDX-License-Identifier: Apache-2.0

package registry_test

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/opa-ratify/opa-ratify/builtins/internal/outbound"
	"github.com/opa-ratify/opa-ratify/builtins/internal/reference"
	"github.com/opa-ratify/opa-ratify/builtins/internal/registry"
	"github.com/opa-ratify/opa-ratify/builtins/internal/report"
	"github.com/opa-ratify/opa-ratify/test/registrytest"
)

// question is one of the four a client asks.
type question func(context.Context, *registry.Client, *world) error

func resolveTag(ctx context.Context, c *registry.Client, w *world) error {
	_, err := c.Resolve(ctx, w.byTag())
	return err
}

func resolveDigest(ctx context.Context, c *registry.Client, w *world) error {
	_, err := c.Resolve(ctx, w.byDigest())
	return err
}

func listReferrers(ctx context.Context, c *registry.Client, w *world) error {
	_, err := c.Referrers(ctx, w.byDigest(), signatureType)
	return err
}

func fetchManifest(ctx context.Context, c *registry.Client, w *world) error {
	_, _, err := c.Manifest(ctx, w.byDigest(), w.signature)
	return err
}

func fetchUnknownManifest(ctx context.Context, c *registry.Client, w *world) error {
	_, _, err := c.Manifest(ctx, w.byDigest(), ocispec.Descriptor{Digest: w.signature.Digest})
	return err
}

func fetchBlob(ctx context.Context, c *registry.Client, w *world) error {
	_, err := c.Blob(ctx, w.byDigest(), w.envelope)
	return err
}

func fetchUnknownBlob(ctx context.Context, c *registry.Client, w *world) error {
	_, err := c.Blob(ctx, w.byDigest(), ocispec.Descriptor{Digest: w.envelope.Digest})
	return err
}

var all = []question{resolveTag, resolveDigest, listReferrers, fetchManifest, fetchUnknownManifest, fetchBlob, fetchUnknownBlob}

func TestFaultsAreToldApart(t *testing.T) {
	t.Parallel()
	other := digest.FromString("another content")
	for _, tt := range []struct {
		name      string
		action    registrytest.Action
		asks      []question
		code      report.Code
		retryable bool
	}{
		{"404", registrytest.Status(404, nil), []question{resolveTag, resolveDigest, fetchManifest, fetchBlob}, report.NotFound, false},
		{"401 without challenge", registrytest.Status(401, nil), all, report.Unauthorized, false},
		{"401 for ever", registrytest.Challenge(`Basic realm="x"`), all, report.Unauthorized, false},
		{"401 of an unknown scheme", registrytest.Challenge(`Negotiate abc`), all, report.Unauthorized, false},
		{"403", registrytest.Status(403, nil), all, report.Unauthorized, false},
		{"429", registrytest.Status(429, nil), all, report.RateLimited, true},
		{"400", registrytest.Status(400, nil), all, report.InvalidResponse, false},
		{"405 on the list", registrytest.Status(405, nil), []question{listReferrers}, report.InvalidResponse, false},
		{"500", registrytest.Status(500, nil), all, report.Unavailable, true},
		{"503", registrytest.Status(503, nil), all, report.Unavailable, true},
		{"204", registrytest.Status(204, nil), all, report.InvalidResponse, false},
		{"connection reset", registrytest.Reset(), all, report.Unavailable, true},
		{"cut in the middle", registrytest.Disconnect(5), []question{listReferrers, fetchManifest, fetchBlob, fetchUnknownBlob}, report.Unavailable, true},
		{"first byte flipped", registrytest.FlipByte(0), []question{fetchManifest, fetchUnknownManifest, fetchBlob, fetchUnknownBlob}, report.DigestMismatch, false},
		{"last byte flipped", registrytest.FlipByte(1 << 30), []question{listReferrers}, report.InvalidResponse, false},
		{"truncated politely", registrytest.Truncate(3), []question{fetchManifest, fetchUnknownManifest, fetchBlob, fetchUnknownBlob}, report.DigestMismatch, false},
		{"emptied", registrytest.Truncate(0), []question{fetchManifest, fetchUnknownManifest, fetchBlob, fetchUnknownBlob}, report.DigestMismatch, false},
		{"one byte more", registrytest.Replace([]byte("envelope.")), []question{fetchBlob, fetchUnknownBlob}, report.DigestMismatch, false},
		{"wrong digest header", registrytest.WrongDigestHeader(other), []question{resolveDigest, fetchManifest, fetchUnknownManifest, fetchBlob}, report.DigestMismatch, false},
		{"declared oversize", registrytest.Oversize(1<<20, 1<<20), []question{fetchUnknownManifest, fetchUnknownBlob, listReferrers}, report.TooLarge, false},
		{"undeclared oversize", registrytest.Oversize(1<<20, -1), []question{fetchUnknownManifest, fetchUnknownBlob, listReferrers}, report.TooLarge, false},
		{"more than the descriptor says", registrytest.Oversize(1<<20, -1), []question{fetchManifest, fetchBlob}, report.DigestMismatch, false},
		{"HTML", registrytest.Replace([]byte("<html>")), []question{listReferrers}, report.InvalidResponse, false},
		{"the type of another manifest", registrytest.WrongContentType(ocispec.MediaTypeImageIndex), []question{fetchManifest, fetchUnknownManifest}, report.InvalidResponse, false},
		{"redirect in a circle", registrytest.Redirect("/v2/app/blobs/" + other.String()), all, report.InvalidResponse, false},
		{"redirect to cloud metadata", registrytest.Redirect("http://169.254.169.254/latest/meta-data/"), all, report.RegistryNotAllowed, false},
		{"redirect to the metadata name", registrytest.Redirect("http://metadata.google.internal/"), all, report.RegistryNotAllowed, false},
		{"redirect to a file", registrytest.Redirect("file:///etc/passwd"), all, report.InvalidResponse, false},
		{"endless pages", registrytest.EndlessPages(), []question{listReferrers}, report.TooMany, false},
		{"next page elsewhere", registrytest.NextPage("https://evil.example/v2/app/referrers/x?n=1"), []question{listReferrers}, report.InvalidResponse, false},
		{"next page is the page", registrytest.NextPage("?n=1"), []question{listReferrers}, report.InvalidResponse, false},
		{"next page of another list", registrytest.NextPage("/v2/other/referrers/x?n=1"), []question{listReferrers}, report.InvalidResponse, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			for i, ask := range tt.asks {
				w := newWorld(t, registrytest.Options{})
				w.Inject(registrytest.Fault{Action: tt.action})
				c := client(t, registry.Options{Limits: registry.Limits{ManifestBytes: 64 << 10, BlobBytes: 64 << 10, IndexBytes: 64 << 10}})
				err := ask(t.Context(), c, w)
				if code, retryable := registry.Classify(err); code != tt.code || retryable != tt.retryable {
					t.Errorf("question %d: got %s, retryable %v; want %s, %v: %v", i, code, retryable, tt.code, tt.retryable, err)
				}
				var e *registry.Error
				if errors.As(err, &e) && (e.Host != w.Host() || e.Op == "") {
					t.Errorf("question %d: the error does not say who was asked what: %+v", i, e)
				}
			}
		})
	}
}

func TestTimeoutStaysDeadlineExceeded(t *testing.T) {
	t.Parallel()
	for name, action := range map[string]registrytest.Action{
		"hung": registrytest.Hang(), "slow": registrytest.SlowDrip(1, time.Hour),
	} {
		for i, ask := range []question{listReferrers, fetchManifest, fetchBlob} {
			w := newWorld(t, registrytest.Options{})
			w.Inject(registrytest.Fault{Action: action})
			ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
			err := ask(ctx, client(t, registry.Options{}), w)
			cancel()
			code, retryable := registry.Classify(err)
			if code != report.Timeout || !retryable || !errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("%s %d: got %s, %v: %v", name, i, code, retryable, err)
			}
		}
	}
}

func TestCancellationStaysCanceled(t *testing.T) {
	t.Parallel()
	w := newWorld(t, registrytest.Options{})
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := resolveTag(ctx, client(t, registry.Options{}), w); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
}

func TestPassingFailuresAreRetried(t *testing.T) {
	t.Parallel()
	for name, action := range map[string]registrytest.Action{
		"503": registrytest.Status(503, nil), "reset": registrytest.Reset(), "cut": registrytest.Disconnect(5),
		"429 that fits": registrytest.Status(429, http.Header{"Retry-After": {"0"}}),
	} {
		for i, ask := range []question{listReferrers, fetchManifest, fetchBlob} {
			w := newWorld(t, registrytest.Options{})
			w.Inject(registrytest.Fault{Action: action, Times: 2})
			if err := ask(t.Context(), client(t, registry.Options{}), w); err != nil {
				t.Errorf("%s %d: %v", name, i, err)
			}
		}
	}
}

func TestRetriesAreFew(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name   string
		action registrytest.Action
		want   int
	}{
		{"503", registrytest.Status(503, nil), 4},
		{"403", registrytest.Status(403, nil), 1},
		{"flipped", registrytest.FlipByte(1), 1},
		{"429 for an hour", registrytest.Status(429, http.Header{"Retry-After": {"3600"}}), 1},
	} {
		w := newWorld(t, registrytest.Options{})
		w.Inject(registrytest.Fault{Action: tt.action})
		if err := fetchBlob(t.Context(), client(t, registry.Options{}), w); err == nil {
			t.Errorf("%s: no error", tt.name)
		}
		if n := len(w.Requests()); n != tt.want {
			t.Errorf("%s: %d requests, want %d", tt.name, n, tt.want)
		}
	}
}

func TestRetryAfterIsKept(t *testing.T) {
	t.Parallel()
	w := newWorld(t, registrytest.Options{})
	w.Inject(registrytest.Fault{Action: registrytest.Status(429, http.Header{"Retry-After": {"90"}})})
	var e *registry.Error
	err := resolveTag(t.Context(), client(t, registry.Options{}), w)
	if !errors.As(err, &e) || e.RetryAfter != 90*time.Second || e.Status != 429 {
		t.Errorf("got %+v", e)
	}
}

func TestUnreachableHosts(t *testing.T) {
	t.Parallel()
	w := newWorld(t, registrytest.Options{})
	w.Close()
	err := resolveTag(t.Context(), client(t, registry.Options{}), w)
	if code, retryable := registry.Classify(err); code != report.Unavailable || !retryable {
		t.Errorf("closed port: %s, %v: %v", code, retryable, err)
	}
}

func TestMetadataAddressIsNoRegistry(t *testing.T) {
	t.Parallel()
	for _, host := range []string{"169.254.169.254", "100.100.100.200:80", "[fd00:ec2::254]", "metadata.google.internal", "[fe80::1]"} {
		ref := reference.Reference{Registry: host, Repository: "app", Tag: "v1"}
		_, err := client(t, registry.Options{}).Resolve(t.Context(), ref)
		if code, _ := registry.Classify(err); code != report.RegistryNotAllowed || !errors.Is(err, outbound.ErrRefused) {
			t.Errorf("%s: %s: %v", host, code, err)
		}
	}
}

func TestErrorsKeepSecrets(t *testing.T) {
	t.Parallel()
	const secret = "hunter2hunter2"
	signed := "http://169.254.169.254/blob?X-Amz-Signature=" + secret
	for name, action := range map[string]registrytest.Action{
		"refused redirect": registrytest.Redirect(signed),
		"broken redirect":  registrytest.Redirect("http://%zz/?sig=" + secret),
		"closed redirect":  registrytest.Redirect("http://127.0.0.1:1/blob?sig=" + secret),
		"message": registrytest.Custom(func(http.Handler) http.Handler {
			return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
				w.WriteHeader(http.StatusForbidden)
				_, _ = w.Write([]byte(`{"errors":[{"code":"DENIED","message":"no access with token=` + secret + ` at https://u:` + secret + `@s.example/?q=` + secret + `"}]}`))
			})
		}),
	} {
		for i, ask := range all {
			w := newWorld(t, registrytest.Options{})
			w.Inject(registrytest.Fault{Action: action})
			err := ask(t.Context(), client(t, registry.Options{}), w)
			if err == nil || strings.Contains(err.Error(), secret) {
				t.Errorf("%s %d: %v", name, i, err)
			}
		}
	}
}

func TestErrorsSayWhoWasAskedWhatAndWhy(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name   string
		action registrytest.Action
		ask    question
		want   string
	}{
		{"404", registrytest.Status(404, nil), resolveTag, "HOST: HEAD /v2/app/manifests/v1: 404 Not Found"},
		{"403 with a code", registrytest.Status(403, nil), fetchBlob, "HOST: GET /v2/app/blobs/DIGEST: 403 Forbidden: DENIED: Forbidden; asked anonymously: no credential is configured for HOST"},
		{"flipped", registrytest.FlipByte(0), fetchBlob, "HOST: GET /v2/app/blobs/DIGEST: the answer's bytes do not have the digest DIGEST"},
		{"too large", registrytest.Oversize(64<<20, 64<<20), fetchUnknownBlob, "HOST: GET /v2/app/blobs/DIGEST: body exceeds its limit: it has 67108864 bytes, allowed are 16777216"},
	} {
		w := newWorld(t, registrytest.Options{})
		w.Inject(registrytest.Fault{Action: tt.action})
		err := tt.ask(t.Context(), client(t, registry.Options{}), w)
		want := strings.NewReplacer("HOST", w.Host(), "DIGEST", w.envelope.Digest.String()).Replace(tt.want)
		if err == nil || err.Error() != want {
			t.Errorf("%s:\ngot  %v\nwant %s", tt.name, err, want)
		}
	}
}
