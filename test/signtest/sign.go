// SPDX-License-Identifier: Apache-2.0

package signtest

import (
	"cmp"
	"context"
	"crypto/x509"
	"encoding/json"
	"fmt"
	"maps"
	"time"

	"github.com/notaryproject/notation-core-go/signature"
	"github.com/notaryproject/notation-core-go/signature/cose"
	"github.com/notaryproject/notation-core-go/signature/jws"
	"github.com/notaryproject/tspclient-go"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
)

// Format is the media type of an envelope.
type Format string

// The envelope formats of the Notary Project.
const (
	JWS  Format = jws.MediaTypeEnvelope
	COSE Format = cose.MediaTypeEnvelope
)

// Formats are all formats, for tests that range over them.
func Formats() []Format { return []Format{JWS, COSE} }

// SignOptions says what is different about a signature. The zero value signs as
// notation does by default.
type SignOptions struct {
	// Format of the envelope. Empty: JWS.
	Format Format
	// SigningTime is what the envelope claims. Zero: now.
	SigningTime time.Time
	// Expiry is how long after SigningTime the signature expires. Zero: never.
	Expiry time.Duration
	// Scheme of signing. Empty: notary.x509.
	Scheme signature.SigningScheme
	// TSA countersigns the signature. Nil: nobody.
	TSA *TSA
	// UserMetadata are the annotations signed along.
	UserMetadata map[string]string
	// PayloadType replaces the content type of the payload, to be wrong.
	PayloadType string
	// TargetOverride is signed in place of the subject, to lie.
	TargetOverride *ocispec.Descriptor
	// Payload is signed in place of everything above, to be malformed. For JWS it
	// must be a JSON object.
	Payload []byte
	// Attributes are further signed attributes.
	Attributes []signature.Attribute
	// Agent is the unsigned name of the signing software. Empty: "signtest".
	Agent string
}

// Schemes of signing.
const (
	SchemeX509             = signature.SigningSchemeX509
	SchemeSigningAuthority = signature.SigningSchemeX509SigningAuthority
)

const payloadType = "application/vnd.cncf.notary.payload.v1+json"

// Envelope is a signed container, the one layer of a signature manifest.
type Envelope struct {
	MediaType string
	Bytes     []byte
}

// Sign signs subject.
//
// It uses the library below notation-go, because notation-go itself always takes the
// present as signing time and knows no other scheme, payload or target.
func (s *Signer) Sign(ctx context.Context, subject ocispec.Descriptor, o SignOptions) (Envelope, error) {
	request, err := s.request(ctx, subject, o)
	if err != nil {
		return Envelope{}, err
	}
	mediaType := string(cmp.Or(o.Format, JWS))
	envelope, err := signature.NewEnvelope(mediaType)
	if err != nil {
		return Envelope{}, fmt.Errorf("sign %s: %w", subject.Digest, err)
	}
	raw, err := envelope.Sign(request)
	if err != nil {
		return Envelope{}, fmt.Errorf("sign %s: %w", subject.Digest, err)
	}
	return Envelope{MediaType: mediaType, Bytes: raw}, nil
}

func (s *Signer) request(ctx context.Context, subject ocispec.Descriptor, o SignOptions) (*signature.SignRequest, error) {
	signer, err := signature.NewLocalSigner(s.Chain, s.Key)
	if err != nil {
		return nil, fmt.Errorf("use key of %q: %w", s.Cert().Subject, err)
	}
	content, err := payload(subject, o)
	if err != nil {
		return nil, err
	}
	request := &signature.SignRequest{
		Payload:                  signature.Payload{ContentType: cmp.Or(o.PayloadType, payloadType), Content: content},
		Signer:                   signer,
		SigningTime:              timeOr(o.SigningTime, 0),
		ExtendedSignedAttributes: o.Attributes,
		SigningAgent:             cmp.Or(o.Agent, "signtest"),
		SigningScheme:            cmp.Or(o.Scheme, SchemeX509),
	}
	if o.Expiry != 0 {
		request.Expiry = request.SigningTime.Add(o.Expiry)
	}
	if o.TSA != nil {
		request.Timestamper, err = tspclient.NewHTTPTimestamper(nil, o.TSA.URL)
		if err != nil {
			return nil, fmt.Errorf("use TSA %s: %w", o.TSA.URL, err)
		}
		request.TSARootCAs = x509.NewCertPool()
		request.TSARootCAs.AddCert(o.TSA.CA.Cert)
	}
	return request.WithContext(ctx), nil
}

// payload is the document that is signed: the target with only the fields the
// specification lists.
//
// Spec: Notary Project signature specification v1.1.0, "Payload".
func payload(subject ocispec.Descriptor, o SignOptions) ([]byte, error) {
	if o.Payload != nil {
		return o.Payload, nil
	}
	target := subject
	if o.TargetOverride != nil {
		target = *o.TargetOverride
	}
	annotations := maps.Clone(target.Annotations)
	if len(o.UserMetadata) > 0 && annotations == nil {
		annotations = make(map[string]string)
	}
	maps.Copy(annotations, o.UserMetadata)
	content, err := json.Marshal(map[string]ocispec.Descriptor{"targetArtifact": {
		MediaType:   target.MediaType,
		Digest:      target.Digest,
		Size:        target.Size,
		Annotations: annotations,
	}})
	if err != nil {
		return nil, fmt.Errorf("encode payload for %s: %w", target.Digest, err)
	}
	return content, nil
}
