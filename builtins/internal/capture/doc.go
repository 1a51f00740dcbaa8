// SPDX-License-Identifier: Apache-2.0

// Package capture writes down what registries and revocation responders said, and
// says it again: the same questions get the same answers, offline, at the time at
// which they were put. That makes a policy about images testable without images.
//
//	registry ──▶ Recorder ──▶ verification as always      opa-ratify capture
//	                │
//	                ▼
//	            directory: OCI image layout + evidence.json
//	                │
//	                ▼
//	             Evidence ──▶ verification as always      RATIFY_EVIDENCE=directory
//
// Contents are kept under their digests as an OCI image layout has them and are
// hashed again when they are read. What a tag names, which referrers there are,
// what was not there and what went wrong stands in evidence.json. A question that
// was not put when the evidence was captured has no answer: report.NotCaptured,
// never "there is nothing".
//
// Spec: OCI image v1.1.1, "Image Layout".
package capture
