// SPDX-License-Identifier: Apache-2.0

package report

// Code is a stable reason. Policies branch on it; the message beside it is for
// people and may change.
type Code string

// The codes. Later releases add to them.
const (
	InvalidReference     Code = "invalid_reference"     // the image cannot be read as a reference
	RegistryNotAllowed   Code = "registry_not_allowed"  // the operator's allow-list does not name the registry, or its address is refused
	NotFound             Code = "not_found"             // the registry says 404: no such repository, tag or manifest
	Unauthorized         Code = "unauthorized"          // 401 or 403, or no usable credential
	Unavailable          Code = "unavailable"           // 5xx, connection refused or reset, name not resolved
	RateLimited          Code = "rate_limited"          // 429
	TLS                  Code = "tls_failure"           // the registry's certificate is not acceptable
	Timeout              Code = "timeout"               // time ran out
	TooLarge             Code = "too_large"             // a size limit was reached
	TooMany              Code = "too_many"              // a count limit was reached
	InvalidResponse      Code = "invalid_response"      // the registry's answer breaks the OCI specification
	DigestMismatch       Code = "digest_mismatch"       // bytes do not have the digest or size they were asked by
	NoSignature          Code = "no_signature"          // nothing of a kind the trust document accepts is attached
	NoTrustPolicy        Code = "no_trust_policy"       // no statement of the trust policy applies to the image
	NoTrustMaterial      Code = "no_trust_material"     // certificates or keys that the trust document names are not there
	MalformedSignature   Code = "malformed_signature"   // the signature manifest or its envelope cannot be read
	UnsupportedFormat    Code = "unsupported_format"    // an envelope, algorithm or critical attribute nobody here understands
	InvalidSignature     Code = "invalid_signature"     // the cryptographic check of the envelope fails
	SubjectMismatch      Code = "subject_mismatch"      // the signature is good, but for another image
	UntrustedCertificate Code = "untrusted_certificate" // the chain does not reach a trust store
	UntrustedIdentity    Code = "untrusted_identity"    // the chain is trusted, the signer is not among the trusted identities
	Expired              Code = "expired"               // the signature, or a certificate without a timestamp to prove it was in time
	NotYetValid          Code = "not_yet_valid"         // a certificate is not valid yet
	Revoked              Code = "revoked"               // a certificate is revoked
	RevocationUnknown    Code = "revocation_unknown"    // neither OCSP nor CRL answered
	MissingTimestamp     Code = "missing_timestamp"     // the policy wants a signed timestamp and there is none
	InvalidTimestamp     Code = "invalid_timestamp"     // the signed timestamp does not verify
	MissingLogEntry      Code = "missing_log_entry"     // the policy wants a transparency log entry and there is none
	InvalidLogEntry      Code = "invalid_log_entry"     // the log entry does not verify, or is about something else
	UntrustedLog         Code = "untrusted_log"         // the log entry is by a log that the trusted root does not have
	UntrustedTimestamp   Code = "untrusted_timestamp"   // the signed timestamp is by an authority that the trusted root does not have
	MissingSCT           Code = "missing_sct"           // the certificate has no proof of the certificate transparency log
	InvalidSCT           Code = "invalid_sct"           // that proof is not by a log of the trusted root, or is for another certificate
	ExpiredRoot          Code = "expired_root"          // the trusted root's authority was not valid when the certificate was used
	UntrustedKey         Code = "untrusted_key"         // none of the trusted keys made the signature
	UntrustedIssuer      Code = "untrusted_issuer"      // the signer is known by a name, but not from the OIDC issuer that is trusted for it
	EmptySignature       Code = "empty_signature"       // there is a signature manifest, and nothing in it
	PredicateMismatch    Code = "predicate_mismatch"    // a statement of another predicate type than the one asked for
	AnnotationMismatch   Code = "annotation_mismatch"   // the signature lacks an annotation the request demands
	PlatformNotFound     Code = "platform_not_found"    // the index has no child for the demanded platform
	VerificationSkipped  Code = "verification_skipped"  // the trust policy's level is skip: nothing was checked
	NotCaptured          Code = "not_captured"          // the captured evidence that is used in place of a registry has no answer
	Internal             Code = "internal"              // a fault of ours; denied, please report
)
