// SPDX-License-Identifier: Apache-2.0

package azurekeyvault

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/asn1"
	"errors"
	"fmt"

	"software.sslmate.com/src/go-pkcs12"
)

// fromPKCS12 returns the certificates of a file whose password is empty, as the
// service's are.
//
// The library wants a private key in the file, and knows not every kind of MAC. The
// service leaves the key out if it is not exportable; and a MAC by an empty password
// proves nothing that the connection has not proven. So what the library refuses is
// read again, without its MAC and with a key that is made for it.
func fromPKCS12(raw []byte) ([]*x509.Certificate, error) {
	if err := checkIterations(raw, 0); err != nil {
		return nil, err
	}
	_, leaf, rest, err := pkcs12.DecodeChain(raw, "")
	if err == nil {
		return append([]*x509.Certificate{leaf}, rest...), nil
	}
	rewritten, rewriteErr := completed(raw)
	if rewriteErr != nil {
		return nil, fmt.Errorf("the PKCS#12 content cannot be read: %w; choose the content type %s", err, typePEM)
	}
	for _, candidate := range rewritten {
		if _, leaf, rest, again := pkcs12.DecodeChain(candidate, ""); again == nil {
			return append([]*x509.Certificate{leaf}, rest...), nil
		}
	}
	return nil, fmt.Errorf("the PKCS#12 content cannot be read: %w; choose the content type %s", err, typePEM)
}

// The outer structure of a file. Spec: RFC 7292, section 4.
type pfx struct {
	Version  int
	AuthSafe contentInfo
	MAC      asn1.RawValue `asn1:"optional"`
}

type contentInfo struct {
	Type    asn1.ObjectIdentifier
	Content asn1.RawValue `asn1:"tag:0,explicit,optional"`
}

type safeBag struct {
	ID    asn1.ObjectIdentifier
	Value asn1.RawValue `asn1:"tag:0,explicit"`
}

// completed returns raw without its MAC, as it is and with a key.
func completed(raw []byte) ([][]byte, error) {
	var file pfx
	if rest, err := asn1.Unmarshal(raw, &file); err != nil || len(rest) > 0 {
		return nil, errors.New("not PKCS#12")
	}
	var inner []byte
	var safes []contentInfo
	if _, err := asn1.Unmarshal(file.AuthSafe.Content.Bytes, &inner); err != nil {
		return nil, errors.New("not PKCS#12")
	}
	if _, err := asn1.Unmarshal(inner, &safes); err != nil {
		return nil, errors.New("not PKCS#12")
	}
	key, err := keySafe()
	if err != nil {
		return nil, err
	}
	without, errA := assemble(file, safes)
	with, errB := assemble(file, append(safes, key))
	return [][]byte{without, with}, errors.Join(errA, errB)
}

func assemble(file pfx, safes []contentInfo) ([]byte, error) {
	inner, err := asn1.Marshal(safes)
	if err != nil {
		return nil, err
	}
	file.AuthSafe.Content, err = octets(inner)
	if err != nil {
		return nil, err
	}
	file.MAC = asn1.RawValue{}
	return asn1.Marshal(file)
}

func octets(content []byte) (asn1.RawValue, error) {
	der, err := asn1.Marshal(content)
	return explicit(der), err
}

// explicit is der under the tag [0]; encoding/asn1 leaves that to the caller of a
// RawValue.
func explicit(der []byte) asn1.RawValue {
	return asn1.RawValue{Class: asn1.ClassContextSpecific, Tag: 0, IsCompound: true, Bytes: der}
}

// keySafe holds a private key that is used for nothing.
func keySafe() (contentInfo, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return contentInfo{}, err
	}
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return contentInfo{}, err
	}
	keyBag := asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 12, 10, 1, 1}
	bags, err := asn1.Marshal([]safeBag{{ID: keyBag, Value: explicit(der)}})
	if err != nil {
		return contentInfo{}, err
	}
	content, err := octets(bags)
	return contentInfo{Type: asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 7, 1}, Content: content}, err
}
