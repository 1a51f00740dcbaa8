// SPDX-License-Identifier: Apache-2.0

package aws

import (
	"net/http"
	"strings"
	"testing"
	"time"
)

// The first is post-vanilla of AWS's own test suite for Signature Version 4; the
// others were made by the signer of aws-sdk-go-v2 v1.42.0.
func TestSignaturesAreThoseOfAWS(t *testing.T) {
	t.Parallel()
	kms := http.Header{"Content-Type": {"application/x-amz-json-1.1"}, "X-Amz-Target": {"TrentService.GetPublicKey"}}
	const body = `{"KeyId":"alias/release"}`
	for _, tt := range []struct {
		host, body, token, service, region string
		header                             http.Header
		at                                 time.Time
		want                               string
	}{
		{"example.amazonaws.com", "", "", "service", "us-east-1", http.Header{}, time.Date(2015, 8, 30, 12, 36, 0, 0, time.UTC), "5da7c1a2acd57cee7505fc6676e4e544621c30862966e37dddb68e92efbe5d6b"},
		{"kms.eu-central-1.amazonaws.com", body, "", "kms", "eu-central-1", kms, time.Date(2026, 9, 1, 12, 0, 0, 0, time.UTC), "98f971fa7c81baae21f0a8c765d6fe841416f93be083f032628ce4ac3d06c960"},
		{"kms.eu-central-1.amazonaws.com", body, "session/token==", "kms", "eu-central-1", kms, time.Date(2026, 9, 1, 12, 0, 0, 0, time.UTC), "44d5095d891ef00d7a58ce19afd6e32fef35db0488a336fc3a731131da6ccade"},
	} {
		req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "https://"+tt.host+"/", strings.NewReader(tt.body))
		if err != nil {
			t.Fatal(err)
		}
		req.Header = tt.header.Clone()
		sign(req, []byte(tt.body), key{"AKIDEXAMPLE", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY", tt.token}, tt.service, tt.region, tt.at)
		if got := req.Header.Get("Authorization"); !strings.HasSuffix(got, "Signature="+tt.want) {
			t.Errorf("%s: %s", tt.host, got)
		}
	}
}
