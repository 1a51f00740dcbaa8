// SPDX-License-Identifier: Apache-2.0

// Package alibabacloudkms is the key provider of Alibaba Cloud Key Management
// Service: public keys of its signing keys by version, and certificates and
// public keys that are kept as its secrets or certificates.
//
//	session ──▶ DescribeKey ──▶ ListKeyVersions ──▶ GetPublicKey, per version
//	        ──▶ GetSecretValue, GetCertificate
//
// A key that is disabled, or is going to be deleted, counts as gone at once. The
// identity needs kms:DescribeKey, kms:ListKeyVersions, kms:GetPublicKey and, for
// what is configured, kms:GetSecretValue and kms:GetCertificate. Nothing here was
// run against the live service.
package alibabacloudkms

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/opa-ratify/opa-ratify/builtins/internal/alibabacloud"
	"github.com/opa-ratify/opa-ratify/builtins/internal/keys"
)

// Options configures a [Source].
type Options struct {
	// Client calls the service. For the gateway of a dedicated instance its
	// transport trusts that instance's authority. Required.
	Client *alibabacloud.Client
	// Sessions are those of the identity that may read. Required.
	Sessions *alibabacloud.Sessions
	// Region of the service, "cn-hangzhou". Required.
	Region string
	// Endpoint is a host name. Empty: kms.<region>.aliyuncs.com, in a VPC
	// kms-vpc.<region>.aliyuncs.com.
	Endpoint string
	// VPC asks the service at its address in VPCs. False: at its public one.
	VPC bool
	// Keys, Secrets and Certificates are what may be named. At least one.
	Keys, Secrets, Certificates []Item
}

// Item is one key, secret or certificate.
type Item struct {
	// ID of a key ("key-…", "alias/…") or certificate, or the name of a secret.
	// Required.
	ID string
	// Name is what trust documents call it. Empty: ID.
	Name string
	// Versions that count. Empty: all of a key, the current one of a secret.
	Versions []string
}

func (i Item) name() string {
	if i.Name != "" {
		return i.Name
	}
	return i.ID
}

// Source is a [keys.Source]. It may be shared between goroutines.
type Source struct{ o Options }

// New returns a source that has asked nobody yet.
func New(o Options) *Source {
	if o.Endpoint == "" {
		network := ""
		if o.VPC {
			network = "-vpc"
		}
		o.Endpoint = "kms" + network + "." + o.Region + ".aliyuncs.com"
	}
	return &Source{o: o}
}

// Fetch reads everything. What is not there or must not be read keeps none of the
// others.
func (s *Source) Fetch(ctx context.Context) (keys.Snapshot, error) {
	session, err := s.o.Sessions.Session(ctx)
	if err != nil {
		return keys.Snapshot{}, problem("", err)
	}
	at := alibabacloud.Place{Endpoint: s.o.Endpoint, Region: s.o.Region, Session: session}
	var snapshot keys.Snapshot
	var errs []error
	for _, of := range []struct {
		items []Item
		read  func(context.Context, alibabacloud.Place, Item) ([]keys.Key, error)
	}{{s.o.Keys, s.key}, {s.o.Secrets, s.secret}, {s.o.Certificates, s.certificate}} {
		for _, item := range of.items {
			found, err := of.read(ctx, at, item)
			if err != nil {
				errs = append(errs, err)
			}
			if err != nil && len(found) == 0 && !retryable(err) { // unnamed: the last good versions stay
				found = []keys.Key{{Name: item.name(), Err: err}}
			}
			snapshot.Keys = append(snapshot.Keys, found...)
		}
	}
	return snapshot, errors.Join(errs...)
}

// key reads the versions of a key. Of one that must not be used there are none.
func (s *Source) key(ctx context.Context, at alibabacloud.Place, item Item) ([]keys.Key, error) {
	described, err := s.o.Client.DescribeKey(ctx, at, item.ID)
	if err != nil {
		return nil, problem(item.ID, err)
	}
	if k, withdrawn := objection(item, described); withdrawn {
		return []keys.Key{k}, nil
	}
	versions, err := s.o.Client.KeyVersions(ctx, at, item.ID)
	if err != nil {
		return nil, problem(item.ID, err)
	}
	var found []keys.Key
	var errs []error
	for _, version := range wanted(item, versions) {
		k := keys.Key{Name: item.name(), Version: version, Latest: version == latest(described, versions)}
		k.PEM, err = s.o.Client.PublicKey(ctx, at, item.ID, version)
		if err != nil {
			k.Err = problem(item.ID+" version "+version, err)
			errs = append(errs, k.Err)
		}
		found = append(found, k)
	}
	return found, errors.Join(errs...)
}

// objection is what stands for a key that does not count.
func objection(item Item, k alibabacloud.KMSKey) (keys.Key, bool) {
	why := &keys.Error{Step: "DescribeKey " + item.ID}
	switch {
	case k.State != "Enabled":
		why.Code, why.Message = k.State, "the key is not enabled"
	case k.Usage != "SIGN/VERIFY":
		why.Message = fmt.Sprintf("its usage is %q; only keys made for SIGN/VERIFY have signatures", k.Usage)
	default:
		return keys.Key{}, false
	}
	return keys.Key{Name: item.name(), Err: why}, true
}

func wanted(item Item, versions []string) []string {
	if len(item.Versions) > 0 {
		return item.Versions
	}
	return versions
}

// latest is the version that the service signs with.
func latest(k alibabacloud.KMSKey, versions []string) string {
	if k.Primary != "" && slices.Contains(versions, k.Primary) {
		return k.Primary
	}
	return slices.Concat(versions, []string{""})[0]
}

func (s *Source) secret(ctx context.Context, at alibabacloud.Place, item Item) ([]keys.Key, error) {
	versions := item.Versions
	if len(versions) == 0 {
		versions = []string{""}
	}
	var found []keys.Key
	var errs []error
	for i, version := range versions {
		secret, err := s.o.Client.Secret(ctx, at, item.ID, version)
		if err != nil {
			err = problem(item.ID, err)
			errs = append(errs, err)
			if version != "" {
				found = append(found, keys.Key{Name: item.name(), Version: version, Err: err})
			}
			continue
		}
		found = append(found, keys.Key{Name: item.name(), Version: secret.Version, PEM: secret.Data, Latest: i == 0})
	}
	return found, errors.Join(errs...)
}

func (s *Source) certificate(ctx context.Context, at alibabacloud.Place, item Item) ([]keys.Key, error) {
	chain, err := s.o.Client.Certificate(ctx, at, item.ID)
	if err != nil {
		return nil, problem(item.ID, err)
	}
	return []keys.Key{{Name: item.name(), PEM: chain, Latest: true}}, nil
}

// problem turns an error of the service into one of key providers.
func problem(what string, err error) error {
	e, ok := errors.AsType[*alibabacloud.Error](err)
	if !ok {
		return &keys.Error{Step: "session", Message: err.Error(), Retryable: true, Err: err}
	}
	step := e.Step
	if what != "" {
		step += " " + what
	}
	return &keys.Error{Step: step, Code: e.Code, Message: e.Message, RequestID: e.RequestID, Retryable: e.Retryable || aboutCaller(e.Code), Err: e.Err}
}

// aboutCaller: what is refused because of who asks tells nothing about the key.
func aboutCaller(code string) bool {
	return slices.Contains([]string{
		"NoPermission", "Forbidden.NoPermission", "Forbidden.RAM", "InvalidAccessKeyId.NotFound", "InvalidAccessKeyId.Inactive",
		"SignatureDoesNotMatch", "InvalidSecurityToken.Expired", "InvalidSecurityToken.Malformed", "InvalidTimeStamp.Expired", "SignatureNonceUsed",
	}, code)
}

func retryable(err error) bool {
	e, ok := errors.AsType[*keys.Error](err)
	return ok && e.Retryable
}
